import { Validator } from "@seriousme/openapi-schema-validator";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { ERRORS } from "../../../src/model/errors.ts";
import { endpoint } from "../../../src/ops/endpoints.ts";
import { addAdminRoutes, createAdminServer } from "../../../src/ops/http.ts";
import { openApi } from "../../../src/ops/openapi.ts";
import { openAdmin, type AdminSite } from "./support.ts";
import { checkAgainst, type Document, type Operation } from "../../support/admin-wire.ts";

let site: AdminSite;
beforeEach(async () => void (site = await openAdmin()));
afterEach(() => site.stop());

async function served(): Promise<Document> {
  const { json } = await site.ask("viewer", "GET", "/api/v1/openapi.json");
  return json as unknown as Document;
}
const operationsOf = ({ paths }: Document): [string, string, Operation][] =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(
      ([method, one]) => [method.toUpperCase(), path, one] as [string, string, Operation],
    ),
  );
/** Static files of the console hold no data. */
const isStatic = (url: string) => /^\/(console(\/.*)?)?$/.test(url);

test("the document names exactly the routes that are there", async () => {
  const routes: string[] = [];
  const app = createAdminServer();
  app.addHook("onRoute", ({ method, url }) => {
    if (method !== "HEAD" && !isStatic(url))
      routes.push(`${String(method)} ${url.replaceAll(/:(\w+)/g, "{$1}")}`);
  });
  addAdminRoutes(app, site.deps);
  await app.ready();
  await app.close();
  const said = operationsOf(await served()).map(([method, path]) => `${method} ${path}`);
  expect(said.sort()).toEqual(routes.sort());
  expect(said.length).toBeGreaterThan(35);
});

test("the document is OpenAPI 3.1 by somebody else's judgement", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone({ ...(await served()) }));
  expect([valid, errors, validator.version]).toEqual([true, undefined, "3.1"]);
});

test("every route keeps its role, and refuses what its schema does not name", async () => {
  for (const [method, template, operation] of operationsOf(await served())) {
    const path = template.replaceAll(/\{\w+\}/g, "x");
    const name = `${method} ${path}`;
    const role = operation["x-role"];
    if (role === "anybody") {
      expect((await site.ask("nobody", method, path)).status, name).toBe(200);
      continue;
    }
    expect((await site.ask("nobody", method, path)).status, name).toBe(401);
    const lower = { admin: "operator", operator: "viewer" }[role];
    if (lower) expect((await site.ask(lower, method, path, body(method))).status, name).toBe(403);
    const odd = await site.ask(role, method, `${path}?unheardOf=1`, body(method));
    expect(odd.json, name).toMatchObject({ code: "INPUT_INVALID" });
    const schema = operation.requestBody?.content["application/json"]?.schema as
      { type?: string; required?: string[] } | undefined;
    if (!schema) continue;
    const wrong = await site.ask(role, method, path, { unheardOf: 1 });
    expect(wrong.json, name).toMatchObject({ code: "INPUT_INVALID" });
    for (const field of schema.required ?? []) expect(wrong.text, name).toContain(field);
  }
});
function body(method: string): object | undefined {
  return method === "GET" ? undefined : {};
}

/** What OpenAPI 3.1 asks for beyond valid JSON Schema (https://spec.openapis.org/oas/v3.1.0). */
describe("the rules of OpenAPI 3.1", () => {
  test("operations: unique ids, parameters of the template, described answers", async () => {
    const document = await served();
    const ids = new Set<string>();
    for (const [method, path, operation] of operationsOf(document)) {
      const name = `${method} ${path}`;
      expect(operation.operationId, name).toMatch(/^[a-z][A-Za-z0-9-]+$/);
      expect(ids.has(operation.operationId), name).toBe(false);
      ids.add(operation.operationId);
      expect(operation.summary, name).toMatch(/^[A-Z].+\.$/s);
      const { parameters = [] } = operation;
      const inPath = parameters.filter((it) => it.in === "path");
      expect(inPath.map((it) => `{${it.name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      for (const { required } of inPath) expect(required, name).toBe(true);
      expect(new Set(parameters.map((it) => `${it.in} ${it.name}`)).size).toBe(parameters.length);
      if (method === "GET") expect(operation.requestBody, name).toBeUndefined();
      for (const [status, { description, content }] of Object.entries(operation.responses)) {
        expect(status, name).toMatch(/^[2-5]\d\d$/);
        expect(description.length, name).toBeGreaterThan(0);
        for (const { schema } of Object.values(content))
          expect(Object.keys(schema).length, `${name} ${status}`).toBeGreaterThan(0);
      }
    }
  });

  test("every reference leads to a component, and every component is used", async () => {
    const document = await served();
    const text = JSON.stringify(document);
    const named = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to));
    const there = Object.keys(document.components.schemas).map(
      (it) => `#/components/schemas/${it}`,
    );
    expect([...named].sort()).toEqual(there.sort());
    expect(text).not.toContain("$defs");
    for (const key of ['"$schema"', '"$id"', '"readOnly"']) expect(text).not.toContain(key);
  });

  test("every schema is JSON Schema, and every refusal a problem with a known code", async () => {
    const document = await served();
    expect(document.components.schemas).toMatchObject({
      Problem: { required: ["code", "message", "next"] },
      ErrorCode: { enum: Object.keys(ERRORS) },
    });
    const check = checkAgainst(document);
    for (const [method, template, { responses }] of operationsOf(document))
      for (const [status, { content }] of Object.entries(responses).filter(([it]) => it >= "400")) {
        if (template === "/ready" && status === "503") continue;
        const path = template.replaceAll(/\{\w+\}/g, "x");
        expect(content, path).toEqual({
          "application/json": { schema: { $ref: "#/components/schemas/Problem" } },
        });
        const seen = { method, path, status: Number(status), type: "application/json" };
        const good = { code: "NOT_FOUND", message: "m", next: "n" };
        expect(() => check({ ...seen, text: JSON.stringify(good) })).not.toThrow();
        const unknown = { ...good, code: "WHATEVER" };
        expect(() => check({ ...seen, text: JSON.stringify(unknown) })).toThrow(/code/);
      }
  });
});

describe("the check itself finds what the document does not say", () => {
  const seen = {
    method: "GET",
    path: "/live",
    status: 200,
    type: "application/json; charset=utf-8",
  };
  test.each([
    ["another path", { path: "/alive", text: '{"ok":true}' }],
    ["another method", { method: "POST", text: '{"ok":true}' }],
    ["another status", { status: 201, text: '{"ok":true}' }],
    ["another media type", { type: "text/html", text: '{"ok":true}' }],
    ["a field too much", { text: '{"ok":true,"extra":1}' }],
    ["a field too little", { text: "{}" }],
    ["another value", { text: '{"ok":false}' }],
  ])("%s", async (_what, change) => {
    const check = checkAgainst(await served());
    expect(() => check({ ...seen, text: '{"ok":true}' })).not.toThrow();
    expect(() => check({ ...seen, ...change })).toThrow();
  });

  test("a field too much deep inside", async () => {
    const check = checkAgainst(await served());
    const path = "/api/v1/quarantine";
    const item = { id: "q", account: "a", side: "legacy", sourceId: "s", code: "INPUT_INVALID" };
    const good = { ...item, detail: "?", state: "open", createdAt: "2026-03-02T09:00:00.000Z" };
    const say = (it: object) => check({ ...seen, path, text: JSON.stringify({ items: [it] }) });
    expect(() => say(good)).not.toThrow();
    expect(() => say({ ...good, subject: "content" })).toThrow(/subject/);
    expect(() => say({ ...good, createdAt: "yesterday" })).toThrow(/createdAt/);
  });
});

test("two different schemas of one name are a fault of ours, found when the document is made", () => {
  const one = (path: string, answer: z.ZodType) =>
    endpoint({
      ...{ method: "GET", path, role: "viewer", summary: "x", answer },
      run: () => Promise.resolve({}),
    });
  const a = z.object({ x: z.string() }).meta({ id: "SameName" });
  const b = z.object({ x: z.int() }).meta({ id: "SameName" });
  expect(() => openApi([one("/a", a), one("/b", a)])).not.toThrow();
  expect(() => openApi([one("/a", a), one("/b", b)])).toThrow("two schemas are named SameName");
});
