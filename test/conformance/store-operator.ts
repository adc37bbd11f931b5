import { expect, test } from "vitest";
import type { Lease, Store } from "../../src/store/store.ts";
import { after, letter, leaseOf, mustFind, nextOf, T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

const LANE = "c1-matrix";

/** A letter in this state at the head of its lane, with another one behind it. */
async function ended(
  store: Store,
  outcome: "permanent" | "unknown",
): Promise<{ id: string; lease: Lease }> {
  const item = letter({ sourceId: "1" });
  await store.accept([item, letter({ sourceId: "2" })], T0);
  const { id } = item.message;
  const lease = await leaseOf(store, LANE);
  await store.beginAttempt(lease, id, T0);
  const kind = outcome === "permanent" ? "not-delivered" : "in-doubt";
  const reason = { code: "INTERNAL", detail: "test", receipt: { kind, at: T0 } } as const;
  await store.settle(lease, id, { outcome, ...reason }, T0);
  return { id, lease };
}

export function operatorSuite(bench: Bench): void {
  test.for(["permanent", "unknown"] as const)(
    "resends a letter that ended %s: same delivery id, counted anew, in its old place",
    async (outcome) => {
      const { store } = bench;
      const { id, lease } = await ended(store, outcome);
      await store.releaseLane(lease, T0);
      await store.resend(id, { asNew: false, by: "op" }, after(9));
      expect(await mustFind(store, id)).toMatchObject({
        state: "pending",
        attempts: 0,
        nextAttemptAt: after(9),
        deliveryId: `${id}.0`,
      });
      expect((await mustFind(store, id)).firstAttemptAt).toBeUndefined();
      expect(await store.dueLanes(after(9), 10)).toContain(LANE);
      const next = await leaseOf(store, LANE, { now: after(9) });
      expect(await nextOf(store, next, after(9))).toBe("letter 1");
      const attempt = await store.beginAttempt(next, id, after(10));
      expect(attempt).toEqual({ n: 1, deliveryId: `${id}.0`, firstAttemptAt: after(10) });
      const trace = await store.trace(id);
      expect(trace?.attempts.map(({ n }) => n)).toEqual([1, 2]);
      expect(trace?.audit).toMatchObject([{ actor: "op", action: "resend", subject: id }]);
    },
  );

  test("resends as new under another delivery id", async () => {
    const { store } = bench;
    const { id } = await ended(store, "unknown");
    await store.resend(id, { asNew: true, by: "op" }, after(9));
    expect((await mustFind(store, id)).deliveryId).toBe(`${id}.1`);
  });

  test("resends an act that failed, unless it was done again by a later letter", async () => {
    const { store } = bench;
    const first = letter({ sourceId: "act:l1:eeb" });
    await store.accept([first], T0);
    const { id } = first.message;
    const lease = await leaseOf(store, LANE);
    const receipt = { kind: "not-delivered", at: T0 } as const;
    const reason = { code: "INTERNAL", detail: "test", receipt } as const;
    const fail = async () => {
      await store.beginAttempt(lease, id, T0);
      await store.settle(lease, id, { outcome: "permanent", ...reason }, T0);
    };
    await fail();
    await store.resend(id, { asNew: false, by: "op" }, T0);
    await fail();
    await store.accept([letter({ sourceId: "act:l1:eeb:2" })], T0);
    await expect(store.resend(id, { asNew: false, by: "op" }, T0)).rejects.toMatchObject({
      code: "NOT_ALLOWED",
      message: expect.stringContaining("done again") as string,
    });
  });

  test("resends nothing else", async () => {
    const { store } = bench;
    const item = letter();
    await store.accept([item], T0);
    const options = { asNew: false, by: "op" };
    await expect(store.resend(item.message.id, options, T0)).rejects.toMatchObject({
      code: "NOT_ALLOWED",
    });
    await expect(store.resend("nobody", options, T0)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await store.listAudit({ limit: 10 })).toEqual([]);
  });

  test.for(["delivered", "failed"] as const)(
    "resolves an unknown outcome as %s: the origin is told, the lane goes on",
    async (to) => {
      const { store } = bench;
      const { id, lease } = await ended(store, "unknown");
      await store.releaseLane(lease, T0);
      await store.resolveUnknown(id, to, "op", after(9));
      expect(await mustFind(store, id)).toMatchObject({ state: to, settledAt: after(9) });
      const kind = to === "delivered" ? "delivered" : "not-delivered";
      expect((await store.trace(id))?.receipts).toMatchObject([
        { kind: "in-doubt", noticeState: "superseded" },
        { kind, noticeState: "due" },
      ]);
      expect(await store.dueLanes(after(9), 10)).toEqual(
        expect.arrayContaining([LANE, "c1-legacy"]),
      );
      const next = await leaseOf(store, LANE, { now: after(9) });
      expect(await nextOf(store, next, after(9))).toBe("letter 2");
      await expect(store.resolveUnknown(id, to, "op", after(10))).rejects.toMatchObject({
        code: "NOT_ALLOWED",
      });
      expect((await store.trace(id))?.audit).toMatchObject([{ action: `resolve-${to}` }]);
    },
  );

  test("keeps what operators did, newest first", async () => {
    const { store } = bench;
    const detail = { count: 3, dry: true, file: "links.csv" };
    await store.appendAudit({ actor: "op", action: "links-imported", subject: "a", detail }, T0);
    await store.appendAudit({ actor: "op", action: "looked", subject: "b" }, after(1));
    const all = await store.listAudit({ limit: 10 });
    expect(all).toMatchObject([
      { seq: 2, at: after(1), actor: "op", action: "looked", subject: "b" },
      { seq: 1, at: T0, actor: "op", action: "links-imported", subject: "a", detail },
    ]);
    expect(all[0]?.detail).toBeUndefined();
    expect(await store.listAudit({ subject: "a", limit: 10 })).toEqual([all[1]]);
    expect(await store.listAudit({ limit: 1 })).toEqual([all[0]]);
    expect(await store.verifyAudit()).toBeUndefined();
  });

  test("an empty audit log is in order", async () => {
    expect(await bench.store.verifyAudit()).toBeUndefined();
  });

  test.for([
    { damage: "UPDATE audit SET actor = 'somebody' WHERE seq = 2", broken: 2 },
    { damage: "UPDATE audit SET at = at + 1 WHERE seq = 3", broken: 3 },
    { damage: "UPDATE audit SET detail = 'not json' WHERE seq = 1", broken: 1 },
    { damage: "DELETE FROM audit WHERE seq = 2", broken: 3 },
    { damage: "DELETE FROM audit WHERE seq = 3", broken: 2 },
    { damage: "DELETE FROM audit", broken: 3 },
    { damage: "DELETE FROM facts WHERE name = 'audit-head'", broken: 1 },
    {
      damage: `UPDATE audit SET hash = '${"0".repeat(64)}' WHERE seq = 3`,
      broken: 3,
    },
  ])("finds the first broken entry after: $damage", async ({ damage, broken }) => {
    const { store, db } = bench;
    for (const subject of ["1", "2", "3"])
      await store.appendAudit({ actor: "op", action: "did", subject, detail: { n: 1 } }, T0);
    expect(await store.verifyAudit()).toBeUndefined();
    await db.execute(damage);
    expect((await store.verifyAudit())?.seq).toBe(broken);
  });
}
