import { expect, test } from "vitest";
import type { NewQuarantine, Store } from "../../src/store/store.ts";
import { after, letter, leaseOf, mustFind, nextOf, T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

const input: NewQuarantine = {
  account: "a",
  side: "legacy",
  sourceId: "in-1",
  code: "INPUT_INVALID",
  detail: "no subject",
  original: { digest: `sha256:${"12".repeat(32)}`, size: 4 },
};
const hold = { code: "RECIPIENT_UNLINKED", detail: "nobody reads it" } as const;

async function held(store: Store, sourceId: string, mailbox = "mailbox-1"): Promise<string> {
  const local = { address: mailbox };
  const conversationId = `c-${mailbox}`;
  const item = letter({ sourceId, hold, conversationId, conversation: { local } });
  await store.accept([item], T0);
  return item.message.id;
}
async function caseOf(store: Store, messageId: string): Promise<string> {
  const open = (await store.trace(messageId))?.quarantine.find(({ state }) => state === "open");
  if (!open) throw new Error("the letter has no open case");
  return open.id;
}

export function quarantineSuite(bench: Bench): void {
  test("keeps input that never became a letter, once per source id", async () => {
    const { store } = bench;
    const id = await store.quarantine(input, T0);
    expect(await store.quarantine({ ...input, detail: "again" }, after(1))).toBe(id);
    expect(await store.quarantine({ ...input, account: "b" }, T0)).not.toBe(id);
    expect(await store.quarantineItem(id)).toEqual({ ...input, id, state: "open", createdAt: T0 });
    expect(await store.quarantineItem("nothing")).toBeUndefined();
    expect((await store.stats(T0)).quarantineOpen).toBe(2);
  });

  test("is listed by account and state, newest first", async () => {
    const { store } = bench;
    const first = await store.quarantine(input, T0);
    const second = await store.quarantine({ ...input, sourceId: "in-2" }, after(1));
    const other = await store.quarantine({ ...input, account: "b" }, after(2));
    await store.closeQuarantine(first, "rejected", "op", after(3));
    const ids = async (filter: Parameters<typeof store.listQuarantine>[0]) =>
      (await store.listQuarantine(filter)).map(({ id }) => id);
    expect(await ids({ limit: 10 })).toEqual([other, second, first]);
    expect(await ids({ limit: 1 })).toEqual([other]);
    expect(await ids({ account: "a", state: "open", limit: 10 })).toEqual([second]);
    expect(await ids({ state: "rejected", limit: 10 })).toEqual([first]);
  });

  test("closes once, by name, with an entry in the audit log", async () => {
    const { store } = bench;
    const id = await store.quarantine(input, T0);
    expect(await store.closeQuarantine(id, "released", "op-1", after(5))).toBe(true);
    expect(await store.closeQuarantine(id, "rejected", "op-2", after(6))).toBe(false);
    expect(await store.closeQuarantine("nothing", "rejected", "op", after(6))).toBe(false);
    expect(await store.quarantineItem(id)).toMatchObject({
      state: "released",
      closedAt: after(5),
      closedBy: "op-1",
    });
    const audit = await store.listAudit({ subject: id, limit: 10 });
    expect(audit).toMatchObject([{ actor: "op-1", action: "quarantine-released", at: after(5) }]);
  });

  test("released input that fails again is open again; rejected input stays rejected", async () => {
    const { store } = bench;
    const id = await store.quarantine(input, T0);
    await store.closeQuarantine(id, "released", "op", after(1));
    const again = { ...input, code: "SIGNATURE_INVALID", detail: "now this" } as const;
    expect(await store.quarantine(again, after(2))).toBe(id);
    expect(await store.quarantineItem(id)).toEqual({ ...again, id, state: "open", createdAt: T0 });
    await store.closeQuarantine(id, "rejected", "op", after(3));
    expect(await store.quarantine(input, after(4))).toBe(id);
    expect((await store.quarantineItem(id))?.state).toBe("rejected");
  });

  test("a released letter goes back to its old place in the line, due at once", async () => {
    const { store } = bench;
    const id = await held(store, "1");
    const { lane, seq } = await mustFind(store, id);
    await store.accept([letter({ sourceId: "2", conversationId: "c-mailbox-1" })], T0);
    const lease = await leaseOf(store, lane);
    expect(await nextOf(store, lease)).toBe("letter 2");
    await store.closeQuarantine(await caseOf(store, id), "released", "op", after(5));
    expect(await mustFind(store, id)).toMatchObject({ state: "pending", seq });
    expect(await nextOf(store, lease, after(5))).toBe("letter 1");
    const trace = await store.trace(id);
    expect(trace?.audit).toMatchObject([{ action: "quarantine-released", actor: "op" }]);
  });

  test("a released letter makes its lane due", async () => {
    const { store } = bench;
    const id = await held(store, "1");
    await store.closeQuarantine(await caseOf(store, id), "released", "op", after(5));
    expect(await store.dueLanes(after(5), 10)).toEqual([(await mustFind(store, id)).lane]);
  });

  test("a rejected letter is final, and its sender is told", async () => {
    const { store } = bench;
    const id = await held(store, "1");
    await store.closeQuarantine(await caseOf(store, id), "rejected", "op", after(5));
    const { originLane, ...stored } = await mustFind(store, id);
    expect(stored).toMatchObject({ state: "rejected", code: hold.code, settledAt: after(5) });
    const lease = await leaseOf(store, originLane, { now: after(5) });
    expect(await nextOf(store, lease, after(5))).toBe("notice not-delivered of 1");
  });

  test("a letter can be held a second time", async () => {
    const { store } = bench;
    const id = await held(store, "1");
    await store.closeQuarantine(await caseOf(store, id), "released", "op", after(1));
    const lease = await leaseOf(store, (await mustFind(store, id)).lane, { now: after(1) });
    await store.beginAttempt(lease, id, after(2));
    await store.settle(lease, id, { outcome: "held", ...hold }, after(3));
    const cases = (await store.trace(id))?.quarantine.map(({ state }) => state);
    expect(cases).toEqual(["released", "open"]);
  });

  test("a mailbox that gets a reader releases what was held for it, and nothing else", async () => {
    const { store } = bench;
    const mine = [await held(store, "1"), await held(store, "2")];
    const other = await held(store, "3", "mailbox-2");
    const local = { address: "mailbox-1" };
    const reason = { code: "SIGNATURE_INVALID", detail: "" } as const;
    const suspect = letter({
      hold: reason,
      conversationId: "c-mailbox-1",
      conversation: { local },
    });
    await store.accept([suspect], T0);
    const release = (account: string) =>
      store.releaseHeld(account, "mailbox-1", "RECIPIENT_UNLINKED", "op", after(1));
    expect(await release("b")).toBe(0);
    expect(await release("a")).toBe(2);
    expect(await release("a")).toBe(0);
    for (const id of mine) expect((await mustFind(store, id)).state).toBe("pending");
    for (const id of [other, suspect.message.id])
      expect((await mustFind(store, id)).state).toBe("held");
    const open = await store.listQuarantine({ state: "open", limit: 10 });
    expect(open.map(({ messageId }) => messageId).sort()).toEqual(
      [other, suspect.message.id].sort(),
    );
    expect((await store.trace(mine[0] ?? ""))?.audit).toHaveLength(1);
    expect(await store.verifyAudit()).toBeUndefined();
    const lease = await leaseOf(store, "c-mailbox-1-matrix", { now: after(1) });
    expect(await nextOf(store, lease, after(1))).toBe("letter 1");
  });
}
