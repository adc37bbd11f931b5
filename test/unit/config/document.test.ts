import { writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { GOOD, load, problemsOf, writeSample } from "./sample.ts";

describe("the file itself", () => {
  test.each([
    ["broken YAML", "version: [1\nkeys: 2", /^2:1 {2}— not valid YAML: Flow sequence/],
    ["an alias", "version: &v 1\ndata: *v\n", /^1:13? {2}— anchors and aliases/],
    ["a tab", "version: 1\nhomeserver:\n\turl: x", /not valid YAML: Tabs are not allowed/],
    ["two documents", "version: 1\n---\nversion: 1", /not valid YAML/],
    ["an unknown tag", "version: !!js/function x", /not valid YAML: Unresolved tag/],
    ["a key that is no text", "version: 1\n? [a]\n: 2", /not valid YAML/],
    ["nesting without end", "[".repeat(100_000), /nested too deeply|not valid YAML/],
    ["an empty file", "", /^1:1 {2}— found null|is empty|is missing/],
    ["plain text", "hello", /found "hello"/],
  ])("%s", async (_what, text, expected) => {
    const problems = await problemsOf(text);
    expect(problems[0]).toMatch(expected);
  });

  test("an alias bomb ends at once", async () => {
    const lines = ["a: &a [x,x,x,x,x,x,x,x,x]"];
    for (let n = 1; n < 12; n++)
      lines.push(
        `k${n}: &k${n} [${Array<string>(9)
          .fill(n === 1 ? "*a" : `*k${n - 1}`)
          .join(",")}]`,
      );
    expect((await problemsOf(lines.join("\n")))[0]).toContain("anchors and aliases");
  });

  test("missing, too large, not UTF-8, a folder", async () => {
    await expect(load("/nowhere/config.yaml")).rejects.toThrow(
      "/nowhere/config.yaml — does not exist; begin with a copy of config.example.yaml",
    );
    await expect(load(writeSample("#".repeat(1_000_001)))).rejects.toThrow("is larger than 1 MB");
    const file = writeSample("");
    writeFileSync(file, Buffer.from([0x61, 0xff, 0xfe]));
    await expect(load(file)).rejects.toThrow("is not UTF-8");
    await expect(load(dirname(file))).rejects.toThrow("is a folder");
  });

  test("dangerous names stay data", async () => {
    const problems = await problemsOf(`${GOOD}__proto__: { polluted: true }\n`);
    expect(problems[0]).toContain("__proto__ — unknown key");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});
