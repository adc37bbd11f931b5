import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { BridgeCommand, BridgeDefinition } from "../../../src/bridge/contract.ts";
import type { BridgeSource } from "../../../src/config/load.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import { GOOD, sampleBridge } from "../config/sample.ts";
import { install } from "./support.ts";

const commands: BridgeCommand[] = [
  {
    name: "echo",
    description: "Says what it was given.",
    arguments: [
      { name: "first", description: "the first" },
      { name: "second", description: "the second", optional: true },
    ],
    options: [
      { name: "to-file", value: "path", description: "where to" },
      { name: "loud", description: "in capitals" },
    ],
    run: async ({ account }, given) => ({
      document: { account, arguments: given.arguments, options: given.options },
      lines: [`hello ${given.arguments["first"] ?? ""}\u001b[2J`],
      table: { head: ["A", "B"], rows: [["x", 1]] },
      notes: ["done"],
      ok: given.options["loud"] === undefined,
    }),
  },
  {
    name: "remember",
    description: "Keeps something.",
    run: async ({ records, store, open, audit }) => {
      const before = await records.get("key");
      await records.put("key", "value");
      const blob = await store("name", Readable.from([Buffer.from("bytes")]));
      const bytes = (await (await open(blob)).toArray()).map(String).join("");
      await audit("sample-remembered", "thing", { before: before !== undefined });
      return { document: { before, bytes } };
    },
  },
  {
    name: "accept",
    description: "Tries what a command may not do.",
    run: async ({ accept }) => {
      await accept({} as Parameters<typeof accept>[0]);
      return { document: {} };
    },
  },
  {
    name: "fail",
    description: "Fails.",
    run: () => Promise.reject(new GatewayError("SIGNATURE_INVALID", "not signed")),
  },
];
const withCommands = { ...sampleBridge, commands } as BridgeDefinition;
const source = (definition: BridgeDefinition): BridgeSource => ({
  available: () => ["sample"],
  load: () => Promise.resolve(definition),
});
const here = () => install(GOOD, source(withCommands));

describe("a command of a bridge", () => {
  test("has a help of its own, and stands in no other", async () => {
    const { code, out } = await here().run("sample", "--help");
    expect(code).toBe(0);
    for (const { name, description } of commands)
      expect(out).toMatch(new RegExp(`${name}.* ${description}`));
    const echo = await here().run("sample", "echo", "--help");
    expect(echo.out).toContain("sample echo [options] <first> [second]");
    expect(echo.out).toContain("--to-file <path>");
    const top = await here().run("--help");
    expect(top.out).toContain("postfach-bridge <bridge> --help");
    expect(top.out).not.toContain("echo");
  });

  test("gets its arguments and options, and prints a table", async () => {
    const installation = here();
    const { code, out } = await installation.run("sample", "echo", "one");
    expect(code).toBe(0);
    expect(out).toBe("hello one�[2J\nA  B\nx  1\ndone\n");
    const { document } = await installation.json(
      "sample",
      "echo",
      "one",
      "two",
      "--to-file",
      "f",
      "--loud",
    );
    expect(document).toEqual({
      account: "first",
      arguments: { first: "one", second: "two" },
      options: { "to-file": "f", loud: "true" },
    });
  });

  test("tells by its exit code that what it found is not good", async () => {
    expect((await here().run("sample", "echo", "one", "--loud")).code).toBe(1);
    const failed = await here().json("sample", "fail");
    expect(failed).toMatchObject({ code: 2, document: { error: { code: "SIGNATURE_INVALID" } } });
  });

  test("keeps what it keeps in the account, under the name of who ran it", async () => {
    const installation = here();
    await installation.withStorage(() => Promise.resolve());
    expect((await installation.json("sample", "remember")).document).toEqual({ bytes: "bytes" });
    expect((await installation.json("sample", "remember")).document).toEqual({
      before: "value",
      bytes: "bytes",
    });
    await installation.withStorage(async ({ store }) => {
      expect(await store.fact("bridge:first", "key")).toBe("value");
      const [entry] = await store.listAudit({ limit: 1 });
      expect(entry).toMatchObject({
        action: "sample-remembered",
        subject: "thing",
        detail: { before: true },
      });
      expect(entry?.actor).toMatch(/^cli:/);
    });
  });

  test("before the first run: looks, and cannot keep", async () => {
    const installation = here();
    expect((await installation.run("sample", "echo", "one")).code).toBe(0);
    const { code, err } = await installation.run("sample", "remember");
    expect(code).toBe(3);
    expect(err).toContain("`run` creates it");
  });

  test("cannot accept letters", async () => {
    const installation = here();
    await installation.withStorage(() => Promise.resolve());
    expect((await installation.run("sample", "accept")).code).toBe(4);
  });
});

describe("which account", () => {
  const two =
    GOOD + GOOD.slice(GOOD.indexOf("  - name: first")).replace("name: first", "name: second");

  test("has to be said when there are several", async () => {
    const installation = install(two, source(withCommands));
    const { code, err } = await installation.run("sample", "echo", "one");
    expect(code).toBe(64);
    expect(err).toContain("first, second");
    const { document } = await installation.json("sample", "echo", "one", "--account", "second");
    expect(document["account"]).toBe("second");
    expect((await installation.run("sample", "echo", "one", "--account", "third")).code).toBe(3);
  });
});

describe("a word that is no command", () => {
  test("of a bridge without commands, or of nobody", async () => {
    const none = install(GOOD, source(sampleBridge));
    expect((await none.run("sample")).code).toBe(64);
    expect((await none.run("sample", "echo")).code).toBe(64);
    expect((await here().run("sampel", "echo")).code).toBe(64);
    expect((await here().run("sample", "ehco")).code).toBe(64);
    expect((await here().run("sample", "echo")).code).toBe(64);
  });

  test("the name of a bridge after a command is left alone", async () => {
    expect((await here().run("inspect", "sample")).out).not.toContain("echo");
  });
});
