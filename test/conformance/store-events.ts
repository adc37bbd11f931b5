import { expect, test } from "vitest";
import { CURSOR_SCOPE } from "../../src/store/store.ts";
import { after, event, leaseOf, nextOf, T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

const LANE = "in-!room:example.org";

export function eventSuite(bench: Bench): void {
  test("records what is new, in order, and says what was", async () => {
    const { store } = bench;
    expect(await store.recordEvents([event("$1"), event("$2")], "push", T0)).toEqual(["$1", "$2"]);
    expect(await store.recordEvents([event("$2"), event("$3")], "push", T0)).toEqual(["$3"]);
    expect(await store.recordEvents([event("$4"), event("$4")], "push", T0)).toEqual(["$4"]);
    expect(await store.recordEvents([], "push", T0)).toEqual([]);
    expect(await store.knowsEvent("$3")).toBe(true);
    expect(await store.knowsEvent("$5")).toBe(false);
    const lease = await leaseOf(store, LANE);
    for (const id of ["$1", "$2", "$3", "$4"]) {
      expect(await nextOf(store, lease)).toBe(`event ${id}`);
      await store.settleEvent(lease, id, { outcome: "done" }, T0);
    }
    expect(await nextOf(store, lease)).toBe("nothing");
  });

  test("takes more events than fit into one statement, in order", async () => {
    const { store } = bench;
    const ids = Array.from({ length: 357 }, (_, n) => `$${String(n)}`);
    const fresh = await store.recordEvents(
      ids.map((id) => event(id)),
      "push",
      T0,
    );
    expect(fresh).toEqual(ids);
    const lease = await leaseOf(store, LANE);
    const seen: string[] = [];
    for (let work = await store.nextWork(lease, T0); work; work = await store.nextWork(lease, T0)) {
      if (work.kind !== "event") throw new Error("not an event");
      seen.push(work.event.eventId);
      await store.settleEvent(lease, work.event.eventId, { outcome: "ignored" }, T0);
    }
    expect(seen).toEqual(ids);
  });

  test("hands an event out as it came in", async () => {
    const { store } = bench;
    const incoming = event("$1");
    await store.recordEvents([incoming], "push", after(4));
    expect(await store.dueLanes(after(4), 10)).toEqual([LANE]);
    const work = await store.nextWork(await leaseOf(store, LANE, { now: after(4) }), after(4));
    expect(work).toMatchObject({
      kind: "event",
      event: { ...incoming, attempts: 0, recordedAt: after(4) },
    });
  });

  test("moves the cursor with the events, even when there are none", async () => {
    const { store } = bench;
    await store.recordEvents([event("$1")], "sweep", T0, { name: "sweeper", value: "s1" });
    expect(await store.fact(CURSOR_SCOPE, "sweeper")).toBe("s1");
    await store.recordEvents([], "sweep", T0, { name: "sweeper", value: "s2" });
    expect(await store.fact(CURSOR_SCOPE, "sweeper")).toBe("s2");
    const broken = [event("$2"), { ...event("$3"), roomId: undefined as unknown as string }];
    const cursor = { name: "sweeper", value: "s3" };
    await expect(store.recordEvents(broken, "sweep", T0, cursor)).rejects.toThrow();
    expect(await store.fact(CURSOR_SCOPE, "sweeper")).toBe("s2");
    expect(await store.knowsEvent("$2")).toBe(false);
  });

  test("counts what only the sweep found, once push had a minute to bring it", async () => {
    const { store } = bench;
    await store.recordEvents([event("$both"), event("$swept")], "sweep", T0);
    await store.recordEvents([event("$both")], "push", after(1));
    await store.recordEvents([event("$pushed")], "push", T0);
    await store.recordEvents([event("$pushed")], "sweep", T0);
    expect((await store.stats(after(60_000))).sweptOnly).toBe(0);
    expect((await store.stats(after(60_001))).sweptOnly).toBe(1);
    await store.recordEvents([event("$swept")], "push", after(90_000));
    expect((await store.stats(after(99_000))).sweptOnly).toBe(0);
  });

  test("an event that failed waits, and the events behind it with it", async () => {
    const { store } = bench;
    await store.recordEvents([event("$1"), event("$2")], "push", T0);
    const lease = await leaseOf(store, LANE);
    const retry = { outcome: "retry", nextAt: after(50), detail: "database busy" } as const;
    expect(await store.settleEvent(lease, "$1", retry, T0)).toBe(true);
    expect(await nextOf(store, lease, after(49))).toBe("nothing");
    const work = await store.nextWork(lease, after(50));
    expect(work).toMatchObject({ kind: "event", event: { eventId: "$1", attempts: 1 } });
    expect(await store.releaseLane(lease, after(1))).toEqual(after(50));
  });

  test("an event that is settled stays settled when it comes again", async () => {
    const { store } = bench;
    await store.recordEvents([event("$1")], "push", T0);
    const lease = await leaseOf(store, LANE);
    await store.settleEvent(lease, "$1", { outcome: "quarantined", detail: "odd" }, T0);
    await store.recordEvents([event("$1")], "sweep", after(1));
    expect(await nextOf(store, lease, after(1))).toBe("nothing");
  });

  test("who lost the lane cannot settle an event", async () => {
    const { store } = bench;
    await store.recordEvents([event("$1")], "push", T0);
    const old = await leaseOf(store, LANE, { until: after(1) });
    const now = await leaseOf(store, LANE, { owner: "node-2", now: after(1) });
    expect(await store.settleEvent(old, "$1", { outcome: "done" }, after(2))).toBe(false);
    expect(await nextOf(store, now, after(2))).toBe("event $1");
  });
}
