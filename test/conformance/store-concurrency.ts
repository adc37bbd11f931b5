import { expect, test } from "vitest";
import type { Store } from "../../src/store/store.ts";
import {
  after,
  deliverHead,
  deliverLetter,
  letter,
  leaseOf,
  mustFind,
  T0,
} from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

function runAll<T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => work(n)));
}

export function concurrencySuite(bench: Bench): void {
  test("the same letter at many doors at once is stored once", async () => {
    const other = await bench.another();
    const results = await runAll(20, (n) =>
      (n % 2 === 0 ? bench.store : other).accept([letter({ sourceId: "same" })], T0),
    );
    const outcomes = results.map(([result]) => result?.outcome);
    expect(outcomes.filter((outcome) => outcome === "stored")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "duplicate")).toHaveLength(19);
    expect(new Set(results.map(([result]) => result?.id)).size).toBe(1);
  });

  test("one holder of a lane, however many want it", async () => {
    const other = await bench.another();
    await bench.store.accept([letter()], T0);
    const leases = await runAll(20, (n) =>
      (n % 2 === 0 ? bench.store : other).acquireLane(
        "c1-matrix",
        `node-${String(n)}`,
        T0,
        after(9),
      ),
    );
    expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  test("letters of one lane keep the order in which their acceptance was answered", async () => {
    const nodes = [bench.store, await bench.another()];
    const answered: string[] = [];
    await runAll(8, async (worker) => {
      for (let round = 0; round < 10; round += 1) {
        const item = letter({ sourceId: `${String(worker)}-${String(round)}` });
        await nodes[worker % 2]?.accept([item], T0);
        answered.push(item.message.sourceId);
      }
    });
    const stored = await bench.store.listMessages({ limit: 1_000 });
    const order = stored.map(({ message }) => message.sourceId);
    expect(order).toHaveLength(80);
    for (let worker = 0; worker < 8; worker += 1) {
      const own = order.filter((id) => id.startsWith(`${String(worker)}-`));
      expect(own).toEqual(answered.filter((id) => id.startsWith(`${String(worker)}-`)));
    }
  });

  test("a lane is never read past a letter that is still being stored", async () => {
    const { store } = bench;
    const other = await bench.another();
    const total = 60;
    // A long call draws its number early and is stored late; a short one behind it must not be seen before.
    const accepting = runAll(total, async (n) => {
      const others = n % 2 === 0 ? 8 : 0;
      const rest = Array.from({ length: others }, (_, m) =>
        letter({ conversationId: `other-${String(n)}-${String(m)}` }),
      );
      await (n % 3 === 0 ? store : other).accept([letter({ sourceId: String(n) }), ...rest], T0);
    });
    const seen: number[] = [];
    while (seen.length < total) {
      const lease = await store.acquireLane("c1-matrix", "node-1", T0, after(1_000));
      if (!lease) continue;
      while ((await store.nextWork(lease, T0)) !== undefined) {
        const id = await deliverHead(store, lease);
        seen.push((await mustFind(store, id)).seq);
      }
      await store.releaseLane(lease, T0);
    }
    await accepting;
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test("two directions of many conversations at once: nobody waits for ever, nothing is lost", async () => {
    const nodes = [bench.store, await bench.another()];
    const conversations = 6;
    await runAll(40, async (n) => {
      const conversationId = `c${String(n % conversations)}`;
      const second = `c${String((n + 1) % conversations)}`;
      const items = [
        letter({ conversationId, receipts: [{ kind: "submission-accepted", at: T0 }] }),
        letter({ conversationId: second, origin: n % 3 === 0 ? "matrix" : "legacy" }),
      ];
      await nodes[n % 2]?.accept(n % 4 === 0 ? items.toReversed() : items, T0);
    });
    const delivered = await Promise.all(
      nodes.map((node, n) => drainAll(node, `node-${String(n)}`)),
    );
    expect(delivered.reduce((sum, count) => sum + count, 0)).toBe(80);
    const left = (await bench.store.stats(T0)).messages.filter(
      ({ state }) => state !== "delivered",
    );
    expect(left).toEqual([]);
  });

  test("a room is bound to one conversation, however many ask at once", async () => {
    const other = await bench.another();
    await bench.store.openConversation(letter({ conversationId: "c1" }).conversation, T0);
    const rooms = await runAll(10, (n) =>
      (n % 2 === 0 ? bench.store : other).bindRoom("c1", `!room-${String(n)}`),
    );
    expect(new Set(rooms).size).toBe(1);
  });

  test("the audit chain holds when many write at once", async () => {
    const other = await bench.another();
    await runAll(30, (n) =>
      (n % 2 === 0 ? bench.store : other).appendAudit(
        { actor: "op", action: "did", subject: String(n) },
        T0,
      ),
    );
    expect(await bench.store.listAudit({ limit: 100 })).toHaveLength(30);
    expect(await bench.store.verifyAudit()).toBeUndefined();
  });

  test("a node whose lane was taken over in the middle of its work is refused", async () => {
    const other = await bench.another();
    const item = letter();
    await bench.store.accept([item], T0);
    const slow = await leaseOf(bench.store, "c1-matrix", { until: after(10) });
    await bench.store.beginAttempt(slow, item.message.id, T0);
    const quick = await leaseOf(other, "c1-matrix", { owner: "node-2", now: after(10) });
    const receipt = { kind: "delivered", at: T0 } as const;
    const settled = await Promise.all(
      [slow, quick].map((lease, n) =>
        (n === 0 ? bench.store : other).settle(
          lease,
          item.message.id,
          { outcome: "delivered", remoteId: lease.owner, parts: [], receipt },
          after(11),
        ),
      ),
    );
    expect(settled).toEqual([false, true]);
    expect((await mustFind(bench.store, item.message.id)).remoteId).toBe("node-2");
  });
}

/** Delivers everything that is due until nothing is, tells origins, and counts the letters it delivered. */
async function drainAll(store: Store, owner: string): Promise<number> {
  let delivered = 0;
  for (;;) {
    const due = await store.dueLanes(T0, 100);
    if (due.length === 0) return delivered;
    for (const lane of due) {
      const lease = await store.acquireLane(lane, owner, T0, after(1_000));
      if (!lease) continue;
      let work = await store.nextWork(lease, T0);
      for (; work; work = await store.nextWork(lease, T0)) {
        if (work.kind === "notice") {
          await store.settleNotice(lease, work.notice, { outcome: "told" }, T0);
        } else if (work.kind === "letter") {
          // Not `deliverHead`: meanwhile the other node may have put a notice in front.
          await deliverLetter(store, lease, work.message.message.id);
          delivered += 1;
        }
      }
      await store.releaseLane(lease, T0);
    }
  }
}
