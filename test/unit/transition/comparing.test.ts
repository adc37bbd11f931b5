import { afterEach, beforeEach, expect, test } from "vitest";
import type { Phase } from "../../../src/bridge/contract.ts";
import { HISTORY_RULE } from "../../../src/model/history.ts";
import type { Acceptance, Store } from "../../../src/store/store.ts";
import { compareDays } from "../../../src/transition/comparing.ts";
import { deliverHead, leaseOf, letter, openTestStore } from "../../support/stores.ts";

const EVENING = new Date("2026-03-02T22:30:00Z");
const MIDNIGHT = new Date("2026-03-02T23:00:00Z");

let store: Store;
let dispose: () => Promise<void>;
beforeEach(async () => ({ store, dispose } = await openTestStore()));
afterEach(() => dispose());

/** A letter in lanes of its own; with a copy behind it when `copied`. */
async function take(sourceId: string, phase: Phase, copied: boolean, at = EVENING) {
  const toLegacy = phase === "mirror" && copied;
  const place = (legacy: boolean) =>
    legacy
      ? ({ destination: "legacy", lane: `${sourceId}-legacy` } as const)
      : ({ destination: "matrix", lane: `${sourceId}-matrix` } as const);
  const decision = { phase, rule: "account" };
  const common = { originLane: `${sourceId}-origin`, digest: `d-${sourceId}` };
  const first = letter({ sourceId, ...common, ...place(toLegacy), decision });
  const items: Acceptance[] = [first];
  if (copied) {
    const copy = { ...decision, copyOf: first.message.id };
    items.push(
      letter({ sourceId: `copy:${sourceId}`, ...common, ...place(!toLegacy), decision: copy }),
    );
  }
  await store.accept(items, at);
}
async function deliver(lane: string) {
  await deliverHead(store, await leaseOf(store, lane, { now: MIDNIGHT }), MIDNIGHT);
}
async function fail(lane: string) {
  const lease = await leaseOf(store, lane, { now: MIDNIGHT });
  const work = await store.nextWork(lease, MIDNIGHT);
  if (work?.kind !== "letter") throw new Error("nothing to do");
  const { id } = work.message.message;
  await store.beginAttempt(lease, id, MIDNIGHT);
  const receipt = { kind: "not-delivered", at: MIDNIGHT } as const;
  const facts = { outcome: "permanent", code: "CONTENT_REJECTED", detail: "no", receipt } as const;
  await store.settle(lease, id, facts, MIDNIGHT);
}
const compare = () => compareDays(store, "a", "2026-03-01", "2026-03-03");

test("both sides hold the same: equal counts and digests, nothing missing", async () => {
  await take("s1", "mirror", true);
  await take("s2", "matrix-first", true);
  for (const sourceId of ["s1", "s2"])
    for (const side of ["legacy", "matrix"]) await deliver(`${sourceId}-${side}`);
  const [day, ...others] = await compare();
  expect(others).toEqual([]);
  expect(day).toMatchObject({ day: "2026-03-02", missing: [], extra: [] });
  expect(day?.legacy).toEqual(day?.matrix);
  expect(day?.legacy.count).toBe(2);
});

test("a copy that did not arrive is missing; one that could not arrive says so", async () => {
  await take("s1", "mirror", true);
  await take("s2", "mirror", true);
  for (const lane of ["s1-legacy", "s2-legacy"]) await deliver(lane);
  await fail("s2-matrix");
  const [day] = await compare();
  expect(day?.legacy.count).toBe(2);
  expect(day?.matrix.count).toBe(0);
  expect(day?.legacy.digest).not.toBe(day?.matrix.digest);
  expect(day?.missing.map(({ side, sourceId, why }) => [side, sourceId, why])).toEqual([
    ["matrix", "s1", "not delivered yet (pending)"],
    ["matrix", "s2", "could not be delivered (failed)"],
  ]);
  expect(day?.extra).toEqual([]);
});

test("Matrix holds what the old mailbox has refused: too much", async () => {
  await take("s1", "mirror", true);
  await fail("s1-legacy");
  await deliver("s1-matrix");
  const [day] = await compare();
  expect(day?.extra).toMatchObject([
    { side: "matrix", why: "the side that counts (legacy) has failed it" },
  ]);
  expect(day?.missing).toMatchObject([{ side: "legacy", sourceId: "s1" }]);
});

test("days are those of Germany; what is polled is in the old mailbox by itself; sightings count there", async () => {
  await take("s1", "mirror", false);
  await take("s2", "mirror", false, MIDNIGHT);
  await deliver("s1-matrix");
  await deliver("s2-matrix");
  await store.recordSighting({ account: "a", sourceId: "s3", digest: "d", rule: "r" }, MIDNIGHT);
  const days = await compare();
  expect(days.map(({ day, legacy, matrix }) => [day, legacy.count, matrix.count])).toEqual([
    ["2026-03-02", 1, 1],
    ["2026-03-03", 2, 1],
  ]);
  expect(days.flatMap(({ missing, extra }) => [...missing, ...extra])).toEqual([]);
});

test("only Matrix counts: a letter that is not there yet is missing there", async () => {
  await take("s1", "matrix", false);
  await take("s2", "matrix", false);
  await deliver("s1-matrix");
  const [day] = await compare();
  expect(day).toMatchObject({ legacy: { count: 0 }, matrix: { count: 1 }, extra: [] });
  expect(day?.missing).toMatchObject([{ side: "matrix", sourceId: "s2" }]);
});

test("more than a year is refused", async () => {
  await expect(compareDays(store, "a", "2024-01-01", "2026-01-01")).rejects.toThrow(RangeError);
});

test("letters of the past that were moved are no evidence for anything", async () => {
  await take("s1", "mirror", false);
  await deliver("s1-matrix");
  const past = { phase: "mirror", rule: HISTORY_RULE } as const;
  await store.accept([letter({ sourceId: "old", decision: past })], EVENING);
  const [day] = await compare();
  expect([day?.legacy.count, day?.matrix.count, day?.missing]).toEqual([1, 1, []]);
  expect((await store.leftovers("a")).mirrored).toBe(1);
});
