import { afterEach, describe, expect, it } from "vitest";
import { openMailListener } from "../../../src/guard/mail.ts";
import type { MailListener, ReceivedMail } from "../../../src/guard/mail.ts";
import { readMailText } from "../../../src/guard/mail-text.ts";
import type { Message } from "../../../src/model/message.ts";
import { attach, never, PDF } from "./bench.ts";
import { answer, LETTER, letters, useInlet } from "./inlet-bench.ts";
import type { InletBench } from "./inlet-bench.ts";

const bed = useInlet();
let smtp: MailListener | undefined;
let mails: ReceivedMail[];
let mailFails = false;
afterEach(async () => {
  await smtp?.close(10);
  smtp = undefined;
  mailFails = false;
});
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
  return bed.open({ sender, inlet: { mail } });
}

const deliver = (message: Message, deliveryId = message.id) =>
  bed.bench.bridge.deliver(message, deliveryId, never);

describe("an answer by mail", () => {
  const letter = { ...LETTER, replyAddress: "bauamt@stadt.example" };
  it("goes to the reply address of the letter", async () => {
    await openWithMail({ replies: "mail" });
    const file = await attach(bed.bench, "Nachweis.pdf", "application/pdf", PDF);
    const message = await answer(bed.bench, { attachments: [file] }, letter);
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
    const message = await answer(bed.bench);
    expect(letters(bed.bench.state)[0]?.message.replyPolicy).toBe("forbidden");
    await expect(deliver(message)).rejects.toMatchObject({ code: "REPLY_NOT_POSSIBLE" });
  });
  it.each([
    ["is tried again", () => void (mailFails = true), letter, "transient"],
    ["is over", () => undefined, { ...letter, replyAddress: "niemand@stadt.example" }, "permanent"],
  ])("that is not taken %s", async (_what, prepare, to, fault) => {
    await openWithMail({ replies: "mail" });
    const message = await answer(bed.bench, {}, to);
    prepare();
    await expect(deliver(message)).rejects.toMatchObject({ fault });
  });
});

describe("the sender of a letter", () => {
  const letter = { ...LETTER, retrievalConfirmationAddress: "ack+1@stadt.example" };
  const tell = async (kind: "delivered" | "retrieved") => {
    const [kept] = letters(bed.bench.state);
    if (kept === undefined) throw new Error("nothing came");
    return bed.bench.bridge.notify?.(
      kept.message,
      { kind, at: new Date("2026-11-21T10:00:00Z") },
      never,
    );
  };
  it("learns that it was opened", async () => {
    await openWithMail();
    await bed.bench.legacy.sendLetter(letter);
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
    await bed.open();
    await bed.bench.legacy.sendLetter(letter);
    expect(await tell("retrieved")).toBe("not-wanted");
    await bed.bench.close();
    await openWithMail();
    await bed.bench.legacy.sendLetter(LETTER);
    expect(await tell("retrieved")).toBe("not-wanted");
  });
  it("is told later when its mail server is away, and never when it refuses", async () => {
    await openWithMail();
    await bed.bench.legacy.sendLetter({
      ...letter,
      retrievalConfirmationAddress: "niemand@stadt.example",
    });
    expect(await tell("retrieved")).toBe("not-wanted");
    mailFails = true;
    await bed.bench.close();
    await openWithMail();
    await bed.bench.legacy.sendLetter(letter);
    await expect(tell("retrieved")).rejects.toMatchObject({ fault: "transient" });
  });
});
