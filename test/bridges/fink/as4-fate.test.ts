import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deliver, faultOf, find, letter, NORTH, SOUTH, startSide } from "./as4-bench.ts";
import type { Side, SideOptions } from "./as4-bench.ts";

let north: Side;
let south: Side;
async function open(options: SideOptions = {}): Promise<void> {
  north = await startSide(NORTH, SOUTH, options);
  south = await startSide(SOUTH, NORTH);
  north.accessPoint.exchange.connect(south.accessPoint.exchange);
}
beforeEach(() => open());
afterEach(async () => {
  await north.close();
  await south.close();
});
const submissions = () => north.accessPoint.requests.filter(({ name }) => name === "submitRequest");

describe("order within a conversation", () => {
  it("the next letter waits for the receipt of the one before, other conversations do not", async () => {
    await deliver(north, letter(north));
    const next = letter(north, { text: "zweitens" });
    expect(await faultOf(deliver(north, next))).toEqual({
      fault: "transient",
      code: "REMOTE_UNAVAILABLE",
    });
    await deliver(north, letter(north, { conversation: "fall-2" }));
    north.accessPoint.exchange.push();
    await deliver(north, next);
    expect(submissions()).toHaveLength(3);
  });

  it("also after a restart, and not for ever when the first one failed", async () => {
    north.accessPoint.exchange.online = false;
    await deliver(north, letter(north));
    const next = letter(north, { text: "zweitens" });
    expect(await faultOf(deliver(north.restart(), next))).toMatchObject({ fault: "transient" });
    for (let attempt = 0; attempt < 3; attempt += 1) north.accessPoint.exchange.push();
    await deliver(north, next);
  });

  it("relaxed does not wait", async () => {
    await north.close();
    await open({ settings: { order: "relaxed" } });
    await deliver(north, letter(north));
    await deliver(north, letter(north, { text: "zweitens" }));
    expect(submissions()).toHaveLength(2);
  });
});

describe("the fate of a letter", () => {
  it("failed attempts are a delay, giving up is reported once with its reason, and a late arrival overrules it", async () => {
    north.accessPoint.exchange.online = false;
    const { remoteId } = await deliver(north, letter(north));
    north.accessPoint.exchange.push();
    await north.poll();
    await north.poll();
    expect(north.state.reports.map(({ kind }) => kind)).toEqual(["delayed"]);
    for (let attempt = 0; attempt < 2; attempt += 1) north.accessPoint.exchange.push();
    await north.poll();
    await north.poll();
    expect(north.state.reports.map(({ kind }) => kind)).toEqual(["delayed", "not-delivered"]);
    const asked = north.accessPoint.requests.filter(({ name }) => name.startsWith("getErrors"));
    expect(asked).toHaveLength(1);
    expect(north.state.reports[1]).toMatchObject({
      detail: "the access point gave up and names EBMS:0005",
    });
    // The operator of the access point restores the message there.
    const entry = north.accessPoint.exchange.sent.get(remoteId);
    if (entry !== undefined) entry.state = "SEND_ENQUEUED";
    north.accessPoint.exchange.online = true;
    north.accessPoint.exchange.push();
    await north.poll();
    await south.poll();
    south.accessPoint.exchange.push();
    await north.poll();
    expect(north.state.reports.map(({ kind }) => kind)).toEqual([
      "delayed",
      "not-delivered",
      "relayed",
      "delivered",
    ]);
  });

  it("a missing receipt leaves it in doubt: the letter may have arrived", async () => {
    south.accessPoint.exchange.losesReceipts = true;
    const sent = letter(north);
    await deliver(north, sent);
    for (let attempt = 0; attempt < 3; attempt += 1) north.accessPoint.exchange.push();
    await north.poll();
    expect(north.state.reports.map(({ kind }) => kind)).toEqual(["in-doubt"]);
    expect(south.accessPoint.exchange.received.size).toBe(1);
    expect(south.accessPoint.exchange.duplicates).toBe(2);
    expect(await find(north, sent)).toBeUndefined();
    // The acknowledgement of the mailbox settles it.
    await south.poll();
    south.accessPoint.exchange.push();
    await north.poll();
    expect(north.state.reports.at(-1)?.kind).toBe("delivered");
  });

  it("giving up while an attempt is looked up ends the letter", async () => {
    const sent = letter(north);
    north.accessPoint.exchange.online = false;
    north.accessPoint.arm("submitRequest", { kind: "cutAfterAccept" });
    await faultOf(deliver(north, sent));
    for (let attempt = 0; attempt < 3; attempt += 1) north.accessPoint.exchange.push();
    expect(await find(north, sent)).toBe("absent");
    expect(await faultOf(deliver(north, sent))).toEqual({
      fault: "permanent",
      code: "REMOTE_UNAVAILABLE",
    });
    expect(submissions()).toHaveLength(1);
  });

  it("a receipt for another message is not taken as evidence", async () => {
    const { remoteId } = await deliver(north, letter(north));
    north.accessPoint.exchange.push();
    const entry = north.accessPoint.exchange.sent.get(remoteId);
    if (entry !== undefined) entry.receipt = entry.receipt?.replace(remoteId, "other@x");
    await north.poll();
    expect(north.state.reports[0]?.detail).toBe("state at the access point");
    expect(north.test.log.map(({ event }) => event)).toContain("as4-receipt-unusable");
  });

  it("what has no end is given up after the configured time, aloud", async () => {
    north.accessPoint.exchange.online = false;
    await deliver(north, letter(north));
    north.clock = new Date(north.clock.getTime() + 15 * 86_400_000);
    await north.poll();
    expect(north.test.log.map(({ event }) => event)).toContain("as4-fate-unknown");
    const before = north.accessPoint.requests.length;
    await north.poll();
    expect(north.accessPoint.requests.slice(before).map(({ name }) => name)).toEqual([
      "listPendingMessagesRequest",
    ]);
  });

  it("old letters are forgotten in the end", async () => {
    await deliver(north, letter(north));
    north.accessPoint.exchange.push();
    await north.poll();
    const keys = () => [...north.state.records.keys()].filter((key) => key.startsWith("as4/out/"));
    expect(keys()).toHaveLength(1);
    north.clock = new Date(north.clock.getTime() + 731 * 86_400_000);
    await north.poll();
    expect(keys()).toHaveLength(0);
  });

  it("ping has no effect and answers well", async () => {
    expect(await north.transport.ping(new AbortController().signal, [])).toEqual({ ok: true });
    expect(north.accessPoint.exchange.sent.size).toBe(0);
  });
});
