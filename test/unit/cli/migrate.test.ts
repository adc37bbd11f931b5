import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { install } from "./support.ts";

const letter = (id: string, more: object = {}) =>
  JSON.stringify({
    ...{ id, conversation: "c", sentAt: "2021-03-01T10:00:00Z", text: "geheim" },
    ...{ from: { address: "office" }, to: [{ address: "erika" }] },
    ...more,
  });

async function site(...lines: readonly string[]) {
  const installed = install();
  const from = join(installed.folder, "letters.jsonl");
  writeFileSync(from, lines.join("\n"));
  const [account] = (await installed.load()).config.accounts;
  const given = ["migrate", "--account", account?.name ?? "", "--from", `jsonl:${from}`];
  return { installed, given };
}

test("a dry run reports all and needs neither gateway nor database", async () => {
  const { installed, given } = await site(letter("1"), letter("2"));
  const { code, document } = await installed.json(...given, "--dry-run");
  expect(code).toBe(0);
  expect(document["survey"]).toMatchObject({ letters: 2, cases: 1, mailboxes: { erika: 2 } });
});

test("a dry run with problems names place and reason, never content, and fails", async () => {
  const { installed, given } = await site(letter("1"), letter("2", { texd: "x" }));
  const { code, out } = await installed.run(...given, "--dry-run");
  expect(code).toBe(1);
  expect(out).toContain("line 2: INPUT_INVALID");
  expect(out).not.toContain("geheim");
});

test("without the running gateway nothing is stored", async () => {
  const { installed, given } = await site(letter("1"));
  await installed.withStorage(() => Promise.resolve());
  const { code, err } = await installed.run(...given);
  expect(code).not.toBe(0);
  expect(err).toContain("start `run` first");
  await installed.withStorage(async ({ store }) => {
    expect(await store.listMessages({ limit: 10 })).toEqual([]);
  });
});

test.each([
  [["migrate", "--from", "jsonl:x"], "say --account"],
  [["migrate", "--account", "nobody", "--from", "jsonl:x"], "there is no account nobody"],
])("what is missing is said: %j", async (args, text) => {
  const { err } = await install().run(...args);
  expect(err).toContain(text);
});

test("a rate that is none, a source that is none", async () => {
  const { installed, given } = await site();
  expect((await installed.run(...given, "--rate", "0")).code).toBe(64);
  expect((await installed.run(...given.slice(0, 4), "mbox:x")).err).toContain("no source");
});
