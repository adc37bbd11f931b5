import { afterEach, beforeEach, expect, test } from "vitest";
import { HISTORY_RULE } from "../../../src/model/history.ts";
import type { Store } from "../../../src/store/store.ts";
import { closingReport } from "../../../src/transition/closing.ts";
import { writePlan } from "../../../src/transition/plan.ts";
import { deliverHead, leaseOf, letter, openTestStore, T0 } from "../../support/stores.ts";
import { sketch } from "./plans.ts";

let store: Store;
let dispose: () => Promise<void>;
beforeEach(async () => {
  ({ store, dispose } = await openTestStore());
  const document = writePlan(sketch({ accounts: [{ name: "a", phase: "drain" }] }));
  const plan = { planId: "p", fileId: "p", way: "start", by: "start" } as const;
  await store.putPlan({ ...plan, after: 0, keepSince: T0, document }, T0);
});
afterEach(() => dispose());

/** Into the room, and its origin told. */
async function handOver(): Promise<void> {
  await deliverHead(store, await leaseOf(store, "c1-matrix"));
  const lease = await leaseOf(store, "c1-legacy");
  const work = await store.nextWork(lease, T0);
  if (work?.kind === "notice")
    await store.settleNotice(lease, work.notice, { outcome: "told" }, T0);
}
const look = () => closingReport(store, "a", 0, T0);

test("history is counted apart, and nothing of it has to be looked after in the old mailbox", async () => {
  const past = { phase: "mirror", rule: HISTORY_RULE } as const;
  await store.accept([letter({ sourceId: "old", decision: past })], T0);
  expect((await look()).closed, "it is not handed over yet").toBe(false);
  await handOver();
  const report = await look();
  expect(report.letters).toMatchObject({ total: 1, copies: 0, history: 1 });
  expect(report.left).toEqual([]);
  expect(report.closed).toBe(true);
});

test("a letter that was mirrored has to be looked after", async () => {
  const decision = { phase: "mirror", rule: "account" } as const;
  await store.accept([letter({ decision })], T0);
  await handOver();
  const { left, letters } = await look();
  expect(letters.history).toBe(0);
  expect(left).toMatchObject([{ kind: "look", count: 1 }]);
  expect(left[0]?.what).toContain("mirrored");
});
