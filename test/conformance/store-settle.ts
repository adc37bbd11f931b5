import { expect, test } from "vitest";
import type { Lease, Settlement, Store } from "../../src/store/store.ts";
import { after, deliverHead, letter, leaseOf, mustFind, nextOf, T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

const LANE = "c1-matrix";
const doubt = { kind: "in-doubt", at: T0 } as const;
const lost = {
  outcome: "unknown",
  code: "OUTCOME_UNKNOWN",
  detail: "cut",
  receipt: doubt,
} as const;

/** Accepts letters 1, 2, … and begins the attempt at the first. */
async function begun(
  store: Store,
  options: Parameters<typeof letter>[0] = {},
): Promise<{ lease: Lease; id: string }> {
  const first = letter({ sourceId: "1", ...options });
  await store.accept([first, letter({ sourceId: "2" })], T0);
  const lease = await leaseOf(store, LANE);
  await store.beginAttempt(lease, first.message.id, T0);
  return { lease, id: first.message.id };
}

export function settleSuite(bench: Bench): void {
  test("an attempt begins: counted, timed, and on record before anything leaves", async () => {
    const { store } = bench;
    const item = letter();
    await store.accept([item], T0);
    const { id } = item.message;
    const lease = await leaseOf(store, LANE);
    const attempt = await store.beginAttempt(lease, id, after(3));
    expect(attempt).toEqual({ n: 1, deliveryId: `${id}.0`, firstAttemptAt: after(3) });
    expect(await mustFind(store, id)).toMatchObject({ state: "sending", attempts: 1 });
    expect((await store.trace(id))?.attempts).toEqual([{ n: 1, startedAt: after(3) }]);
    expect(await nextOf(store, lease, after(3))).toMatch(/^letter/);
    await expect(store.beginAttempt(lease, id, after(4))).rejects.toMatchObject({
      code: "NOT_ALLOWED",
    });
  });

  test("delivered: final, with its names over there and its receipt", async () => {
    const { store } = bench;
    const { lease, id } = await begun(store);
    const receipt = { kind: "delivered", at: after(5), detail: "200" } as const;
    const settlement = {
      outcome: "delivered",
      remoteId: "$1",
      parts: ["$1", "$2"],
      receipt,
    } as const;
    expect(await store.settle(lease, id, settlement, after(6))).toBe(true);
    expect(await mustFind(store, id)).toMatchObject({
      state: "delivered",
      remoteId: "$1",
      settledAt: after(6),
    });
    const trace = await store.trace(id);
    expect(trace?.parts).toEqual(["$1", "$2"]);
    expect(trace?.attempts).toEqual([
      { n: 1, startedAt: T0, endedAt: after(6), outcome: "delivered" },
    ]);
    expect(trace?.receipts).toMatchObject([
      { kind: "delivered", at: after(5), detail: "200", noticeState: "due", recordedAt: after(6) },
    ]);
    expect(await store.dueLanes(after(6), 10)).toContain("c1-legacy");
    expect(await nextOf(store, lease, after(6))).toBe("letter 2");
    await expect(store.settle(lease, id, settlement, after(7))).rejects.toMatchObject({
      code: "NOT_ALLOWED",
    });
  });

  test("is found by what the other side calls it or one of its parts, within its account", async () => {
    const { store } = bench;
    const { lease, id } = await begun(store);
    const receipt = { kind: "delivered", at: T0 } as const;
    await store.settle(
      lease,
      id,
      { outcome: "delivered", remoteId: "r1", parts: ["p1", "p2"], receipt },
      T0,
    );
    for (const name of ["r1", "p1", "p2"]) {
      expect((await store.messageByRemote(undefined, name))?.message.id).toBe(id);
      expect((await store.messageByRemote("a", name))?.message.id).toBe(id);
      expect(await store.messageByRemote("b", name)).toBeUndefined();
    }
    expect(await store.messageByRemote(undefined, "r2")).toBeUndefined();
  });

  test("a part keeps belonging to the first letter that has it", async () => {
    const { store } = bench;
    const { lease, id } = await begun(store);
    const receipt = { kind: "delivered", at: T0 } as const;
    const parts = ["same"];
    await store.settle(lease, id, { outcome: "delivered", remoteId: "r1", parts, receipt }, T0);
    const second = (await store.messageBySource("a", "2"))?.message.id ?? "";
    await store.beginAttempt(lease, second, T0);
    await store.settle(lease, second, { outcome: "delivered", remoteId: "r2", parts, receipt }, T0);
    expect((await store.messageByRemote("a", "same"))?.message.id).toBe(id);
    expect(await mustFind(store, second)).toMatchObject({ state: "delivered", remoteId: "r2" });
  });

  test("transient: back in line for later, with the reason, counting on", async () => {
    const { store } = bench;
    const { lease, id } = await begun(store);
    const reason = { code: "REMOTE_UNAVAILABLE", detail: "503 from the mailbox" } as const;
    const settlement = { outcome: "transient", ...reason, nextAt: after(100) } as const;
    await store.settle(lease, id, settlement, after(1));
    expect(await mustFind(store, id)).toMatchObject({
      state: "pending",
      ...reason,
      nextAttemptAt: after(100),
      attempts: 1,
      firstAttemptAt: T0,
    });
    const attempt = await store.beginAttempt(lease, id, after(100));
    expect(attempt).toEqual({ n: 2, deliveryId: `${id}.0`, firstAttemptAt: T0 });
    const receipt = { kind: "delayed", at: after(101) } as const;
    await store.settle(lease, id, { ...settlement, receipt }, after(101));
    const trace = await store.trace(id);
    expect(trace?.attempts).toMatchObject([
      { n: 1, outcome: "transient", ...reason },
      { n: 2, outcome: "transient", ...reason },
    ]);
    expect(trace?.receipts).toMatchObject([{ kind: "delayed" }]);
  });

  test("permanent: failed, and the lane goes on", async () => {
    const { store } = bench;
    const { lease, id } = await begun(store);
    const receipt = { kind: "not-delivered", at: after(1), notice: "Leider nein." } as const;
    const reason = { code: "RECIPIENT_UNKNOWN", detail: "404" } as const;
    await store.settle(lease, id, { outcome: "permanent", ...reason, receipt }, after(1));
    expect(await mustFind(store, id)).toMatchObject({
      state: "failed",
      ...reason,
      settledAt: after(1),
    });
    expect(await nextOf(store, lease, after(1))).toBe("letter 2");
  });

  test("unknown with policy wait: the lane stands still until an operator knows more", async () => {
    const { store } = bench;
    const { lease, id } = await begun(store);
    await store.settle(lease, id, lost, after(1));
    expect(await mustFind(store, id)).toMatchObject({ state: "unknown", code: "OUTCOME_UNKNOWN" });
    expect(await nextOf(store, lease, after(1e9))).toBe("nothing");
    expect(await store.releaseLane(lease, after(2))).toBeUndefined();
    expect((await store.stats(after(2))).lanesWaitingForOperator).toBe(1);
  });

  test("unknown with policy continue: the letters behind it go on", async () => {
    const { store } = bench;
    const { lease, id } = await begun(store, { onUnknown: "continue" });
    await store.settle(lease, id, lost, after(1));
    expect(await nextOf(store, lease, after(1))).toBe("letter 2");
    expect(await store.releaseLane(lease, after(2))).toEqual(T0);
    expect((await store.stats(after(2))).lanesWaitingForOperator).toBe(0);
  });

  test.for(["wait", "continue"] as const)(
    "unknown with policy %s: the other side is asked when the time has come",
    async (onUnknown) => {
      const { store } = bench;
      const { lease, id } = await begun(store, { onUnknown });
      const ask: Settlement = { ...lost, nextAt: after(50) };
      await store.settle(lease, id, ask, after(1));
      expect(await nextOf(store, lease, after(49))).toBe(
        onUnknown === "wait" ? "nothing" : "letter 2",
      );
      expect(await nextOf(store, lease, after(50))).toBe("letter 1");
      expect((await store.stats(after(2))).lanesWaitingForOperator).toBe(0);

      // Nobody knows yet: asked again later, without a new attempt.
      await store.settle(lease, id, { ...ask, nextAt: after(90) }, after(51));
      expect(await mustFind(store, id)).toMatchObject({ state: "unknown", attempts: 1 });
      expect((await store.trace(id))?.attempts).toMatchObject([{ n: 1, endedAt: after(1) }]);

      // It certainly did not arrive: back in its old place, due at once.
      await store.settle(lease, id, { outcome: "absent", detail: "not there" }, after(91));
      expect(await mustFind(store, id)).toMatchObject({
        state: "pending",
        nextAttemptAt: after(91),
      });
      expect(await nextOf(store, lease, after(91))).toBe("letter 1");
    },
  );

  test("unknown, then found over there: delivered", async () => {
    const { store } = bench;
    const { lease, id } = await begun(store);
    await store.settle(lease, id, { ...lost, nextAt: after(5) }, after(1));
    const receipt = { kind: "delivered", at: after(6) } as const;
    const found = { outcome: "delivered", remoteId: "r1", parts: [], receipt } as const;
    expect(await store.settle(lease, id, found, after(6))).toBe(true);
    expect(await mustFind(store, id)).toMatchObject({ state: "delivered", remoteId: "r1" });
    expect((await store.trace(id))?.receipts).toMatchObject([
      { kind: "in-doubt", noticeState: "superseded" },
      { kind: "delivered", noticeState: "due" },
    ]);
  });

  test("the lane is due when an unknown letter has to be asked about", async () => {
    const { store } = bench;
    const waiting = await begun(store);
    await store.settle(waiting.lease, waiting.id, { ...lost, nextAt: after(50) }, after(1));
    expect(await store.releaseLane(waiting.lease, after(2))).toEqual(after(50));
  });

  test("a question about an overtaken letter does not make a lane due that waits for its head", async () => {
    const { store } = bench;
    const items = [letter({ sourceId: "1" }), letter({ sourceId: "2", onUnknown: "continue" })];
    await store.accept(items, T0);
    const lease = await leaseOf(store, LANE);
    const [first, second] = items.map((item) => item.message.id);
    if (!first || !second) throw new Error("no letters");
    // The second one was in doubt before the first one came back into the line before it.
    const receipt = { kind: "not-delivered", at: T0 } as const;
    await store.beginAttempt(lease, first, T0);
    await store.settle(
      lease,
      first,
      { outcome: "permanent", code: "INTERNAL", detail: "", receipt },
      T0,
    );
    await store.beginAttempt(lease, second, T0);
    await store.settle(lease, second, { ...lost, nextAt: after(5) }, T0);
    await store.resend(first, { asNew: false, by: "op" }, T0);
    await store.beginAttempt(lease, first, T0);
    const wait = { outcome: "transient", code: "REMOTE_UNAVAILABLE", detail: "" } as const;
    await store.settle(lease, first, { ...wait, nextAt: after(500) }, T0);
    expect(await nextOf(store, lease, after(10))).toBe("nothing");
    expect(await store.releaseLane(lease, after(10))).toEqual(after(500));
  });

  test("an attempt cut by a crash is handed out as it is, and ends by what is found out", async () => {
    const { store } = bench;
    const { lease, id } = await begun(store);
    await store.releaseLane(lease, T0);
    const next = await leaseOf(store, LANE, { owner: "node-2" });
    const work = await store.nextWork(next, T0);
    expect(work).toMatchObject({ kind: "letter", message: { state: "sending", attempts: 1 } });
    await store.settle(next, id, { outcome: "absent", detail: "safe to repeat" }, after(1));
    const attempt = await store.beginAttempt(next, id, after(2));
    expect(attempt?.n).toBe(2);
    expect((await store.trace(id))?.attempts).toMatchObject([
      { n: 1, outcome: "absent", detail: "safe to repeat" },
      { n: 2 },
    ]);
  });

  test("held at delivery: out of the line, into quarantine", async () => {
    const { store } = bench;
    const { lease, id } = await begun(store);
    const reason = { code: "RECIPIENT_UNLINKED", detail: "link was removed" } as const;
    await store.settle(lease, id, { outcome: "held", ...reason }, after(1));
    expect(await mustFind(store, id)).toMatchObject({ state: "held", ...reason });
    expect((await store.trace(id))?.quarantine).toMatchObject([
      { messageId: id, state: "open", side: "legacy", sourceId: "1", ...reason },
    ]);
    expect(await nextOf(store, lease, after(1))).toBe("letter 2");
  });

  test("a letter is only settled in its own lane", async () => {
    const { store } = bench;
    const { id } = await begun(store);
    await store.accept([letter({ conversationId: "c2" })], T0);
    const other = await leaseOf(store, "c2-matrix");
    await expect(
      store.settle(other, id, { outcome: "absent", detail: "" }, T0),
    ).rejects.toMatchObject({ code: "NOT_ALLOWED" });
    await expect(store.beginAttempt(other, "nobody", T0)).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("letters are delivered in the order in which they came", async () => {
    const { store } = bench;
    const ids = ["1", "2", "3", "4"];
    await store.accept(
      ids.map((sourceId) => letter({ sourceId })),
      T0,
    );
    const lease = await leaseOf(store, LANE);
    const delivered: string[] = [];
    while ((await nextOf(store, lease)) !== "nothing") {
      const id = await deliverHead(store, lease);
      delivered.push((await mustFind(store, id)).message.sourceId);
    }
    expect(delivered).toEqual(ids);
  });
}
