import { describe, expect, it } from "vitest";
import { STATUS_BLOCK } from "../../../src/matrix/status-block.ts";
import { statusContent, statusText } from "../../../src/matrix/status.ts";
import { RECEIPT_RANK, type ReceiptKind } from "../../../src/model/receipt.ts";
import { AT, messageSample } from "./samples.ts";

describe("status of a letter in its room", () => {
  it.each<[ReceiptKind, string]>([
    ["submission-accepted", "Angenommen – wird übermittelt"],
    ["delivered", "Zugestellt in das Postfach am 02.03.2026, 10:00 Uhr"],
    ["retrieved", "Abgerufen am 02.03.2026, 10:00 Uhr"],
    ["recipient-gone", "Das Postfach wurde gelöscht (02.03.2026, 10:00 Uhr)"],
  ])("says %s in a sentence, in German time", (kind, sentence) => {
    expect(statusText({ kind, at: AT }, undefined)).toBe(sentence);
  });

  it("has words for every kind", () => {
    for (const kind of Object.keys(RECEIPT_RANK) as ReceiptKind[])
      expect(statusText({ kind, at: AT }, undefined)).toMatch(/^[A-ZÄÖÜ].{4,}/);
  });

  it("gives the reason of a refusal, in words and as a code", () => {
    const receipt = {
      kind: "submission-rejected",
      at: AT,
      detail: "SENDER_NOT_ALLOWED: @x:y",
      notice: "Sie dürfen hier nicht schreiben.",
    } as const;
    const content = statusContent(messageSample({ sourceId: "$letter" }), receipt);
    expect(content).toMatchObject({
      msgtype: "m.notice",
      body: "Nicht angenommen: Sie dürfen hier nicht schreiben.",
      "m.mentions": {},
      "m.relates_to": { rel_type: "m.reference", event_id: "$letter" },
      [STATUS_BLOCK]: {
        state: "submission-rejected",
        code: "SENDER_NOT_ALLOWED",
        event_id: "$letter",
      },
    });
    expect(JSON.stringify(content)).not.toContain("@x:y");
  });

  it("falls back on the sentence of the code", () => {
    const receipt = { kind: "not-delivered", at: AT, detail: "DEADLINE_PASSED" } as const;
    const { body } = statusContent(messageSample(), receipt);
    expect(body).toBe("Nicht zugestellt: Das Schreiben konnte nicht zugestellt werden.");
  });
});
