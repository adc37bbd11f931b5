import { afterEach, beforeEach, expect, test } from "vitest";
import type { Message } from "../../../src/model/message.ts";
import type { Store } from "../../../src/store/store.ts";
import { clockOptionsOf } from "../../../src/transition/legal-config.ts";
import { lookAtWatched, watchLetter, type WatchFigure } from "../../../src/transition/watchdog.ts";
import { deliverHead, leaseOf, letter, openTestStore } from "../../support/stores.ts";
import { recordingLog } from "../matrix/support.ts";

const options = clockOptionsOf({ legalClock: [], holidays: [] });
const MONDAY = new Date("2025-06-02T09:00:00Z");
const DAY = 86_400_000;
const RULE = "§ 41 Abs. 2a VwVfG";

let store: Store;
let dispose: () => Promise<void>;
let now: Date;
let figures: readonly WatchFigure[];
let { log, lines } = recordingLog();
beforeEach(async () => {
  ({ store, dispose } = await openTestStore());
  ({ log, lines } = recordingLog());
  now = MONDAY;
  figures = [];
});
afterEach(() => dispose());

const deps = () => ({
  ...{ store, log, options, now: () => now },
  count: (found: readonly WatchFigure[]) => (figures = found),
});
async function look(day: number) {
  now = new Date(MONDAY.getTime() + day * DAY);
  await lookAtWatched(deps());
  return figures.map(({ account, state, count }) => `${account} ${state} ${count}`);
}
const warnings = () => lines.filter(({ event }) => event === "letter-not-notified");
const entries = async () =>
  (await store.listAudit({ limit: 50 })).filter(({ action }) => action === "letter-not-notified");

async function deliver(sourceId: string, legalBasis: string | null = RULE): Promise<Message> {
  const item = letter({
    ...{ sourceId, lane: sourceId, digest: sourceId },
    message: legalBasis === null ? {} : { case: { legalBasis } },
  });
  await store.accept([item], MONDAY);
  await watchLetter(deps(), item.message);
  await deliverHead(store, await leaseOf(store, sourceId, { now: MONDAY }), MONDAY);
  return item.message;
}
const retrieve = (id: string) => store.addReceipt(id, { kind: "retrieved", at: now }, now);

test("ten days without retrieval: due on the last two, then told exactly once", async () => {
  const { id } = await deliver("s1");
  expect(await look(0)).toEqual(["a waits 1"]);
  expect(await look(8)).toEqual(["a waits 1"]);
  expect(await look(9)).toEqual(["a due 1"]);
  expect(await look(10)).toEqual(["a due 1"]);
  expect(await entries()).toEqual([]);
  expect(await look(11)).toEqual(["a over 1"]);
  expect(await look(11)).toEqual(["a over 1"]);
  expect(await look(30)).toEqual(["a over 1"]);
  expect(warnings()).toMatchObject([{ fields: { id, account: "a", since: "2025-06-13" } }]);
  expect(await entries()).toMatchObject([{ subject: id, detail: { since: "2025-06-13" } }]);
  expect(await look(200), "it does not stay for ever").toEqual([]);
  expect(await store.listFacts("not-retrieved", "", { limit: 10 })).toEqual([]);
});

test("retrieved in time: nothing is said, and nothing is watched any more", async () => {
  const { id } = await deliver("s1");
  now = new Date(MONDAY.getTime() + 10 * DAY);
  await retrieve(id);
  expect(await look(11)).toEqual([]);
  expect(warnings()).toEqual([]);
  expect(await store.listFacts("not-retrieved", "", { limit: 10 })).toEqual([]);
});

test("only letters are watched whose rule counts from the retrieval", async () => {
  await deliver("s1", "§ 9 Abs. 1 OZG");
  await deliver("s2", null);
  await deliver("s3", "Satzung der Stadt");
  expect(await look(20)).toEqual([]);
  expect(warnings()).toEqual([]);
});

test("a letter that is not handed over yet waits; a second attempt begins nothing anew", async () => {
  const item = letter({ lane: "l", message: { case: { legalBasis: RULE } } });
  await store.accept([item], MONDAY);
  await watchLetter(deps(), item.message);
  await watchLetter(deps(), item.message);
  expect(await look(20)).toEqual(["a waits 1"]);
  expect(warnings()).toEqual([]);
});

test("each account and state has its own figure", async () => {
  for (const sourceId of ["s1", "s2", "s3"]) await deliver(sourceId);
  expect(await look(1)).toEqual(["a waits 3"]);
  expect(await look(12)).toEqual(["a over 3"]);
  expect(await entries()).toHaveLength(3);
});
