import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openMailListener } from "../../../src/guard/mail.ts";
import type { MailListener, ReceivedMail } from "../../../src/guard/mail.ts";
import { readMailText } from "../../../src/guard/mail-text.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import { newId } from "../../../src/model/id.ts";
import type { Message } from "../../../src/model/message.ts";
import { attach, MAILBOX, makeKeys, never, PDF } from "./bench.ts";
import type { Keys } from "./bench.ts";
import { LETTER, letters, openInletBench } from "./inlet-bench.ts";
import type { InletBench, InletWish } from "./inlet-bench.ts";

let keys: Keys;
let bench: InletBench;
let smtp: MailListener | undefined;
let mails: ReceivedMail[];
let mailFails = false;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
afterEach(async () => {
  await bench.close();
  await smtp?.close(10);
  smtp = undefined;
  mailFails = false;
});
async function open(wish: InletWish = {}): Promise<InletBench> {
  bench = await openInletBench(keys, wish);
  bench.state.links.add(MAILBOX);
  return bench;
}
async function openWithMail(sender: Record<string, unknown> = {}): Promise<InletBench> {
  mails = [];
  smtp = await openMailListener({
    host: "127.0.0.1",
    port: 0,
    domain: "stadt.example",
    knows: (local) => local !== "niemand",
    receive: async (mail) => {
      if (mailFails) throw new Error("full");
      mails.push(mail);
    },
    onError: () => undefined,
  });
  const mail = {
    server: `127.0.0.1:${smtp.port}`,
    tls: "none",
    from: "nicht-antworten@gw.example",
  };
  return open({ sender, inlet: { mail } });
}

/** A letter that came in, and an answer a citizen wrote in its room. */
async function answer(more: Partial<Message> = {}, letter = LETTER): Promise<Message> {
  await bench.legacy.sendLetter(letter);
  const received = letters(bench.state).at(-1)?.message;
  if (received === undefined) throw new Error("nothing came");
  const id = newId();
  return bench.state.add(
    {
      id,
      account: "konto",
      sourceId: `$${id}`,
      conversation: received.conversation,
      sentAt: new Date(),
      from: { address: MAILBOX, role: "citizen" },
      to: [received.from],
      text: "Anbei die Unterlagen,\nmit Grüßen 🏛️ & <mehr>",
      attachments: [],
      level: 3,
      replyPolicy: "possible",
      ...more,
    },
    "pending",
  );
}
const deliver = (message: Message, deliveryId = message.id) =>
  bench.bridge.deliver(message, deliveryId, never);

describe("an answer of a citizen", () => {
  it("waits on the shelf until the legacy system fetches and accepts it", async () => {
    await open();
    const file = await attach(bench, "Nachweis.pdf", "application/pdf", PDF);
    const message = await answer({ attachments: [file] });
    const delivery = await deliver(message);
    expect(delivery.receipt?.kind).toBe("relayed");
    const [reply, ...more] = await bench.legacy.pullReplies();
    expect(more).toEqual([]);
    expect(reply).toMatchObject({
      id: delivery.remoteId,
      routingInfo: LETTER.routingInfo,
      reference: LETTER.reference,
      mailboxUuid: MAILBOX,
      title: `AW: ${LETTER.title}`,
      content: "Anbei die Unterlagen,<br>mit Grüßen 🏛️ &amp; &lt;mehr&gt;",
      status: "NEW",
      attachments: [
        { filename: "Nachweis.pdf", contentLength: PDF.length, mediaType: "application/pdf" },
      ],
    });
    const id = reply?.id ?? "";
    expect((await bench.legacy.fetchReplyAttachment(id, 0)).equals(PDF)).toBe(true);
    await expect(bench.legacy.fetchReplyAttachment(id, 1)).rejects.toThrow("404");
    expect((await bench.legacy.setReplyStatus(id, "COLLECTED")).status).toBe(204);
    expect(await bench.legacy.pullReplies()).toEqual([]);
    expect((await bench.legacy.fetchReplyAttachment(id, 0)).equals(PDF)).toBe(true);
    expect((await bench.legacy.setReplyStatus(id, "ACCEPTED")).status).toBe(204);
    expect(bench.state.reports.map(({ target, kind }) => [target, kind])).toEqual([
      [{ id: message.id }, "delivered"],
      [{ id: message.id }, "reply-accepted"],
    ]);
  });

  it("is told when it was rejected, with the reason", async () => {
    await open();
    const message = await answer();
    const { remoteId } = await deliver(message);
    await bench.legacy.setReplyStatus(remoteId, "COLLECTED");
    await bench.legacy.setReplyStatus(remoteId, "REJECTED", { message: "Falsche Stelle" });
    expect(bench.state.reports.at(-1)).toMatchObject({
      kind: "reply-rejected",
      notice: "Die Behörde hat die Antwort nicht angenommen. Begründung: Falsche Stelle",
    });
  });

  it.each([
    ["ACCEPTED", []],
    ["REJECTED", []],
    ["ERROR", []],
    ["COLLECTED", ["COLLECTED", "ACCEPTED"]],
    ["REJECTED", ["COLLECTED", "ACCEPTED"]],
  ] as const)("cannot become %s after %j", async (status, before) => {
    await open();
    const { remoteId } = await deliver(await answer());
    for (const step of before) await bench.legacy.setReplyStatus(remoteId, step);
    const told = bench.state.reports.length;
    expect(await bench.legacy.setReplyStatus(remoteId, status)).toMatchObject({
      status: 409,
      json: { code: "ILLEGAL_TRANSITION" },
    });
    expect(bench.state.reports).toHaveLength(told);
  });

  it("may have its status set twice", async () => {
    await open();
    const { remoteId } = await deliver(await answer());
    for (const status of ["COLLECTED", "COLLECTED", "ACCEPTED", "ACCEPTED"] as const)
      expect((await bench.legacy.setReplyStatus(remoteId, status)).status).toBe(204);
    expect(bench.state.reports).toHaveLength(2);
  });

  it("belongs to its sender alone", async () => {
    await open();
    const { remoteId } = await deliver(
      await answer({ attachments: [await attach(bench, "a.pdf", "application/pdf", PDF)] }),
    );
    const other = bench.as(keys.second);
    expect(await other.pullReplies()).toEqual([]);
    await expect(other.fetchReplyAttachment(remoteId, 0)).rejects.toThrow("404");
    expect((await other.setReplyStatus(remoteId, "COLLECTED")).status).toBe(404);
    expect(await bench.legacy.pullReplies()).toHaveLength(1);
  });

  it("lies on the shelf once, however often it is handed over", async () => {
    await open();
    const message = await answer();
    const first = await deliver(message);
    expect(await bench.bridge.find?.(message, message.id, never)).toMatchObject({
      remoteId: first.remoteId,
    });
    const { state } = bench;
    await bench.close();
    bench = await openInletBench(keys, { state });
    expect((await deliver(message)).remoteId).toBe(first.remoteId);
    await bench.legacy.setReplyStatus(first.remoteId, "COLLECTED");
    expect((await deliver(message)).remoteId).toBe(first.remoteId);
    expect(await bench.legacy.pullReplies()).toEqual([]);
    expect((await deliver(message, "erneut")).remoteId).not.toBe(first.remoteId);
    expect(await bench.legacy.pullReplies()).toHaveLength(1);
  });

  it("whose hand-over was cut is found, or certainly is not there", async () => {
    await open();
    const message = await answer();
    expect(await bench.bridge.find?.(message, message.id, never)).toBe("absent");
    await deliver(message);
    for (const name of [...bench.state.records.keys()])
      if (name.startsWith("shelf:new:")) bench.state.records.delete(name);
    expect(await bench.bridge.find?.(message, message.id, never)).toBe("absent");
    await deliver(message);
    expect(await bench.legacy.pullReplies()).toHaveLength(1);
  });

  it("comes in order and by pages", async () => {
    await open();
    const first = await answer({ text: "0" });
    await deliver(first);
    for (let n = 1; n < 6; n += 1) {
      const id = newId();
      await deliver(bench.state.add({ ...first, id, sourceId: id, text: String(n) }, "pending"));
    }
    const page = await bench.legacy.pullReplies(4);
    expect(page.map(({ content }) => content)).toEqual(["0", "1", "2", "3"]);
    for (const { id } of page) await bench.legacy.setReplyStatus(id, "COLLECTED");
    expect((await bench.legacy.pullReplies(4)).map(({ content }) => content)).toEqual(["4", "5"]);
    expect((await bench.legacy.call("GET", "/v6/mailbox/replies?limit=0")).status).toBe(400);
  });

  it("carries the routing information of the letter it answers, else of the last one", async () => {
    await open();
    await bench.legacy.sendLetter({ ...LETTER, title: "erster", routingInfo: "r-1" });
    const first = letters(bench.state)[0]?.message.id ?? "";
    const message = await answer({}, { ...LETTER, title: "zweiter", routingInfo: "r-2" });
    await deliver(message);
    const id = newId();
    await deliver(bench.state.add({ ...message, id, sourceId: id, inReplyTo: first }, "pending"));
    await bench.legacy.sendLetter({ ...LETTER, title: "erster", routingInfo: "r-1" });
    const again = newId();
    await deliver(bench.state.add({ ...message, id: again, sourceId: again }, "pending"));
    expect((await bench.legacy.pullReplies()).map(({ routingInfo }) => routingInfo)).toEqual([
      "r-2",
      "r-1",
      "r-2",
    ]);
  });

  it("of files alone has a text", async () => {
    await open();
    const { text: _, ...wordless } = await answer({
      attachments: [await attach(bench, "a.pdf", "application/pdf", PDF)],
    });
    await deliver(bench.state.add(wordless, "pending"));
    expect((await bench.legacy.pullReplies())[0]?.content).toContain("beigefügten Dateien");
  });

  it.each([
    [
      "a file that is not allowed",
      async () => ({
        attachments: [await attach(bench, "a.zip", "application/zip", Buffer.from("PK"))],
      }),
      "ATTACHMENT_REJECTED",
    ],
    ["a text too long", async () => ({ text: "x".repeat(1_000_001) }), "LETTER_INVALID"],
    ["nothing in it", async () => ({ text: "" }), "CONTENT_UNSUPPORTED"],
    [
      "another authority as recipient",
      async () => ({ to: [{ address: "authority:Fremdes Amt" }] }),
      "REPLY_NOT_POSSIBLE",
    ],
  ] as [string, () => Promise<Partial<Message>>, string][])(
    "with %s is refused for good",
    async (_what, more, code) => {
      await open();
      const message = await answer();
      await expect(deliver({ ...message, ...(await more()) })).rejects.toMatchObject({
        fault: "permanent",
        code,
      });
      expect(await bench.legacy.pullReplies()).toEqual([]);
    },
  );

  it("is not possible where the operator has said so", async () => {
    await open({ sender: { replies: "none" } });
    const message = await answer();
    expect(letters(bench.state)[0]?.message.replyPolicy).toBe("forbidden");
    await expect(deliver(message)).rejects.toMatchObject({
      fault: "permanent",
      code: "REPLY_NOT_POSSIBLE",
    });
  });

  it("to an account without an inlet is not possible", async () => {
    await open();
    const error = await deliver({ ...(await answer()), to: [{ address: MAILBOX }] }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(DeliveryError);
    expect(error).toMatchObject({ fault: "permanent", code: "REPLY_NOT_POSSIBLE" });
  });
});

describe("an answer by mail", () => {
  const letter = { ...LETTER, replyAddress: "bauamt@stadt.example" };
  it("goes to the reply address of the letter", async () => {
    await openWithMail({ replies: "mail" });
    const file = await attach(bench, "Nachweis.pdf", "application/pdf", PDF);
    const message = await answer({ attachments: [file] }, letter);
    const delivery = await deliver(message);
    expect(delivery.receipt?.kind).toBe("relayed");
    expect(mails[0]?.to).toEqual(["bauamt@stadt.example"]);
    const text = readMailText(mails[0]?.bytes ?? Buffer.alloc(0));
    expect(text).toMatchObject({
      subject: `AW: ${LETTER.title}`,
      messageId: `${message.id}.answer@gw.example`,
    });
    expect(text.text).toContain("mit Grüßen 🏛️ & <mehr>");
    expect(mails[0]?.bytes.toString()).toContain(PDF.toString("base64").slice(0, 20));
  });
  it("is not possible without an address", async () => {
    await openWithMail({ replies: "mail" });
    const message = await answer();
    expect(letters(bench.state)[0]?.message.replyPolicy).toBe("forbidden");
    await expect(deliver(message)).rejects.toMatchObject({ code: "REPLY_NOT_POSSIBLE" });
  });
  it.each([
    ["is tried again", () => void (mailFails = true), letter, "transient"],
    ["is over", () => undefined, { ...letter, replyAddress: "niemand@stadt.example" }, "permanent"],
  ])("that is not taken %s", async (_what, prepare, to, fault) => {
    await openWithMail({ replies: "mail" });
    const message = await answer({}, to);
    prepare();
    await expect(deliver(message)).rejects.toMatchObject({ fault });
  });
});

describe("the sender of a letter", () => {
  const letter = { ...LETTER, retrievalConfirmationAddress: "ack+1@stadt.example" };
  const tell = async (kind: "delivered" | "retrieved") => {
    const [kept] = letters(bench.state);
    if (kept === undefined) throw new Error("nothing came");
    return bench.bridge.notify?.(
      kept.message,
      { kind, at: new Date("2026-11-21T10:00:00Z") },
      never,
    );
  };
  it("learns that it was opened", async () => {
    await openWithMail();
    await bench.legacy.sendLetter(letter);
    expect(await tell("delivered")).toBe("not-wanted");
    expect(await tell("retrieved")).toBe("told");
    expect(mails[0]?.to).toEqual(["ack+1@stadt.example"]);
    const { subject, text } = readMailText(mails[0]?.bytes ?? Buffer.alloc(0));
    expect([subject, text]).toEqual(["Lesebestätigung", expect.stringContaining("AZ 12/34")]);
    await tell("retrieved");
    const ids = mails.map(({ bytes }) => readMailText(bytes).messageId);
    expect(ids[0]).toBe(ids[1]);
  });
  it("is not told without a mail server or an address", async () => {
    await open();
    await bench.legacy.sendLetter(letter);
    expect(await tell("retrieved")).toBe("not-wanted");
    await bench.close();
    await openWithMail();
    await bench.legacy.sendLetter(LETTER);
    expect(await tell("retrieved")).toBe("not-wanted");
  });
  it("is told later when its mail server is away, and never when it refuses", async () => {
    await openWithMail();
    await bench.legacy.sendLetter({
      ...letter,
      retrievalConfirmationAddress: "niemand@stadt.example",
    });
    expect(await tell("retrieved")).toBe("not-wanted");
    mailFails = true;
    await bench.close();
    await openWithMail();
    await bench.legacy.sendLetter(letter);
    await expect(tell("retrieved")).rejects.toMatchObject({ fault: "transient" });
  });
});
