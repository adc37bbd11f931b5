import { describe, expect, it } from "vitest";
import { DeliveryError } from "../../../src/model/errors.ts";
import { newId } from "../../../src/model/id.ts";
import type { Message } from "../../../src/model/message.ts";
import { attach, MAILBOX, never, PDF } from "./bench.ts";
import { answer, LETTER, letters, openInletBench, useInlet } from "./inlet-bench.ts";

const bed = useInlet();
const deliver = (message: Message, deliveryId = message.id) =>
  bed.bench.bridge.deliver(message, deliveryId, never);

describe("an answer of a citizen", () => {
  it("waits on the shelf until the legacy system fetches and accepts it", async () => {
    await bed.open();
    const file = await attach(bed.bench, "Nachweis.pdf", "application/pdf", PDF);
    const message = await answer(bed.bench, { attachments: [file] });
    const delivery = await deliver(message);
    expect(delivery.receipt?.kind).toBe("relayed");
    const [reply, ...more] = await bed.bench.legacy.pullReplies();
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
    expect((await bed.bench.legacy.fetchReplyAttachment(id, 0)).equals(PDF)).toBe(true);
    await expect(bed.bench.legacy.fetchReplyAttachment(id, 1)).rejects.toThrow("404");
    expect((await bed.bench.legacy.setReplyStatus(id, "COLLECTED")).status).toBe(204);
    expect(await bed.bench.legacy.pullReplies()).toEqual([]);
    expect((await bed.bench.legacy.fetchReplyAttachment(id, 0)).equals(PDF)).toBe(true);
    expect((await bed.bench.legacy.setReplyStatus(id, "ACCEPTED")).status).toBe(204);
    expect(bed.bench.state.reports.map(({ target, kind }) => [target, kind])).toEqual([
      [{ id: message.id }, "delivered"],
      [{ id: message.id }, "reply-accepted"],
    ]);
  });

  it("is told when it was rejected, with the reason", async () => {
    await bed.open();
    const message = await answer(bed.bench);
    const { remoteId } = await deliver(message);
    await bed.bench.legacy.setReplyStatus(remoteId, "COLLECTED");
    await bed.bench.legacy.setReplyStatus(remoteId, "REJECTED", { message: "Falsche Stelle" });
    expect(bed.bench.state.reports.at(-1)).toMatchObject({
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
    await bed.open();
    const { remoteId } = await deliver(await answer(bed.bench));
    for (const step of before) await bed.bench.legacy.setReplyStatus(remoteId, step);
    const told = bed.bench.state.reports.length;
    expect(await bed.bench.legacy.setReplyStatus(remoteId, status)).toMatchObject({
      status: 409,
      json: { code: "ILLEGAL_TRANSITION" },
    });
    expect(bed.bench.state.reports).toHaveLength(told);
  });

  it("may have its status set twice", async () => {
    await bed.open();
    const { remoteId } = await deliver(await answer(bed.bench));
    for (const status of ["COLLECTED", "COLLECTED", "ACCEPTED", "ACCEPTED"] as const)
      expect((await bed.bench.legacy.setReplyStatus(remoteId, status)).status).toBe(204);
    expect(bed.bench.state.reports).toHaveLength(2);
  });

  it("belongs to its sender alone", async () => {
    await bed.open();
    const { remoteId } = await deliver(
      await answer(bed.bench, {
        attachments: [await attach(bed.bench, "a.pdf", "application/pdf", PDF)],
      }),
    );
    const other = bed.bench.as(bed.keys.second);
    expect(await other.pullReplies()).toEqual([]);
    await expect(other.fetchReplyAttachment(remoteId, 0)).rejects.toThrow("404");
    expect((await other.setReplyStatus(remoteId, "COLLECTED")).status).toBe(404);
    expect(await bed.bench.legacy.pullReplies()).toHaveLength(1);
  });

  it("lies on the shelf once, however often it is handed over", async () => {
    await bed.open();
    const message = await answer(bed.bench);
    const first = await deliver(message);
    expect(await bed.bench.bridge.find?.(message, message.id, never)).toMatchObject({
      remoteId: first.remoteId,
    });
    const { state } = bed.bench;
    await bed.bench.close();
    bed.bench = await openInletBench(bed.keys, { state });
    expect((await deliver(message)).remoteId).toBe(first.remoteId);
    await bed.bench.legacy.setReplyStatus(first.remoteId, "COLLECTED");
    expect((await deliver(message)).remoteId).toBe(first.remoteId);
    expect(await bed.bench.legacy.pullReplies()).toEqual([]);
    expect((await deliver(message, "erneut")).remoteId).not.toBe(first.remoteId);
    expect(await bed.bench.legacy.pullReplies()).toHaveLength(1);
  });

  it("whose hand-over was cut is found, or certainly is not there", async () => {
    await bed.open();
    const message = await answer(bed.bench);
    expect(await bed.bench.bridge.find?.(message, message.id, never)).toBe("absent");
    await deliver(message);
    for (const name of [...bed.bench.state.records.keys()])
      if (name.startsWith("shelf:new:")) bed.bench.state.records.delete(name);
    expect(await bed.bench.bridge.find?.(message, message.id, never)).toBe("absent");
    await deliver(message);
    expect(await bed.bench.legacy.pullReplies()).toHaveLength(1);
  });

  it("comes in order and by pages", async () => {
    await bed.open();
    const first = await answer(bed.bench, { text: "0" });
    await deliver(first);
    for (let n = 1; n < 6; n += 1) {
      const id = newId();
      await deliver(
        bed.bench.state.add({ ...first, id, sourceId: id, text: String(n) }, "pending"),
      );
    }
    const page = await bed.bench.legacy.pullReplies(4);
    expect(page.map(({ content }) => content)).toEqual(["0", "1", "2", "3"]);
    for (const { id } of page) await bed.bench.legacy.setReplyStatus(id, "COLLECTED");
    expect((await bed.bench.legacy.pullReplies(4)).map(({ content }) => content)).toEqual([
      "4",
      "5",
    ]);
    expect((await bed.bench.legacy.call("GET", "/v6/mailbox/replies?limit=0")).status).toBe(400);
  });

  it("carries the routing information of the letter it answers, else of the last one", async () => {
    await bed.open();
    await bed.bench.legacy.sendLetter({ ...LETTER, title: "erster", routingInfo: "r-1" });
    const first = letters(bed.bench.state)[0]?.message.id ?? "";
    const message = await answer(
      bed.bench,
      {},
      { ...LETTER, title: "zweiter", routingInfo: "r-2" },
    );
    await deliver(message);
    const id = newId();
    await deliver(
      bed.bench.state.add({ ...message, id, sourceId: id, inReplyTo: first }, "pending"),
    );
    await bed.bench.legacy.sendLetter({ ...LETTER, title: "erster", routingInfo: "r-1" });
    const again = newId();
    await deliver(bed.bench.state.add({ ...message, id: again, sourceId: again }, "pending"));
    expect((await bed.bench.legacy.pullReplies()).map(({ routingInfo }) => routingInfo)).toEqual([
      "r-2",
      "r-1",
      "r-2",
    ]);
  });

  it("of files alone has a text", async () => {
    await bed.open();
    const { text: _, ...wordless } = await answer(bed.bench, {
      attachments: [await attach(bed.bench, "a.pdf", "application/pdf", PDF)],
    });
    await deliver(bed.bench.state.add(wordless, "pending"));
    expect((await bed.bench.legacy.pullReplies())[0]?.content).toContain("beigefügten Dateien");
  });

  it.each([
    [
      "a file that is not allowed",
      async () => ({
        attachments: [await attach(bed.bench, "a.zip", "application/zip", Buffer.from("PK"))],
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
      await bed.open();
      const message = await answer(bed.bench);
      await expect(deliver({ ...message, ...(await more()) })).rejects.toMatchObject({
        fault: "permanent",
        code,
      });
      expect(await bed.bench.legacy.pullReplies()).toEqual([]);
    },
  );

  it("is not possible where the operator has said so", async () => {
    await bed.open({ sender: { replies: "none" } });
    const message = await answer(bed.bench);
    expect(letters(bed.bench.state)[0]?.message.replyPolicy).toBe("forbidden");
    await expect(deliver(message)).rejects.toMatchObject({
      fault: "permanent",
      code: "REPLY_NOT_POSSIBLE",
    });
  });

  it("to an account without an inlet is not possible", async () => {
    await bed.open();
    const error = await deliver({ ...(await answer(bed.bench)), to: [{ address: MAILBOX }] }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(DeliveryError);
    expect(error).toMatchObject({ fault: "permanent", code: "REPLY_NOT_POSSIBLE" });
  });
});
