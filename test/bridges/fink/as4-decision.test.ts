/** What an operator decides about a message of the access point, and what its sender is told then. */
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { QuarantinedInput } from "../../../src/bridge/contract.ts";
import { deliver, faultOf, letter, NORTH, signal, SOUTH, startSide } from "./as4-bench.ts";
import type { Side } from "./as4-bench.ts";

let north: Side;
let south: Side;
let excluded: Set<string>;
beforeEach(async () => {
  excluded = new Set();
  north = await startSide(NORTH, SOUTH);
  south = await startSide(SOUTH, NORTH, { excluded });
  north.accessPoint.exchange.connect(south.accessPoint.exchange);
});
afterEach(async () => {
  await north.close();
  await south.close();
});

async function send(text = "Guten Tag") {
  const sent = letter(north, { text });
  const { remoteId } = await deliver(north, sent);
  north.accessPoint.exchange.push();
  await south.poll();
  return { sent, remoteId };
}
async function answersBack(): Promise<string[]> {
  await south.poll();
  south.accessPoint.exchange.push();
  await north.poll();
  return north.state.reports.map(({ kind }) => kind).filter((kind) => kind !== "relayed");
}
function quarantined(): QuarantinedInput {
  const [item] = south.state.quarantined.values();
  if (item === undefined) throw new Error("nothing in quarantine");
  return item;
}

describe.each(["inline", "mtom"] as const)("a message in quarantine, kept as %s", (form) => {
  beforeEach(() => south.accessPoint.setAnswers(form));

  it("of an entity that left is set aside although the settings list its party", async () => {
    excluded.add(NORTH.entityId);
    const { remoteId } = await send();
    expect(south.state.accepted).toEqual([]);
    expect(quarantined()).toMatchObject({
      sourceId: `as4:${remoteId}`,
      code: "PARTICIPANT_REMOVED",
    });
    expect(await answersBack()).toEqual([]);
  });
  it("released too early stays, released later is accepted once and acknowledged", async () => {
    excluded.add(NORTH.entityId);
    await send();
    const release = () => south.transport.readmit(quarantined(), signal);
    expect(await faultOf(release())).toEqual({ code: "PARTICIPANT_REMOVED" });
    excluded.clear();
    await release();
    await release();
    expect(south.state.accepted).toMatchObject([{ message: { text: "Guten Tag" } }]);
    expect(await answersBack()).toEqual(["delivered"]);
  });
  it("rejected: its sender gets a negative acknowledgement, once", async () => {
    excluded.add(NORTH.entityId);
    const { sent } = await send();
    excluded.clear();
    await south.transport.dismiss(quarantined());
    await south.transport.dismiss(quarantined());
    expect(await answersBack()).toEqual(["not-delivered"]);
    expect(north.state.reports.at(-1)?.target).toEqual({ id: sent.id });
    expect(south.state.accepted).toEqual([]);
  });
});

it("rejected while nobody can say who sent it: nobody is told, and the rejection stands", async () => {
  excluded.add(NORTH.entityId);
  await send();
  await south.transport.dismiss(quarantined());
  excluded.clear();
  expect(await answersBack()).toEqual([]);
});

it("bytes that are no message stay unreleased", async () => {
  const blob = await south.test.context.store("x", Readable.from([Buffer.from("<a/>")]));
  const item = { sourceId: "as4:x@y", code: "INPUT_INVALID", detail: "", original: blob } as const;
  expect(await faultOf(south.transport.readmit(item, signal))).toMatchObject({
    code: expect.stringMatching(/^INPUT_/) as string,
  });
});

describe("a letter that nobody reads yet", () => {
  it("is acknowledged when somebody does", async () => {
    await send("unverknüpft");
    expect(south.state.accepted).toMatchObject([{ state: "held" }]);
    expect(await answersBack()).toEqual([]);
    south.state.settle(south.state.accepted[0]?.message.id ?? "", "pending");
    expect(await answersBack()).toEqual(["delivered"]);
  });
  it("is refused when the operator rejects it", async () => {
    await send("unverknüpft");
    south.state.settle(south.state.accepted[0]?.message.id ?? "", "rejected");
    expect(await answersBack()).toEqual(["not-delivered"]);
  });
});

it("nothing is sent to an entity that left, whatever the settings list", async () => {
  await north.close();
  north = await startSide(NORTH, SOUTH, { excluded: new Set([SOUTH.entityId]) });
  expect(await faultOf(deliver(north, letter(north)))).toMatchObject({ fault: "transient" });
  expect(north.accessPoint.exchange.sent.size).toBe(0);
});

it("stopped and started again, a round happens once, and none while it is stopped", async () => {
  const lists = () =>
    south.accessPoint.requests.filter(({ name }) => name === "listPendingMessagesRequest").length;
  await south.transport.start();
  await south.transport.stop();
  await south.test.tick();
  expect(lists()).toBe(0);
  await south.transport.start();
  await south.test.tick();
  expect(lists()).toBe(1);
});
