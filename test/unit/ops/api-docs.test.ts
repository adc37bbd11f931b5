import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROLES } from "../../../src/ops/access.ts";
import { STATUS_MEANING } from "../../../src/ops/problems.ts";
import { openAdmin, type AdminSite } from "./support.ts";
import { operationFor, type Document } from "../../support/admin-wire.ts";

const read = (name: string) =>
  readFileSync(new URL(`../../../docs/${name}`, import.meta.url), "utf8");
const docs = read("api.md");
let site: AdminSite;
let document: Document;
beforeAll(async () => {
  site = await openAdmin();
  const { json } = await site.ask("viewer", "GET", "/api/v1/openapi.json");
  document = json as unknown as Document;
});
afterAll(() => site.stop());

test("docs/api.md lists every request with its role, and nothing else", () => {
  const listed = [...docs.matchAll(/^\| `([A-Z]+ \/\S*)` +\| (\S+) +\| \w.+\.(?: +)?\|$/gm)];
  const rows = listed.map(([, request, role]) => `${request} | ${role}`);
  const wanted = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { "x-role": role }]) => {
      return `${method.toUpperCase()} ${path} | ${role === "anybody" ? "–" : role}`;
    }),
  );
  expect(rows.sort()).toEqual(wanted.sort());
});

test("docs/api.md names every role, and statuses that the gateway has", () => {
  for (const role of ROLES) expect(docs).toMatch(new RegExp(`^\\| \`${role}\` +\\|`, "m"));
  const statuses = [...docs.matchAll(/^\| (\d{3}) +\|/gm)].map(([, status]) => status ?? "");
  expect(statuses.length).toBeGreaterThan(6);
  for (const status of statuses) expect(Object.keys(STATUS_MEANING)).toContain(status);
});

test.each(["api.md", "cli.md", "people.md", "transition.md", "umstellung.md"])(
  "every request that %s shows exists",
  (name) => {
    const shown = [...read(name).matchAll(/`?(GET|POST|PUT|DELETE) (\/api\/v1\/[\w/{}:.-]*\w)/g)];
    for (const [, method = "", path = ""] of shown) {
      const plain = path.replaceAll(/\{\w+\}|:\w+/g, "x");
      expect(operationFor(document, method, plain), `${method} ${path}`).toBeDefined();
    }
  },
);
