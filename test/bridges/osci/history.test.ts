/** What somebody fetched out of the mailbox before: listed and read once more, and nothing at the intermediary changes by it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { History, HistoryEntry } from "../../../src/bridge/contract.ts";
import type { Intermediary } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import {
  clientOf,
  deposit,
  makeBridge,
  makeKeys,
  never,
  PDF,
  rawSettings,
  startHub,
  type Bench,
  type Keys,
} from "./flows-bench.ts";

let keys: Keys;
let hub: Intermediary;
let bench: Bench;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => void (keys = await makeKeys()));
beforeEach(() => start());
afterAll(async () => {
  for (const one of open) await one.close();
  await keys.remove();
});

async function start(options: Parameters<typeof startHub>[1] = {}, more = {}): Promise<void> {
  for (const one of open.splice(0)) await one.close();
  hub = await startHub(keys, options);
  bench = makeBridge(keys, await rawSettings(keys, hub.url, more));
  open.push({ close: () => bench.stop() }, hub);
}
const history = (): History => bench.bridge.history();

/** As the client that is to be replaced does: takes all and confirms it. */
async function fetchAll(): Promise<void> {
  const client = clientOf(hub, keys.us);
  try {
    await client.initDialog();
    while ((await client.fetchDelivery()).codes.includes("3800"));
    await client.exitDialog();
  } finally {
    client.close();
  }
}

async function list(cursor?: string): Promise<HistoryEntry[]> {
  const found: HistoryEntry[] = [];
  for await (const one of history().list(cursor, never)) found.push(one);
  return found;
}
const idsOf = (entries: readonly HistoryEntry[]) => entries.map(({ id }) => id);
const stamps = () =>
  hub.state.cards.map(({ messageId, reception }) => [messageId, reception?.getTime()]);

describe("the list", () => {
  it("names what was fetched before, and nothing that still waits", async () => {
    const before = [await deposit(keys, hub), await deposit(keys, hub)];
    await fetchAll();
    const waiting = await deposit(keys, hub);
    const found = await list();
    expect(idsOf(found)).toEqual(before);
    expect(found.map(({ at }) => at)).toEqual(before.map((id) => hub.card(id)?.creation));
    expect(found.every(({ mailbox }) => mailbox === bench.context.account)).toBe(true);
    expect(hub.waiting().map(({ messageId }) => messageId)).toEqual([waiting]);
  });

  it("leaves out what this account took in itself", async () => {
    await deposit(keys, hub);
    await bench.bridge.start();
    await bench.tick();
    expect(hub.waiting()).toEqual([]);
    expect(await list()).toEqual([]);
  });

  it("goes on from a cursor and over many pages, each once", async () => {
    let clock = Date.parse("2024-01-01T00:00:00Z");
    await start({ cardsPerAnswer: 2, now: () => new Date((clock += 1_000)) });
    for (let n = 0; n < 7; n += 1) {
      await deposit(keys, hub);
      await fetchAll();
    }
    const all = await list();
    expect(new Set(idsOf(all)).size).toBe(7);
    expect(all).toHaveLength(7);
    const rest = await list(all[3]?.cursor);
    expect(idsOf(rest)).toEqual(idsOf(all).slice(3));
  });

  it("fails rather than to end early, when more is announced than can be asked for", async () => {
    const now = new Date("2024-01-01T00:00:00Z");
    await start({ cardsPerAnswer: 2, now: () => now });
    for (let n = 0; n < 4; n += 1) await deposit(keys, hub);
    await fetchAll();
    await expect(list()).rejects.toMatchObject({ code: "REMOTE_ANSWER_INVALID" });
  });

  it("of an empty mailbox is empty", async () => {
    expect(await list()).toEqual([]);
  });
});

describe("a letter that is read once more", () => {
  it("is the letter of live traffic, with its receipts, and no stamp of it changes", async () => {
    const files = [{ name: "Ladung.pdf", bytes: PDF }];
    const id = await deposit(keys, hub, { theirs: "1 K 1/26", files });
    await fetchAll();
    const before = stamps();
    const exits = hub.observations.ofType("ExitDialog").length;
    const { message, receipts, direction, mailbox } = await history().read(id, never);
    // Not another word after the delivery, whatever this intermediary would make of it.
    expect(hub.observations.ofType("ExitDialog")).toHaveLength(exits);
    expect(message).toMatchObject({
      ...{ sourceId: id, subject: "Ladung", sentAt: hub.card(id)?.creation },
      attachments: [{ name: "Ladung.pdf", blob: { size: PDF.length } }],
    });
    expect({ direction, mailbox }).toEqual({ direction: "received", mailbox: "konto" });
    expect(receipts?.map(({ kind, at }) => [kind, at])).toEqual([
      ["delivered", hub.card(id)?.creation],
      ["retrieved", hub.card(id)?.reception],
    ]);
    expect(stamps()).toEqual(before);
    expect(bench.state.accepted).toEqual([]);
    const live = makeBridge(keys, await rawSettings(keys, hub.url));
    try {
      await deposit(keys, hub, { theirs: "1 K 1/26", files });
      await live.bridge.start();
      await live.tick();
      const [other] = live.state.accepted;
      expect(message.conversation).toBe(other?.message.conversation);
      expect([message.from, message.to]).toEqual([other?.message.from, other?.message.to]);
    } finally {
      await live.stop();
    }
  });

  it("that still waits is not touched: fetching could confirm it", async () => {
    const id = await deposit(keys, hub);
    await expect(history().read(id, never)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(hub.card(id)?.forwarding).toBeUndefined();
    await bench.bridge.start();
    await bench.tick();
    expect(bench.state.accepted.map(({ message }) => message.sourceId)).toEqual([id]);
  });

  it("that the intermediary does not give out again says what helps", async () => {
    await start({ refetch: false });
    const id = await deposit(keys, hub);
    await fetchAll();
    await expect(history().read(id, never)).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("archive") as string,
    });
    await expect(history().raw(id, never)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("that no key of ours opens is a fault of this letter, and its bytes can be had", async () => {
    const id = await deposit(keys, hub, { reader: keys.older });
    await fetchAll();
    await expect(history().read(id, never)).rejects.toMatchObject({ code: "INPUT_INVALID" });
    const raw = Buffer.concat((await (await history().raw(id, never)).toArray()) as Buffer[]);
    expect(raw.length).toBeGreaterThan(1_000);
  });

  it("from an intermediary that is away is a fault of the way, not of the letter", async () => {
    const id = await deposit(keys, hub);
    await fetchAll();
    await hub.stop();
    await expect(history().read(id, never)).rejects.toMatchObject({ code: "REMOTE_UNAVAILABLE" });
  });

  it("comes to the same conversation when it is read again, and later letters follow it", async () => {
    const first = await deposit(keys, hub, { theirs: "9 K 9/26", ours: "50-9" });
    await fetchAll();
    const past = await history().read(first, never);
    await past.remember?.("018f0000-0000-7000-8000-000000000001");
    const { message: again } = await history().read(first, never);
    // The answer that brought it is sealed anew each time.
    expect({ ...again, original: undefined }).toEqual({ ...past.message, original: undefined });
    await deposit(keys, hub, { ours: "50-9" });
    await bench.bridge.start();
    await bench.tick();
    const [live] = bench.state.accepted;
    expect(live?.message.conversation).toBe(past.message.conversation);
  });
});
