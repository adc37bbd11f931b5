import { describe, expect, it } from "vitest";
import { reviewEgvp } from "../../../bridges/osci/egvp/index.ts";
import type { Message } from "../../../src/model/message.ts";
import { fileOf, letterOf, LIMITS } from "./egvp-letters.ts";

const review = (more: Partial<Message>) => reviewEgvp(letterOf(more), LIMITS);
const files = (count: number) => Array.from({ length: count }, (_, n) => fileOf(`${n}.pdf`));

describe("a letter that is fine", () => {
  it.each([
    ["text", {}],
    ["files, with room for the dataset", { attachments: files(999), text: "" }],
    ["a name in capitals", { attachments: [fileOf("A.PDF")] }],
    ["a picture without extension", { attachments: [fileOf("Bild", "image/tiff")] }],
    [
      "a file whose type nobody said",
      { attachments: [fileOf("a.pdf", "application/octet-stream")] },
    ],
    ["the author's own dataset", { attachments: [fileOf("xjustiz_nachricht.xml", "text/xml")] }],
    ["the longest name", { attachments: [fileOf(`${"ä".repeat(86)}.pdf`)] }],
    ["no subject", { subject: "" }],
  ])("%s", (_name, more) => expect(review(more)).toBe(undefined));
});

describe("a letter that would be refused", () => {
  it.each([
    ["no addressee", { to: [] }, "RECIPIENT_UNKNOWN", "kein Empfangspostfach"],
    ["a blank addressee", { to: [{ address: " " }] }, "RECIPIENT_UNKNOWN", "kein Empfangspostfach"],
    [
      "two addressees",
      { to: [{ address: "a" }, { address: "b" }] },
      "LETTER_INVALID",
      "genannt sind 2",
    ],
    [
      "a long subject",
      { subject: "ä".repeat(256) },
      "LETTER_INVALID",
      "höchstens 255 Zeichen, es sind 256",
    ],
    ["a long text", { text: "ä".repeat(200_001) }, "LETTER_INVALID", "als Datei"],
    ["nothing in it", { text: " " }, "LETTER_INVALID", "weder Text noch Anlagen"],
    ["a control character", { subject: "a\u0001" }, "CONTENT_REJECTED", "Der Betreff"],
    ["another one", { text: "a\uffff" }, "CONTENT_REJECTED", "Der Text"],
    ["too many files", { attachments: files(1_000) }, "ATTACHMENT_REJECTED", "höchstens 999"],
    [
      "too large",
      { attachments: [fileOf("k.pdf"), fileOf("g.pdf", "application/pdf", 200_000_000)] },
      "ATTACHMENT_REJECTED",
      "„g.pdf“ mit 200 MB",
    ],
    [
      "a long name",
      { attachments: [fileOf(`${"ä".repeat(87)}.pdf`)] },
      "ATTACHMENT_REJECTED",
      "höchstens 90 Zeichen mit Endung, es sind 91",
    ],
    [
      "another type",
      { attachments: [fileOf("Tabelle.xlsx", "application/octet-stream")] },
      "ATTACHMENT_REJECTED",
      "„Tabelle.xlsx“ kann nicht übermittelt werden. Zugelassen sind Dateien mit der Endung .pdf, .tif, .tiff",
    ],
    [
      "no extension",
      { attachments: [fileOf("Tabelle", "application/octet-stream")] },
      "ATTACHMENT_REJECTED",
      "Zugelassen sind",
    ],
    [
      "a type that the name denies",
      { attachments: [fileOf("a.pdf", "image/tiff")] },
      "ATTACHMENT_REJECTED",
      "passt nicht zur Art",
    ],
    [
      "two datasets",
      { attachments: [fileOf("xjustiz_nachricht.xml"), fileOf("XJustiz_Nachricht.xml")] },
      "ATTACHMENT_REJECTED",
      "Nur eine Anlage",
    ],
    [
      "an act that nobody knows",
      { action: { name: "abc", choice: "ja" }, inReplyTo: "x" },
      "CONTENT_UNSUPPORTED",
      "nicht möglich",
    ],
  ])("%s", (_name, more, code, notice) => {
    expect(review(more)).toMatchObject({ code, notice: expect.stringContaining(notice) as string });
  });
});
