import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type {
  ReplyDraft,
  ReplyStatus,
  ZbpSimulator,
} from "../../../fixtures/simulators/zbp/index.ts";
import type { Message } from "../../../src/model/message.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import type { KeptMessage } from "../../support/bridge-context.ts";
import {
  letterTo,
  MAILBOX,
  makeBridge,
  makeKeys,
  never,
  OTHER_MAILBOX,
  PDF,
  senderSettings,
  startZbp,
} from "./bench.ts";
import type { Bench, Keys } from "./bench.ts";

let keys: Keys;
let zbp: ZbpSimulator;
let state: MemoryState;
let bench: Bench;
let failAccept: (() => void) | undefined;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => {
  zbp = await startZbp(keys);
  zbp.createMailbox({ uuid: MAILBOX });
  zbp.createMailbox({ uuid: OTHER_MAILBOX });
  state = new MemoryState();
  failAccept = undefined;
  bench = await begin();
});
afterEach(async () => {
  await bench.stop();
  await zbp.close();
});

/** A bridge as it comes up after a (re)start: everything it knows is in `state`. */
async function begin(): Promise<Bench> {
  const settings = senderSettings(keys, zbp.url, { replies: { enabled: true } });
  const made = makeBridge(
    keys,
    { sender: settings },
    { state, beforeAccept: () => failAccept?.() },
  );
  await made.bridge.start();
  return made;
}
async function restart(): Promise<void> {
  await bench.stop();
  bench = await begin();
}
async function sendLetter(
  more: Partial<Message> = {},
): Promise<{ letter: Message; remoteId: string }> {
  const letter = state.add(letterTo(MAILBOX, more));
  const { remoteId } = await bench.bridge.deliver(letter, letter.id, never);
  return { letter, remoteId };
}
const draft = (text: string, more: Partial<ReplyDraft> = {}): ReplyDraft => ({ text, ...more });
const statusOf = (id: string): ReplyStatus | undefined => zbp.state.reply(id)?.status;
const incoming = (): readonly KeptMessage[] =>
  state.accepted.filter(({ origin }) => origin === "legacy");
const open = (): string[] => [...state.records.keys()].filter((key) => key.startsWith("reply:"));

describe("a reply out of ZBP", () => {
  it("reaches the room of the case, and ZBP learns of every step", async () => {
    const { letter, remoteId } = await sendLetter({ case: { reference: "AZ 1" } });
    const attachments = [{ filename: "Nachweis.pdf", mediaType: "application/pdf", bytes: PDF }];
    const reply = zbp.reply(
      remoteId,
      draft("Anbei,\nmit Grüßen 🏛️", { title: "AW: Ihre Frage", attachments }),
    );
    await bench.tick();
    expect(statusOf(reply.id)).toBe("COLLECTED");
    const [kept] = incoming();
    expect(kept?.message).toMatchObject({
      sourceId: `reply:${reply.id}`,
      conversation: letter.conversation,
      inReplyTo: letter.id,
      from: { address: MAILBOX, role: "citizen" },
      to: [letter.from],
      subject: "AW: Ihre Frage",
      text: "Anbei,\nmit Grüßen 🏛️",
      level: 3,
      case: { reference: "AZ 1" },
      attachments: [{ name: "Nachweis.pdf", mediaType: "application/pdf" }],
    });
    expect(kept?.message.sentAt.toISOString()).toBe(reply.createdDate);
    const [file] = kept?.message.attachments ?? [];
    expect(state.blobs.get(file?.blob.digest.slice(7) ?? "")?.equals(PDF)).toBe(true);
    expect(state.blobs.get(kept?.message.original?.digest.slice(7) ?? "")?.toString()).toContain(
      reply.id,
    );
    await bench.tick();
    expect(statusOf(reply.id)).toBe("COLLECTED");
    state.settle(kept?.message.id ?? "", "delivered");
    await bench.tick();
    expect(statusOf(reply.id)).toBe("ACCEPTED");
    expect(open()).toEqual([]);
    expect(incoming()).toHaveLength(1);
  });

  it("is rejected when it could not be delivered for good", async () => {
    const { remoteId } = await sendLetter();
    const reply = zbp.reply(remoteId, draft("x"));
    await bench.tick();
    state.settle(incoming()[0]?.message.id ?? "", "failed");
    await bench.tick();
    expect(zbp.state.reply(reply.id)).toMatchObject({
      status: "REJECTED",
      problem: expect.any(String),
    });
  });

  it("is settled at once when the gateway says that it arrived", async () => {
    const { remoteId } = await sendLetter();
    const reply = zbp.reply(remoteId, draft("x"));
    await bench.tick();
    const [kept] = incoming();
    if (kept === undefined) throw new Error("nothing came");
    const tell = (kind: "submission-accepted" | "retrieved") =>
      bench.bridge.notify?.(kept.message, { kind, at: new Date() }, never);
    expect(await tell("submission-accepted")).toBe("not-wanted");
    state.settle(kept.message.id, "delivered");
    zbp.faults.arm({ route: "replyStatus", kind: "status", status: 503 });
    await expect(tell("retrieved")).rejects.toMatchObject({ fault: "transient" });
    expect(await tell("retrieved")).toBe("told");
    expect(statusOf(reply.id)).toBe("ACCEPTED");
    expect(await tell("retrieved")).toBe("told");
  });

  it("keeps the order, more than a page of it", async () => {
    const { remoteId } = await sendLetter();
    const texts = Array.from({ length: 45 }, (_, n) => `Nummer ${n}`);
    for (const text of texts) zbp.reply(remoteId, draft(text));
    await bench.tick();
    expect(incoming().map(({ message }) => message.text)).toEqual(texts);
  });

  it("goes on one at a time when a page is too large for one answer", async () => {
    const { remoteId } = await sendLetter();
    const texts = Array.from({ length: 18 }, (_, n) =>
      String.fromCharCode(0x61 + n).repeat(990_000),
    );
    for (const text of texts) zbp.reply(remoteId, draft(text));
    await bench.tick();
    expect(
      incoming()
        .map(({ message }) => message.text?.[0])
        .join(""),
    ).toBe("abcdefghijklmnopqr");
  });
});

describe("after a restart", () => {
  it.each([
    ["before COLLECTED", "replyStatus" as const],
    ["while a file was fetched", "replyFile" as const],
    ["while the list was read", "replies" as const],
  ])("goes on where it was cut: %s", async (_what, route) => {
    const { remoteId } = await sendLetter();
    const attachments = [{ filename: "a.pdf", mediaType: "application/pdf", bytes: PDF }];
    const reply = zbp.reply(remoteId, draft("x", { attachments }));
    zbp.faults.arm({ route, kind: "status", status: 503 });
    await bench.tick().catch(() => undefined);
    expect(incoming()).toHaveLength(0);
    await restart();
    await bench.tick();
    expect(incoming()).toHaveLength(1);
    expect(statusOf(reply.id)).toBe("COLLECTED");
  });

  it("accepts what was collected but not accepted, exactly once", async () => {
    const { remoteId } = await sendLetter();
    const reply = zbp.reply(remoteId, draft("x"));
    failAccept = () => {
      throw new Error("the database is gone");
    };
    await bench.tick();
    expect([statusOf(reply.id), incoming().length]).toEqual(["COLLECTED", 0]);
    failAccept = undefined;
    await restart();
    await bench.tick();
    await bench.tick();
    expect(incoming()).toHaveLength(1);
  });

  it("does not accept twice when the note about it was lost", async () => {
    const { remoteId } = await sendLetter();
    zbp.reply(remoteId, draft("x"));
    await bench.tick();
    const [key = ""] = open();
    const record = JSON.parse(state.records.get(key) ?? "{}") as Record<string, unknown>;
    state.records.set(key, JSON.stringify({ ...record, step: "collected", messageId: undefined }));
    await restart();
    await bench.tick();
    expect(incoming()).toHaveLength(1);
    state.settle(incoming()[0]?.message.id ?? "", "delivered");
    await bench.tick();
    expect(open()).toEqual([]);
  });

  it("tells the final status again when the answer to it was lost", async () => {
    const { remoteId } = await sendLetter();
    const reply = zbp.reply(remoteId, draft("x"));
    await bench.tick();
    state.settle(incoming()[0]?.message.id ?? "", "delivered");
    zbp.faults.arm({ route: "replyStatus", kind: "timeoutAfterAccept", socket: "destroy" });
    await bench.tick();
    expect([statusOf(reply.id), open().length]).toEqual(["ACCEPTED", 1]);
    await restart();
    await bench.tick();
    expect(open()).toEqual([]);
  });

  it("lets later replies of the same case wait, and those of others pass", async () => {
    const first = await sendLetter();
    const second = await sendLetter({ conversation: "fall-2" });
    const attachments = [{ filename: "a.pdf", mediaType: "application/pdf", bytes: PDF }];
    zbp.reply(first.remoteId, draft("eins", { attachments }));
    zbp.reply(first.remoteId, draft("zwei"));
    zbp.reply(second.remoteId, draft("anderer Fall"));
    zbp.faults.arm({ route: "replyFile", kind: "status", status: 503 });
    await bench.tick();
    expect(incoming().map(({ message }) => message.text)).toEqual(["anderer Fall"]);
    await bench.tick();
    expect(incoming().map(({ message }) => message.text)).toEqual(["anderer Fall", "eins", "zwei"]);
  });
});

describe("a reply that is not ours", () => {
  /** A letter with routing information of the test's choice, written past the bridge. */
  async function plant(routingInfo: string, mailbox = MAILBOX): Promise<string> {
    const { letter, remoteId } = await sendLetter();
    const stored = zbp.state.letter(remoteId);
    if (stored === undefined) throw new Error("no letter");
    const planted = {
      ...stored,
      id: `p-${letter.id}`,
      letter: { ...stored.letter, routingInfo, mailboxUuid: mailbox },
    };
    zbp.state.record({ type: "letterStored", letter: planted });
    return zbp.reply(planted.id, draft("untergeschoben")).id;
  }
  async function expectRefused(id: string, code: string): Promise<void> {
    await bench.tick();
    expect(incoming()).toHaveLength(0);
    expect(statusOf(id)).toBe("ERROR");
    const item = state.quarantined.get(`reply:${id}`);
    expect(item?.code).toBe(code);
    expect(state.blobs.get(item?.original.digest.slice(7) ?? "")?.toString()).toContain(
      "untergeschoben",
    );
    expect(open()).toEqual([]);
    await bench.tick();
    expect(state.quarantined.size).toBe(1);
  }
  it("has routing information of somebody else", async () =>
    expectRefused(
      await plant("mxgw1.01890000-0000-7000-8000-000000000000.AAAAAAAAAAAAAAAAAAAAAA"),
      "ROUTING_INVALID",
    ));
  it("comes out of another mailbox", async () => {
    const { letter } = await sendLetter();
    const routing = zbp
      .letters()
      .find(({ letter: { reference } }) => reference?.includes(letter.id))?.letter.routingInfo;
    await expectRefused(await plant(routing ?? "", OTHER_MAILBOX), "ROUTING_INVALID");
  });
  it("belongs to a letter that we do not know any more", async () => {
    const { letter, remoteId } = await sendLetter();
    state.messages.delete(letter.id);
    await expectRefused(zbp.reply(remoteId, draft("untergeschoben")).id, "ROUTING_INVALID");
  });
  it("can be released when its letter is known again", async () => {
    const { letter, remoteId } = await sendLetter();
    const kept = state.messages.get(letter.id);
    state.messages.delete(letter.id);
    const reply = zbp.reply(remoteId, draft("doch unsere"));
    await bench.tick();
    const item = state.quarantined.get(`reply:${reply.id}`);
    if (item === undefined || kept === undefined) throw new Error("not in quarantine");
    await expect(bench.bridge.readmit?.(item, never)).rejects.toMatchObject({
      code: "ROUTING_INVALID",
    });
    state.messages.set(letter.id, kept);
    await bench.bridge.readmit?.(item, never);
    await bench.bridge.readmit?.(item, never);
    expect(incoming().map(({ message }) => message.text)).toEqual(["doch unsere"]);
  });
});

it("a reply proves that a letter of unknown outcome arrived", async () => {
  const letter = state.add(letterTo(MAILBOX), "unknown");
  zbp.faults.arm({ route: "send", kind: "acceptThen500" });
  await expect(bench.bridge.deliver(letter, letter.id, never)).rejects.toMatchObject({
    fault: "unknown",
  });
  expect(await bench.bridge.find?.(letter, letter.id, never)).toBeUndefined();
  zbp.reply(zbp.letters()[0]?.id ?? "", draft("ist da"));
  await bench.tick();
  expect(await bench.bridge.find?.(letter, letter.id, never)).toMatchObject({
    receipt: { kind: "delivered" },
  });
});
