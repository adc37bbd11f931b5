import { expect, test } from "vitest";
import type { Receipt, ReceiptKind } from "../../src/model/receipt.ts";
import type { Store, StoredReceipt } from "../../src/store/store.ts";
import { after, deliverHead, letter, leaseOf, nextOf, T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

const ORIGIN_LANE = "c1-legacy";

async function accepted(store: Store, options: Parameters<typeof letter>[0] = {}): Promise<string> {
  const item = letter(options);
  await store.accept([item], T0);
  return item.message.id;
}
async function statesOf(store: Store, id: string): Promise<Record<string, string>> {
  const receipts = (await store.trace(id))?.receipts ?? [];
  return Object.fromEntries(receipts.map(({ kind, noticeState }) => [kind, noticeState]));
}
async function dueNotice(store: Store, id: string): Promise<StoredReceipt> {
  const due = (await store.trace(id))?.receipts.find(({ noticeState }) => noticeState === "due");
  if (!due) throw new Error("no notice is due");
  return due;
}

export function receiptSuite(bench: Bench): void {
  test("keeps everything about a receipt, and hands it out to tell the origin", async () => {
    const { store } = bench;
    const id = await accepted(store, { sourceId: "1" });
    const receipt: Receipt = {
      kind: "retrieved",
      at: after(-5),
      evidence: { digest: `sha256:${"0f".repeat(32)}`, size: 12 },
      detail: "process card 17",
      notice: "Ihr Schreiben wurde abgeholt.",
    };
    expect(await store.addReceipt(id, receipt, after(7))).toBe(true);
    expect(await store.dueLanes(after(7), 10)).toContain(ORIGIN_LANE);
    const lease = await leaseOf(store, ORIGIN_LANE, { now: after(7) });
    const work = await store.nextWork(lease, after(7));
    expect(work).toMatchObject({
      kind: "notice",
      message: { message: { id } },
      notice: {
        ...receipt,
        messageId: id,
        noticeState: "due",
        noticeAttempts: 0,
        recordedAt: after(7),
      },
    });
  });

  test("each kind once", async () => {
    const { store } = bench;
    const id = await accepted(store);
    expect(await store.addReceipt(id, { kind: "relayed", at: T0 }, T0)).toBe(true);
    expect(await store.addReceipt(id, { kind: "relayed", at: after(9) }, after(9))).toBe(false);
    expect((await store.trace(id))?.receipts).toMatchObject([{ kind: "relayed", at: T0 }]);
    const nobody = store.addReceipt("nobody", { kind: "relayed", at: T0 }, T0);
    await expect(nobody).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a higher stage takes the place of a lower one that was not told yet", async () => {
    const { store } = bench;
    const id = await accepted(store);
    for (const kind of ["submission-accepted", "relayed", "delivered"] satisfies ReceiptKind[])
      await store.addReceipt(id, { kind, at: T0 }, T0);
    expect(await statesOf(store, id)).toEqual({
      "submission-accepted": "superseded",
      relayed: "superseded",
      delivered: "due",
    });
  });

  test("a lower stage that comes late is written down and never told", async () => {
    const { store } = bench;
    const id = await accepted(store);
    await store.addReceipt(id, { kind: "retrieved", at: T0 }, T0);
    expect(await store.addReceipt(id, { kind: "delivered", at: T0 }, T0)).toBe(true);
    expect(await statesOf(store, id)).toEqual({ retrieved: "due", delivered: "superseded" });
  });

  test("what was told stays told when a higher stage follows", async () => {
    const { store } = bench;
    const id = await accepted(store, { receipts: [{ kind: "submission-accepted", at: T0 }] });
    const lease = await leaseOf(store, ORIGIN_LANE);
    await store.settleNotice(lease, await dueNotice(store, id), { outcome: "told" }, T0);
    await store.addReceipt(id, { kind: "delivered", at: T0 }, T0);
    expect(await statesOf(store, id)).toEqual({ "submission-accepted": "told", delivered: "due" });
  });

  test.for(["told", "not-wanted", "gave-up"] as const)(
    "a notice can end as %s",
    async (outcome) => {
      const { store } = bench;
      const id = await accepted(store, { receipts: [{ kind: "submission-accepted", at: T0 }] });
      const lease = await leaseOf(store, ORIGIN_LANE);
      const notice = await dueNotice(store, id);
      expect(await store.settleNotice(lease, notice, { outcome, detail: "x" }, after(1))).toBe(
        true,
      );
      expect(await statesOf(store, id)).toEqual({ "submission-accepted": outcome });
      expect(await nextOf(store, lease, after(1e9))).toBe("nothing");
    },
  );

  test("a notice that failed is tried again later", async () => {
    const { store } = bench;
    const id = await accepted(store, {
      sourceId: "1",
      receipts: [{ kind: "submission-accepted", at: T0 }],
    });
    const lease = await leaseOf(store, ORIGIN_LANE);
    const retry = { outcome: "retry", nextAt: after(50), detail: "503" } as const;
    await store.settleNotice(lease, await dueNotice(store, id), retry, T0);
    expect(await nextOf(store, lease, after(49))).toBe("nothing");
    expect(await nextOf(store, lease, after(50))).toBe("notice submission-accepted of 1");
    expect((await dueNotice(store, id)).noticeAttempts).toBe(1);
  });

  test("a notice overtaken on its way is not tried again, but told is told", async () => {
    const { store } = bench;
    const receipts = [{ kind: "submission-accepted", at: T0 } as const];
    const ids = [await accepted(store, { receipts }), await accepted(store, { receipts })] as const;
    const lease = await leaseOf(store, ORIGIN_LANE);
    const notices = [await dueNotice(store, ids[0]), await dueNotice(store, ids[1])] as const;
    for (const id of ids) await store.addReceipt(id, { kind: "delivered", at: T0 }, T0);
    const retry = { outcome: "retry", nextAt: after(50), detail: "" } as const;
    await store.settleNotice(lease, notices[0], retry, T0);
    await store.settleNotice(lease, notices[1], { outcome: "told" }, T0);
    expect(await statesOf(store, ids[0])).toEqual({
      "submission-accepted": "superseded",
      delivered: "due",
    });
    expect(await statesOf(store, ids[1])).toEqual({
      "submission-accepted": "told",
      delivered: "due",
    });
  });

  test("who lost the lane cannot settle a notice", async () => {
    const { store } = bench;
    const id = await accepted(store, { receipts: [{ kind: "submission-accepted", at: T0 }] });
    const old = await leaseOf(store, ORIGIN_LANE, { until: after(1) });
    await leaseOf(store, ORIGIN_LANE, { owner: "node-2", now: after(1) });
    const notice = await dueNotice(store, id);
    expect(await store.settleNotice(old, notice, { outcome: "told" }, after(2))).toBe(false);
    expect(await statesOf(store, id)).toEqual({ "submission-accepted": "due" });
  });

  test("several stages at once when a letter is taken in: only the highest is told", async () => {
    const { store } = bench;
    const id = await accepted(store, {
      receipts: [
        { kind: "relayed", at: T0 },
        { kind: "submission-accepted", at: T0 },
      ],
    });
    expect(await statesOf(store, id)).toEqual({
      relayed: "due",
      "submission-accepted": "superseded",
    });
  });

  test("finds what was delivered up to a letter and lacks a receipt", async () => {
    const { store } = bench;
    for (const sourceId of ["1", "2", "3"]) await accepted(store, { sourceId });
    await accepted(store, { sourceId: "other", conversationId: "c2" });
    await accepted(store, { sourceId: "reply", origin: "matrix" });
    const lease = await leaseOf(store, "c1-matrix");
    const one = await deliverHead(store, lease, after(1));
    const two = await deliverHead(store, lease, after(2));
    const three = (await store.messageBySource("a", "3"))?.message.id ?? "";
    await deliverHead(store, await leaseOf(store, "c2-matrix"), after(1));
    const upTo = (id: string, limit = 10) => store.withoutReceiptUpTo(id, "retrieved", limit);
    expect(await upTo(one)).toEqual([one]);
    expect(await upTo(two)).toEqual([one, two]);
    expect(await upTo(two, 1)).toEqual([one]);
    expect(await upTo(three)).toEqual([]);
    await store.addReceipt(one, { kind: "retrieved", at: T0 }, T0);
    expect(await upTo(two)).toEqual([two]);
    expect(await upTo("nobody")).toEqual([]);
  });

  test("reading a letter says nothing about one that came into the room after it", async () => {
    const { store } = bench;
    const hold = { code: "RECIPIENT_UNLINKED", detail: "" } as const;
    const held = await accepted(store, { sourceId: "1", hold });
    await accepted(store, { sourceId: "2" });
    let lease = await leaseOf(store, "c1-matrix");
    const read = await deliverHead(store, lease, after(1));
    await store.releaseLane(lease, after(1));
    const [item] = await store.listQuarantine({ state: "open", limit: 1 });
    await store.closeQuarantine(item?.id ?? "", "released", "op", after(2));
    lease = await leaseOf(store, "c1-matrix", { now: after(3) });
    expect(await deliverHead(store, lease, after(3))).toBe(held);
    expect(await store.withoutReceiptUpTo(read, "retrieved", 10)).toEqual([read]);
    expect(await store.withoutReceiptUpTo(held, "retrieved", 10)).toEqual([held, read]);
  });

  test("a reader's own letter counts from when it was written", async () => {
    const { store } = bench;
    await accepted(store, { sourceId: "1" });
    await accepted(store, { sourceId: "2" });
    const lease = await leaseOf(store, "c1-matrix");
    const one = await deliverHead(store, lease, after(1));
    const reply = letter({ origin: "matrix" });
    await store.accept([reply], after(2));
    await deliverHead(store, lease, after(3));
    expect(await store.withoutReceiptUpTo(reply.message.id, "retrieved", 10)).toEqual([one]);
  });
}
