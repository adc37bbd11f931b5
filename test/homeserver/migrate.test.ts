import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, expect, test } from "vitest";
import type { LoadedConfig } from "../../src/config/load.ts";
import { MESSAGE_BLOCK } from "../../src/matrix/letter-events.ts";
import { listRuns, WINDOW } from "../../src/migrate/feed.ts";
import { verifyAccount, waitForDelivery } from "../../src/migrate/run.ts";
import type { MatrixClient } from "../support/matrix-client.ts";
import { eventually } from "./matrix-harness.ts";
import { acceptAll, caseRooms, invitations } from "./matrix-people.ts";
import {
  books,
  configFile,
  env,
  folder,
  load,
  log,
  people,
  storage,
  useTransitionStage,
} from "./transition-stage.ts";

const LETTERS = 90;
const CASES = 3;
const KILLS = 5;
const WORKER = join(import.meta.dirname, "migrate-worker.ts");
const FAULTY = 2;

useTransitionStage("matrix");
let erika: MatrixClient;
let loaded: LoadedConfig;
beforeEach(async () => {
  [erika] = people as [MatrixClient];
  loaded = await load();
});
const { signal } = new AbortController();

const timeOf = (n: number) => new Date(Date.UTC(2021, 0, 1) + n * 3_600_000);

/** The newest first, so that order is the work of the migration and not of the file. */
function writeExport(letters = LETTERS, cases = CASES): string {
  const bytes = Buffer.from("Anlage");
  writeFileSync(join(folder, "a.txt"), bytes);
  const file = { name: "a.txt", mediaType: "text/plain", file: "a.txt" };
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const office = { address: "office", name: "Bauamt", role: "authority" };
  const citizen = { address: "erika", name: "Erika", role: "citizen" };
  const letter = (n: number) => {
    const sent = n % 10 === 9;
    return {
      ...{ id: `old-${n}`, conversation: `case-${n % cases}`, sentAt: timeOf(n).toISOString() },
      ...(sent ? { direction: "sent", answers: `old-${n - cases}` } : {}),
      ...(sent ? { from: citizen, to: [office] } : { from: office, to: [citizen] }),
      ...{ subject: `Sache ${n % cases}`, text: `Schreiben ${n}` },
      ...(n % 7 === 0 ? { attachments: [{ ...file, sha256 }] } : {}),
      receipts: [{ kind: "retrieved", at: timeOf(n).toISOString() }],
    };
  };
  const lines = Array.from({ length: letters }, (_, n) => JSON.stringify(letter(n))).reverse();
  const broken = JSON.stringify({
    ...letter(1),
    id: "old-broken",
    attachments: [{ ...file, sha256: "0".repeat(64) }],
  });
  const export_ = join(folder, "letters.jsonl");
  writeFileSync(export_, [...lines, broken, "{ no letter", ""].join("\n"));
  return export_;
}

/** false: it was killed before it ended. */
async function feed(from: string, killAfter: number | undefined): Promise<boolean> {
  const child = fork(WORKER, [configFile(), from], {
    env: { ...process.env, ...env },
  });
  await Promise.race([once(child, "message"), once(child, "exit")]);
  const ended = once(child, "exit") as Promise<[number | null, string | null]>;
  if (killAfter !== undefined) {
    await Promise.race([sleep(killAfter), ended]);
    child.kill("SIGKILL");
  }
  const [code] = await ended;
  return code === 0;
}

async function lettersById(): Promise<{ rooms: readonly string[][]; types: Set<unknown> }> {
  const types = new Set<unknown>();
  const rooms: string[][] = [];
  for (const roomId of await caseRooms(erika)) {
    const events = (await erika.timeline(roomId)).filter(({ content }) => MESSAGE_BLOCK in content);
    for (const { content } of events) types.add(content["msgtype"]);
    rooms.push(
      events.map(({ content }) => /Schreiben \d+/.exec(String(content["body"]))?.[0] ?? ""),
    );
  }
  return { rooms, types };
}

test("an export that is killed again and again stands in the rooms once, in order, and nobody was told", async () => {
  const from = writeExport();
  let killed = 0;
  for (let n = 0; n < KILLS; n += 1) killed += (await feed(from, 40 + n * 90)) ? 0 : 1;
  expect(killed).toBeGreaterThan(2);
  expect(await feed(from, undefined)).toBe(true);
  expect(await waitForDelivery(storage.store, "push", signal)).toBe(0);

  await eventually(async () => (await invitations(erika)).length > CASES);
  await acceptAll(erika);
  const { rooms, types } = await lettersById();
  expect(rooms).toHaveLength(CASES);
  const numbers = rooms.map((room) => room.map((text) => Number(text.split(" ")[1])));
  for (const room of numbers) expect(room).toEqual(room.toSorted((a, b) => a - b));
  expect(numbers.flat().sort((a, b) => a - b)).toEqual(
    Array.from({ length: LETTERS }, (_, n) => n),
  );
  // A notice: no client rings for it.
  expect([...types]).toEqual(["m.notice"]);
  expect(books.told).toEqual([]);
  expect(books.legacyBox).toEqual([]);

  const [run] = await listRuns(storage.store, "push", 2);
  expect(run).toMatchObject({ done: LETTERS, total: LETTERS, conflicts: 0, quarantined: FAULTY });
  const quarantined = await storage.store.listQuarantine({ account: "push", limit: 10 });
  expect(quarantined.map(({ code }) => code)).toEqual(["INPUT_INVALID", "INPUT_INVALID"]);
  expect(quarantined.every(({ original }) => original !== undefined)).toBe(true);

  const account = { name: "push", bridge: "books" };
  const report = await verifyAccount(loaded.config, storage.store, account, log, signal);
  expect(report.differences).toEqual([]);
  const [box] = report.mailboxes;
  expect(box).toMatchObject({
    mailbox: "erika",
    letters: LETTERS,
    cases: CASES,
    inMatrix: LETTERS,
  });
  expect(box?.digest).toBe(box?.matrixDigest);
  await expectLiveFollows(account);
}, 60_000);

test("a live letter of another case never waits behind more history than may be under way", async () => {
  const from = writeExport(240, 60);
  const fed = feed(from, undefined);
  await eventually(async () => (await outlines()).length >= 30);
  expect(await books.push({ sourceId: "live", mailbox: "max", conversation: "new" })).toBe(
    "matrix",
  );
  await eventually(async () => {
    const live = await storage.store.messageBySource("push", "live");
    return live?.state === "delivered";
  });
  const all = await outlines();
  const live = all.find(({ sourceId }) => sourceId === "live");
  const accepted = live?.acceptedAt.getTime() ?? 0;
  const until = live?.settledAt?.getTime() ?? 0;
  const before = all.filter(
    ({ sourceId, settledAt }) =>
      sourceId !== "live" &&
      settledAt !== undefined &&
      settledAt.getTime() > accepted &&
      settledAt.getTime() < until,
  );
  expect(before.length).toBeLessThanOrEqual(WINDOW);
  expect(await fed).toBe(true);
  expect(await waitForDelivery(storage.store, "push", signal)).toBe(0);
  const later = (await outlines()).filter(({ settledAt }) => (settledAt?.getTime() ?? 0) > until);
  expect(later.length, "history was still moving").toBeGreaterThan(0);
}, 60_000);

const outlines = () =>
  storage.store.listOutlines(
    { account: "push", since: new Date(0), until: new Date(8_640_000_000_000_000) },
    { limit: 1_000 },
  );

/** A live letter of the same case comes into the same room, decided by the plan and not by the history. */
async function expectLiveFollows(account: { name: string; bridge: string }): Promise<void> {
  const [roomId = ""] = await caseRooms(erika);
  const events = await erika.timeline(roomId);
  const victim = events.find(({ content }) => MESSAGE_BLOCK in content);
  const block = victim?.content[MESSAGE_BLOCK] as { conversation: string; message_id: string };
  const { store } = storage;
  const key = (await store.conversation(block.conversation))?.key ?? "";
  expect(await books.push({ sourceId: "live-1", mailbox: "erika", conversation: key })).toBe(
    "matrix",
  );
  expect(await waitForDelivery(store, "push", signal)).toBe(0);
  const live = await store.messageBySource("push", "live-1");
  expect(live).toMatchObject({ phase: "matrix", state: "delivered" });
  expect(live?.conversationId).toBe(block.conversation);
  expect(await caseRooms(erika)).toHaveLength(CASES);
  const again = await verifyAccount(loaded.config, store, account, log, signal);
  expect(again.differences).toEqual([]);
}
