import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Refusal } from "../../../fixtures/simulators/zbp/index.ts";
import { letter, mailboxUuid, openStage, pdf } from "./zbp-stage.ts";
import type { Stage } from "./zbp-stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const routingInfo = "mxgw1.01JABCDEF0.c2lnbmF0dXI";

async function arrive(change: object = {}): Promise<string> {
  await stage.sender.sendLetter({ ...letter, routingInfo, ...change });
  return stage.simulator.letters().at(-1)?.id ?? "";
}

describe("the cycle of a reply", () => {
  it("pull, file, collected, accepted: each step once, in order, repeatable", async () => {
    const letterId = await arrive();
    const text = "Anbei der Plan – danke! 🙂\nC. Beispiel";
    const { id } = stage.simulator.reply(letterId, { text, attachments: [pdf] });
    const [reply, ...others] = await stage.sender.pullReplies();
    expect(others).toEqual([]);
    expect(reply).toMatchObject({ id, routingInfo, mailboxUuid, content: text, status: "NEW" });
    expect(reply?.title).toBe("AW: Nachforderung zu Ihrem Antrag");
    expect(Object.keys(reply ?? {}).sort()).toEqual(
      ["attachments", "content", "createdDate", "id", "mailboxUuid"].concat([
        "routingInfo",
        "status",
        "title",
      ]),
    );
    expect(reply?.attachments).toMatchObject([
      { filename: pdf.filename, mediaType: "application/pdf", contentLength: pdf.bytes.length },
    ]);
    expect(await stage.sender.fetchReplyAttachment(id, 0)).toEqual(pdf.bytes);
    await expect(stage.sender.fetchReplyAttachment(id, 1)).rejects.toThrow("404");
    expect(await stage.sender.pullReplies()).toHaveLength(1);

    expect((await stage.sender.setReplyStatus(id, "ACCEPTED")).status).toBe(409);
    expect((await stage.sender.setReplyStatus(id, "COLLECTED")).status).toBe(204);
    expect((await stage.sender.setReplyStatus(id, "COLLECTED")).status).toBe(204);
    expect(await stage.sender.pullReplies()).toEqual([]);
    expect(await stage.sender.fetchReplyAttachment(id, 0)).toEqual(pdf.bytes);
    expect((await stage.sender.setReplyStatus(id, "ACCEPTED")).status).toBe(204);
    expect((await stage.sender.setReplyStatus(id, "ACCEPTED")).status).toBe(204);
    const back = await stage.sender.setReplyStatus(id, "REJECTED");
    expect([back.status, back.json]).toMatchObject([409, { code: "ILLEGAL_TRANSITION" }]);
    expect((await stage.sender.setReplyStatus(id, "COLLECTED")).status).toBe(409);
    expect(stage.simulator.state.reply(id)?.status).toBe("ACCEPTED");
  });

  it("keeps the problem of a refusal", async () => {
    const { id } = stage.simulator.reply(await arrive(), { text: "x" });
    await stage.sender.setReplyStatus(id, "COLLECTED");
    const problem = { code: "ROUTING", message: "Zuordnung nicht möglich" };
    expect((await stage.sender.setReplyStatus(id, "ERROR", problem)).status).toBe(204);
    expect(stage.simulator.state.reply(id)).toMatchObject({ status: "ERROR", problem });
  });

  it("refuses a status that is none, and a problem where there is none", async () => {
    const { id } = stage.simulator.reply(await arrive(), { text: "x" });
    const path = `/v6/mailbox/replies/${id}/status`;
    const put = (body: unknown, type = "application/json") =>
      stage.sender.call("PUT", path, Buffer.from(JSON.stringify(body)), type);
    expect((await put({ status: "NEW" })).status).toBe(400);
    expect((await put({ status: "COLLECTED", problem: "x" })).status).toBe(400);
    expect((await put({ status: "COLLECTED", more: 1 })).status).toBe(400);
    expect((await put({ status: "COLLECTED" }, "text/plain")).status).toBe(400);
    expect((await stage.sender.setReplyStatus("unbekannt", "COLLECTED")).status).toBe(404);
  });

  it("shows at most as many as asked for, oldest first", async () => {
    const letterId = await arrive();
    const ids = ["1", "2", "3"].map((text) => stage.simulator.reply(letterId, { text }).id);
    expect((await stage.sender.pullReplies(2)).map(({ id }) => id)).toEqual(ids.slice(0, 2));
    await expect(stage.sender.pullReplies(0)).rejects.toThrow("400");
    await expect(stage.sender.pullReplies(101)).rejects.toThrow("400");
  });

  it("belongs to the signer of the letter alone", async () => {
    const county = await stage.pki.issue({ cn: "Kreis Musterland" });
    stage.simulator.register(county.certPem);
    const other = stage.senderOf(county);
    const { id } = stage.simulator.reply(await arrive(), { text: "x", attachments: [pdf] });
    expect(await other.pullReplies()).toEqual([]);
    expect((await other.setReplyStatus(id, "COLLECTED")).status).toBe(404);
    await expect(other.fetchReplyAttachment(id, 0)).rejects.toThrow("404");
    expect(await stage.sender.pullReplies()).toHaveLength(1);
  });

  it("does not begin where a letter takes no reply, or the mailbox is gone", async () => {
    await stage.sender.sendLetter(letter);
    const oneWay = stage.simulator.letters()[0]?.id ?? "";
    expect(() => stage.simulator.reply(oneWay, { text: "x" })).toThrow(
      expect.objectContaining({ status: 409, code: "REPLY_NOT_POSSIBLE" }),
    );
    const letterId = await arrive();
    stage.simulator.deleteMailbox(mailboxUuid);
    expect(() => stage.simulator.reply(letterId, { text: "x" })).toThrow(Refusal);
  });

  it("holds replies to the limits of letters", async () => {
    const letterId = await arrive();
    const codeOf = (change: object) => {
      try {
        stage.simulator.reply(letterId, { text: "x", ...change });
      } catch (error) {
        return error instanceof Refusal ? error.code : error;
      }
      return "stored";
    };
    expect(codeOf({ text: "" })).toBe("SCHEMA");
    expect(codeOf({ text: "x".repeat(1_000_001) })).toBe("CONTENT_TOO_LARGE");
    expect(codeOf({ attachments: Array(6).fill(pdf) })).toBe("TOO_MANY_ATTACHMENTS");
    expect(codeOf({ attachments: [{ ...pdf, bytes: Buffer.alloc(2_000_001) }] })).toBe(
      "ATTACHMENT_TOO_LARGE",
    );
    expect(codeOf({ attachments: [{ ...pdf, filename: "x.exe" }] })).toBe("FILE_ENDING");
    expect(stage.simulator.state.replies).toEqual([]);
  });

  it("can be missing altogether", async () => {
    stage.simulator.setFeatures({ replies: false });
    await expect(stage.sender.pullReplies()).rejects.toThrow("404");
  });
});
