import { Linter } from "eslint";
import { describe, expect, test } from "vitest";
import { judgeImport, layers } from "../../../.ci/layers.js";

describe("judgeImport", () => {
  test.each([
    ["bridges/bundid/index.ts", "../../src/bridge/contract.ts"],
    ["bridges/bundid/index.ts", "../../src/model/message.ts"],
    ["bridges/bundid/index.ts", "../../src/guard/crypto.ts"],
    ["bridges/bundid/inlet/server.ts", "../codec.ts"],
    ["bridges/bundid/index.ts", "postfach-bridge/bridge"],
    ["bridges/bundid/index.ts", "zod"],
    ["src/guard/egress.ts", "undici"],
    ["src/ops/http.ts", "node:http"],
    ["src/store/sqlite.ts", "node:sqlite"],
    ["src/store/sqlite.ts", "../model/message.ts"],
    ["test/unit/a.test.ts", "../../bridges/bundid/index.ts"],
    ["fixtures/simulators/zbp/server.ts", "node:https"],
  ])("%s may import %s", (file, specifier) => {
    expect(judgeImport(file, specifier)).toBeUndefined();
  });

  test.each([
    ["bridges/bundid/index.ts", "../osci/index.ts"],
    ["bridges/bundid/index.ts", "../bundid-old/index.ts"],
    ["bridges/bundid/index.ts", "../../src/store/sqlite.ts"],
    ["bridges/bundid/index.ts", "../../fixtures/simulators/zbp/server.ts"],
    ["bridges/bundid/index.ts", "postfach-bridge/conformance/bridge"],
    ["bridges/bundid/transport.ts", "node:https"],
    ["bridges/bundid/transport.ts", "undici"],
    ["src/gateway.ts", "../bridges/bundid/index.ts"],
    ["src/cli/run.ts", "../../test/support/clock.ts"],
    ["src/pipeline/lane.ts", "http"],
    ["src/pipeline/lane.ts", "undici/types/fetch"],
  ])("%s may not import %s", (file, specifier) => {
    expect(judgeImport(file, specifier)).toBeTypeOf("string");
  });

  test("a type of a HTTP module opens no socket", () => {
    expect(judgeImport("src/bridge/contract.ts", "undici", true)).toBeUndefined();
  });
});

test.each([
  `import { x } from "../osci/index.ts";`,
  `export { x } from "../osci/index.ts";`,
  `export * from "../osci/index.ts";`,
  `await import("../osci/index.ts");`,
])("the rule sees %s", (code) => {
  const config = {
    files: ["**/*.ts"],
    plugins: { layers },
    rules: { "layers/imports": "error" as const },
  };
  const found = new Linter({ cwd: "/project" }).verify(code, config, {
    filename: "/project/bridges/bundid/index.ts",
  });
  expect(found.map((message) => message.ruleId)).toEqual(["layers/imports"]);
});
