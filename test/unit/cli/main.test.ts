import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));

async function start(
  ...args: readonly string[]
): Promise<{ code: unknown; out: string; err: string }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (texts.out += piece));
  child.stderr.setEncoding("utf8").on("data", (piece: string) => (texts.err += piece));
  const [code] = (await once(child, "close")) as [unknown];
  return { code, ...texts };
}

test("the process ends with the exit code of the command, and writes where it belongs", async () => {
  expect(await start("check", "--config", "/nowhere/config.yaml")).toEqual({
    code: 2,
    out: "",
    err: "✗ /nowhere/config.yaml — does not exist; begin with a copy of config.example.yaml\n1 problem\n",
  });
  const { code, out, err } = await start("nothing", "--json");
  expect({ code, out }).toEqual({ code: 64, out: "" });
  expect(JSON.parse(err)).toMatchObject({ error: { code: "USAGE" } });
});
