import { expect, test } from "vitest";
import { after, deliverHead, letter, leaseOf, T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

export function statsSuite(bench: Bench): void {
  test("an empty store", async () => {
    expect(await bench.store.stats(T0)).toEqual({
      messages: [],
      oldestUnfinished: [],
      quarantineOpen: 0,
      lanesDue: 0,
      lanesWaitingForOperator: 0,
      sweptOnly: 0,
    });
  });

  test("counts letters by account, side and state, and knows the oldest that is not finished", async () => {
    const { store } = bench;
    const hold = { code: "INPUT_INVALID", detail: "" } as const;
    const refuse = { code: "EDIT_REFUSED", detail: "" } as const;
    await store.accept([letter(), letter()], T0);
    await deliverHead(store, await leaseOf(store, "c1-matrix"), after(1));
    await store.accept([letter({ hold })], after(10));
    await store.accept(
      [letter({ origin: "matrix", refuse }), letter({ origin: "matrix" })],
      after(20),
    );
    await store.accept([letter({ account: "b", conversationId: "c2" })], after(30));
    const stats = await store.stats(after(40));
    const legacy = { account: "a", origin: "legacy" };
    const matrix = { account: "a", origin: "matrix" };
    const other = { account: "b", origin: "legacy" };
    expect(stats.messages).toHaveLength(6);
    expect(stats.messages).toEqual(
      expect.arrayContaining([
        { ...legacy, state: "delivered", count: 1 },
        { ...legacy, state: "pending", count: 1 },
        { ...legacy, state: "held", count: 1 },
        { ...matrix, state: "rejected", count: 1 },
        { ...matrix, state: "pending", count: 1 },
        { ...other, state: "pending", count: 1 },
      ]),
    );
    expect(stats.oldestUnfinished).toHaveLength(3);
    expect(stats.oldestUnfinished).toEqual(
      expect.arrayContaining([
        { ...legacy, at: T0 },
        { ...matrix, at: after(20) },
        { ...other, at: after(30) },
      ]),
    );
    expect(stats.quarantineOpen).toBe(1);
    // The lane under lease is not due; the origin lane of the delivered letter and two more are.
    expect(stats.lanesDue).toBe(2);
  });
}
