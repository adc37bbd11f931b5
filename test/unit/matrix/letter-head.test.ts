import { describe, expect, it } from "vitest";
import { LETTER_BLOCK, eventToLetter } from "../../../src/matrix/event-letter.ts";
import { splitHead, splitHtmlHead } from "../../../src/matrix/letter-head.ts";
import { eventSample } from "./samples.ts";

describe("subject and file number above a text", () => {
  it.each([
    ["Betreff: Antrag\n\nText", { subject: "Antrag" }, "Text"],
    [
      "Betreff: Antrag\nAktenzeichen: 7 C 1/26\n\nText\n\nmehr",
      { subject: "Antrag", reference: "7 C 1/26" },
      "Text\n\nmehr",
    ],
    [
      "az.: 7 C 1/26\r\nBETREFF : Antrag\r\n \r\nText",
      { subject: "Antrag", reference: "7 C 1/26" },
      "Text",
    ],
    ["Az: 7", { reference: "7" }, ""],
    ["Betreff: Re: Betreff: doppelt\n\nText", { subject: "Re: Betreff: doppelt" }, "Text"],
  ])("%j", (text, head, rest) => {
    expect(splitHead(text)).toEqual({ head, rest });
  });

  it.each([
    ["no empty line", "Betreff: Antrag\nText geht gleich weiter"],
    ["another line among them", "Betreff: Antrag\nGuten Tag\n\nText"],
    ["not first", "Guten Tag\nBetreff: Antrag\n\nText"],
    ["an empty line first", "\n\nBetreff: Antrag\n\nText"],
    ["twice the same", "Betreff: A\nBetreff: B\n\nText"],
    ["nothing behind it", "Betreff:\n\nText"],
    ["another word", "Betreffend: A\n\nText"],
    ["endless", `Betreff: ${"x".repeat(1_001)}\n\nText`],
    ["endless reference", `Az.: ${"x".repeat(256)}\n\nText`],
    ["nothing", ""],
  ])("%s: is none", (_what, text) => {
    expect(splitHead(text)).toBeUndefined();
  });

  it.each([
    ["<p>Betreff: Antrag</p>\n<p>Text</p>", { subject: "Antrag" }, "<p>Text</p>"],
    [
      "<p>Betreff: A &amp; B<br>Az.: 7<br><br>Text<br>mehr</p>",
      { subject: "A & B", reference: "7" },
      "<p>Text<br>mehr</p>",
    ],
    ["Betreff: Antrag<br /><br />Text <b>fett</b>", { subject: "Antrag" }, "Text <b>fett</b>"],
    [
      "<p><strong>Betreff:</strong> Antrag</p><ul><li>a</li></ul>",
      { subject: "Antrag" },
      "<ul><li>a</li></ul>",
    ],
    ["Betreff: Antrag<p>Text</p>", { subject: "Antrag" }, "<p>Text</p>"],
    ["<p>Betreff: Antrag</p>", { subject: "Antrag" }, ""],
  ])("HTML %s", (html, head, rest) => {
    expect(splitHtmlHead(html)).toEqual({ head, rest });
  });

  it.each([
    "<p>Betreff: Antrag<br>Text geht weiter</p>",
    "<h1>Betreff: Antrag</h1><p>Text</p>",
    "<ul><li>Betreff: Antrag</li></ul>",
    "<p>Guten Tag</p><p>Betreff: Antrag</p>",
    "",
  ])("HTML %s: is none", (html) => {
    expect(splitHtmlHead(html)).toBeUndefined();
  });
});

describe("a message with a head", () => {
  const read = (content: object) =>
    eventToLetter(eventSample({ msgtype: "m.text", ...content } as Record<string, unknown>));

  it("becomes a letter with subject and file number, in text and HTML alike", () => {
    expect(read({ body: "Betreff: Antrag\nAz.: 7\n\nText" })).toEqual({
      kind: "letter",
      draft: { subject: "Antrag", reference: "7", text: "Text", files: [] },
    });
    const formatted_body = "<p>Betreff: Antrag</p><p>Text <strong>fett</strong></p>";
    expect(read({ body: "x", format: "org.matrix.custom.html", formatted_body })).toEqual({
      kind: "letter",
      draft: {
        subject: "Antrag",
        text: "Text fett",
        html: "<p>Text <strong>fett</strong></p>",
        files: [],
      },
    });
  });

  it("keeps its text when a client says subject or file number in a block", () => {
    const said = read({ body: "Betreff: A\n\nText", [LETTER_BLOCK]: { subject: "B" } });
    expect(said).toMatchObject({ draft: { subject: "B", text: "Betreff: A\n\nText" } });
  });

  it("and nothing else is no letter, and its author learns how to write one", () => {
    expect(read({ body: "Betreff: Antrag" })).toMatchObject({
      kind: "refuse",
      code: "CONTENT_UNSUPPORTED",
      notice: expect.stringContaining("Umschalt") as string,
    });
  });

  it("goes with a file, too", () => {
    const file = { msgtype: "m.file", filename: "a.pdf", url: "mxc://hs/a" };
    expect(read({ ...file, body: "Betreff: Antrag" })).toEqual({
      kind: "letter",
      draft: {
        subject: "Antrag",
        files: [{ url: "mxc://hs/a", name: "a.pdf", mediaType: "application/octet-stream" }],
      },
    });
  });
});
