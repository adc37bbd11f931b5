import { expect, test } from "vitest";
import {
  after,
  deliverHead,
  event,
  letter,
  leaseOf,
  mustFind,
  nextOf,
  T0,
} from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

const LANE = "c1-matrix";

export function laneSuite(bench: Bench): void {
  test("lanes are due oldest first, and only without a living lease", async () => {
    const { store } = bench;
    await store.accept([letter({ conversationId: "late" })], after(20));
    await store.accept([letter({ conversationId: "early" })], after(10));
    expect(await store.dueLanes(after(30), 10)).toEqual(["early-matrix", "late-matrix"]);
    expect(await store.dueLanes(after(30), 1)).toEqual(["early-matrix"]);
    await leaseOf(store, "early-matrix", { now: after(30), until: after(60) });
    expect(await store.dueLanes(after(59), 10)).toEqual(["late-matrix"]);
    expect(await store.dueLanes(after(60), 10)).toEqual(["early-matrix", "late-matrix"]);
  });

  test("one holder at a time, and only when there is something to do", async () => {
    const { store } = bench;
    expect(await store.acquireLane("unknown", "node-1", T0, after(10))).toBeUndefined();
    await store.accept([letter()], after(5));
    expect(await store.acquireLane(LANE, "node-1", T0, after(10))).toBeUndefined();
    const lease = await store.acquireLane(LANE, "node-1", after(5), after(10));
    expect(lease).toEqual({ lane: LANE, owner: "node-1", fence: 1 });
    expect(await store.acquireLane(LANE, "node-2", after(9), after(20))).toBeUndefined();
    expect(await store.acquireLane(LANE, "node-1", after(9), after(20))).toBeUndefined();
  });

  test("an expired lease is taken over with a higher fence", async () => {
    const { store } = bench;
    await store.accept([letter()], T0);
    const first = await leaseOf(store, LANE, { until: after(10) });
    const second = await leaseOf(store, LANE, { owner: "node-2", now: after(10) });
    expect(second.fence).toBeGreaterThan(first.fence);
  });

  test("the fence keeps growing when a lane is given back and taken again", async () => {
    const { store } = bench;
    await store.accept([letter()], T0);
    const fences: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const lease = await leaseOf(store, LANE);
      fences.push(lease.fence);
      await store.releaseLane(lease, T0);
    }
    expect(fences).toEqual([1, 2, 3]);
  });

  test("a renewed lease lives longer", async () => {
    const { store } = bench;
    await store.accept([letter()], T0);
    const lease = await leaseOf(store, LANE, { until: after(10) });
    expect(await store.renewLane(lease, after(100))).toBe(true);
    expect(await store.acquireLane(LANE, "node-2", after(50), after(60))).toBeUndefined();
  });

  test("who lost the lane is refused everywhere, and changes nothing", async () => {
    const { store } = bench;
    const item = letter();
    await store.accept([item], T0);
    const { id } = item.message;
    const old = await leaseOf(store, LANE, { until: after(10) });
    const now = await leaseOf(store, LANE, { owner: "node-2", now: after(10) });
    expect(await store.renewLane(old, after(1000))).toBe(false);
    expect(await store.nextWork(old, after(11))).toBeUndefined();
    expect(await store.beginAttempt(old, id, after(11))).toBeUndefined();
    await store.beginAttempt(now, id, after(11));
    const receipt = { kind: "delivered", at: after(12) } as const;
    const settlement = { outcome: "delivered", remoteId: "$x", parts: ["$x"], receipt } as const;
    expect(await store.settle(old, id, settlement, after(12))).toBe(false);
    expect(await store.releaseLane(old, after(12))).toBeUndefined();
    expect(await mustFind(store, id)).toMatchObject({ state: "sending", attempts: 1 });
    expect((await store.trace(id))?.receipts).toEqual([]);
    expect(await store.acquireLane(LANE, "node-3", after(13), after(20))).toBeUndefined();
    expect(await store.settle(now, id, settlement, after(12))).toBe(true);
  });

  test("a lease that nobody took over still counts after its end", async () => {
    const { store } = bench;
    const item = letter();
    await store.accept([item], T0);
    const lease = await leaseOf(store, LANE, { until: after(10) });
    await deliverHead(store, lease, after(500));
    expect(await mustFind(store, item.message.id)).toMatchObject({ state: "delivered" });
  });

  test("a lease given back is of no use any more", async () => {
    const { store } = bench;
    const item = letter();
    await store.accept([item], T0);
    const lease = await leaseOf(store, LANE);
    await store.releaseLane(lease, T0);
    expect(await store.beginAttempt(lease, item.message.id, T0)).toBeUndefined();
    expect(await store.renewLane(lease, after(10))).toBe(false);
  });

  test("work comes in order: events, then notices, then the head letter", async () => {
    const { store } = bench;
    const shared = "shared";
    await store.accept([letter({ sourceId: "1", lane: shared, originLane: shared })], T0);
    await store.accept([letter({ sourceId: "2", lane: shared, originLane: shared })], T0);
    const { id } = (await store.messageBySource("a", "2"))?.message ?? { id: "" };
    await store.addReceipt(id, { kind: "relayed", at: T0 }, T0);
    await store.recordEvents([{ ...event("$1"), lane: shared }], "push", T0);
    const lease = await leaseOf(store, shared);
    expect(await nextOf(store, lease)).toBe("event $1");
    await store.settleEvent(lease, "$1", { outcome: "done" }, T0);
    expect(await nextOf(store, lease)).toBe("notice relayed of 2");
    const notice = await store.nextWork(lease, T0);
    if (notice?.kind === "notice")
      await store.settleNotice(lease, notice.notice, { outcome: "told" }, T0);
    expect(await nextOf(store, lease)).toBe("letter 1");
    await deliverHead(store, lease);
    expect(await nextOf(store, lease)).toBe("notice delivered of 1");
  });

  test("a head in backoff holds up the letters behind it, but not the notices", async () => {
    const { store } = bench;
    const [first] = [letter({ sourceId: "1", originLane: LANE }), letter({ sourceId: "2" })];
    await store.accept([first, letter({ sourceId: "2" })], T0);
    const lease = await leaseOf(store, LANE);
    await store.beginAttempt(lease, first.message.id, T0);
    const wait = { outcome: "transient", code: "REMOTE_UNAVAILABLE", detail: "503" } as const;
    await store.settle(lease, first.message.id, { ...wait, nextAt: after(100) }, T0);
    expect(await nextOf(store, lease, after(99))).toBe("nothing");
    await store.addReceipt(first.message.id, { kind: "delayed", at: T0 }, T0);
    expect(await nextOf(store, lease, after(99))).toBe("notice delayed of 1");
    expect(await nextOf(store, lease, after(100))).toBe("notice delayed of 1");
  });

  test("a notice in backoff holds up neither letters nor other notices", async () => {
    const { store } = bench;
    await store.accept([letter({ sourceId: "1", originLane: LANE })], T0);
    await store.accept([letter({ sourceId: "2", originLane: LANE })], T0);
    for (const sourceId of ["1", "2"]) {
      const { id } = (await store.messageBySource("a", sourceId))?.message ?? { id: "" };
      await store.addReceipt(id, { kind: "relayed", at: T0 }, T0);
    }
    const lease = await leaseOf(store, LANE);
    for (const expected of ["notice relayed of 1", "notice relayed of 2"]) {
      expect(await nextOf(store, lease)).toBe(expected);
      const work = await store.nextWork(lease, T0);
      if (work?.kind !== "notice") throw new Error("no notice");
      const retry = { outcome: "retry", nextAt: after(100), detail: "503" } as const;
      await store.settleNotice(lease, work.notice, retry, T0);
    }
    expect(await nextOf(store, lease)).toBe("letter 1");
  });

  test("a lane given back is due again when the first thing left is due", async () => {
    const { store } = bench;
    const item = letter({ originLane: LANE });
    await store.accept([item], T0);
    const { id } = item.message;
    let lease = await leaseOf(store, LANE);
    expect(await store.releaseLane(lease, after(1))).toEqual(T0);

    lease = await leaseOf(store, LANE);
    await store.beginAttempt(lease, id, T0);
    expect(await store.releaseLane(lease, after(7))).toEqual(after(7));

    lease = await leaseOf(store, LANE, { now: after(7) });
    const wait = { outcome: "transient", code: "REMOTE_UNAVAILABLE", detail: "" } as const;
    await store.settle(lease, id, { ...wait, nextAt: after(100) }, after(8));
    expect(await store.releaseLane(lease, after(8))).toEqual(after(100));
    expect(await store.dueLanes(after(99), 1)).toEqual([]);
    expect(await store.dueLanes(after(100), 1)).toEqual([LANE]);

    await store.addReceipt(id, { kind: "delayed", at: T0 }, after(9));
    lease = await leaseOf(store, LANE, { now: after(9) });
    const work = await store.nextWork(lease, after(9));
    if (work?.kind !== "notice") throw new Error("no notice");
    const retry = { outcome: "retry", nextAt: after(50), detail: "" } as const;
    await store.settleNotice(lease, work.notice, retry, after(9));
    expect(await store.releaseLane(lease, after(9))).toEqual(after(50));

    await store.recordEvents([{ ...event("$1"), lane: LANE }], "push", after(10));
    lease = await leaseOf(store, LANE, { now: after(10) });
    await store.settleEvent(lease, "$1", { ...retry, nextAt: after(20) }, after(10));
    expect(await store.releaseLane(lease, after(10))).toEqual(after(20));
  });

  test("a lane with nothing left is never due", async () => {
    const { store } = bench;
    await store.accept([letter()], T0);
    const lease = await leaseOf(store, LANE);
    await deliverHead(store, lease);
    expect(await store.releaseLane(lease, after(1))).toBeUndefined();
    expect(await store.dueLanes(after(1e9), 10)).toEqual(["c1-legacy"]);
  });

  test("what comes in while a lane is worked on is not missed when it is given back", async () => {
    const { store } = bench;
    await store.accept([letter()], T0);
    const lease = await leaseOf(store, LANE);
    await deliverHead(store, lease);
    await store.accept([letter()], after(5));
    expect(await store.releaseLane(lease, after(6))).toEqual(after(5));
  });
}
