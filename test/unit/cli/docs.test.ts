import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EXIT } from "../../../src/cli/exit.ts";
import { install } from "./support.ts";

const docs = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");

test("docs/cli.md and --help name every exit code with its meaning", async () => {
  const { code, out } = await install().run("--help");
  expect(code).toBe(0);
  const documented = [...docs.matchAll(/^\| (\d+) +\| (.+?) +\|$/gm)].map(([, n, meaning]) => [
    Number(n),
    meaning,
  ]);
  expect(documented).toEqual(Object.values(EXIT).map(({ code, meaning }) => [code, meaning]));
  for (const { code, meaning } of Object.values(EXIT))
    expect(out).toContain(`${String(code).padEnd(3)} ${meaning}`);
});

test("docs/cli.md names every command", async () => {
  const { out } = await install().run("--help");
  const commands = [...out.matchAll(/^ {2}([a-z]+)[ \w[\]<>]* {2,}[A-Z]/gm)].map(
    ([, name]) => name ?? "",
  );
  expect(commands.length).toBeGreaterThan(12);
  for (const name of commands) expect(docs).toContain(`\`${name}`);
});

test("help of every command says what it is for", async () => {
  for (const name of ["run", "check", "links", "quarantine", "audit", "inspect"]) {
    const { code, out } = await install().run(name, "--help");
    expect(code).toBe(0);
    expect(out).toMatch(/^Usage: postfach-bridge /);
    expect(out).toContain("Exit codes:");
  }
});

test("no command at all: the help, and a usage error", async () => {
  const { code, err } = await install().run();
  expect(code).toBe(64);
  expect(err).toContain("Usage: postfach-bridge");
});
