import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";

/**
 * The German page for operators, on the admin port. It is static and carries no data: everything comes through the admin
 * API with the token that a person gives. Nothing is loaded from elsewhere, nothing runs that is not in these files.
 */
export const CONSOLE_FILES = [
  "index.html",
  "console.css",
  ...["main.js", "api.js", "dom.js", "words.js"],
  ...["overview.js", "letters.js", "letter.js", "quarantine.js", "transition.js", "links.js"],
  "audit.js",
] as const;

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Read once, at start: a file that is missing shows then and not in the night. */
export function addConsole(app: FastifyInstance): void {
  app.get("/console", (_request, reply) => reply.redirect("/console/"));
  for (const name of CONSOLE_FILES) {
    const body = readFileSync(new URL(`console/${name}`, import.meta.url));
    const type = TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
    const path = name === "index.html" ? "/console/" : `/console/${name}`;
    app.get(path, (_request, reply) => reply.headers(HEADERS).type(type).send(body));
  }
}
