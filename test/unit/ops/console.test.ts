import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fastify } from "fastify";
import { afterAll, expect, test } from "vitest";
import { addConsole, CONSOLE_FILES } from "../../../src/ops/console.ts";

const folder = new URL("../../../src/ops/console/", import.meta.url);
const textOf = (name: string) => readFileSync(new URL(name, folder), "utf8");
const app = fastify();
addConsole(app);
afterAll(() => app.close());
const get = (url: string) => app.inject({ method: "GET", url });

test("every file of the folder is served, and nothing else", async () => {
  expect(readdirSync(folder).toSorted()).toEqual([...CONSOLE_FILES].toSorted());
  for (const name of CONSOLE_FILES) {
    const answer = await get(name === "index.html" ? "/console/" : `/console/${name}`);
    expect([answer.statusCode, answer.body], name).toEqual([200, textOf(name)]);
    expect(answer.headers["content-type"], name).toMatch(/^text\/(html|css|javascript);/);
  }
  for (const path of ["/console/words.ts", "/console/../http.ts", "/console/%2e%2e/http.ts"])
    expect((await get(path)).statusCode, path).toBe(404);
  expect((await get("/console")).headers.location).toBe("/console/");
});

test("a browser is told to run and to load nothing that is not ours, and to show it in no frame", async () => {
  const { headers } = await get("/console/");
  const policy = String(headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
  expect(headers).toMatchObject({
    ...{ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" },
    "x-frame-options": "DENY",
  });
});

test("nothing comes from elsewhere, and no text ever becomes markup or code", () => {
  for (const name of CONSOLE_FILES) {
    const text = textOf(name);
    expect(text, name).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|setTimeout\(["'`]/,
    );
    expect(text, name).not.toMatch(/(?:src|href|url|from|import)\s*[=(]?\s*["'](?:https?:)?\/\//i);
    expect(text, name).not.toMatch(/\son[a-z]+="|style="|localStorage|document\.cookie/);
    for (const [, other = ""] of text.matchAll(/from "\.\/([^"]+)"/g))
      expect(CONSOLE_FILES as readonly string[], `${name} imports ${other}`).toContain(other);
  }
});

test("every module parses, and what it imports is there", () => {
  // All but main.js need a document only when they are called; main.js comes as far as asking for it.
  const urls = CONSOLE_FILES.filter((name) => name.endsWith(".js")).map(
    (name) => new URL(name, folder).href,
  );
  const script = `
    const tell = (error) => String(error);
    console.log(JSON.stringify(await Promise.all(
      ${JSON.stringify(urls)}.map((url) => import(url).then(() => "ok", tell)))))`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", script],
    { encoding: "utf8", timeout: 20_000 },
  );
  expect(stdout, stderr).not.toBe("");
  expect(urls[0]).toMatch(/\/main\.js$/);
  const [main, ...others] = JSON.parse(stdout) as string[];
  expect(main).toBe("ReferenceError: document is not defined");
  expect(others).toEqual(others.map(() => "ok"));
  expect(others.length).toBeGreaterThan(5);
});
