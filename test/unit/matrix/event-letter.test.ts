import { describe, expect, it } from "vitest";
import { LETTER_BLOCK, eventToLetter, fileName } from "../../../src/matrix/event-letter.ts";
import { letterToEvents } from "../../../src/matrix/letter-events.ts";
import { eventSample, messageSample } from "./samples.ts";

const read = (content: Record<string, unknown>, changes = {}) =>
  eventToLetter(eventSample(content, changes));
const text = (body: string, more = {}) => read({ msgtype: "m.text", body, ...more });

describe("Matrix event → letter", () => {
  it("takes text", () => {
    expect(text(" Guten Tag ")).toEqual({
      kind: "letter",
      draft: { text: "Guten Tag", files: [] },
    });
  });

  it("takes what people see: HTML decides, text is derived from it", () => {
    const formatted = {
      format: "org.matrix.custom.html",
      formatted_body: "<b>Nein</b><script>x</script>",
    };
    expect(text("Ja", formatted)).toEqual({
      kind: "letter",
      draft: { text: "Nein", html: "<b>Nein</b>", files: [] },
    });
  });

  it("takes the answered letter from the relation and strips the old quote", () => {
    const relates = { "m.relates_to": { "m.in_reply_to": { event_id: "$letter" } } };
    expect(text("> <@a:b> Frage\n> zweite Zeile\n\nAntwort", relates)).toEqual({
      kind: "letter",
      draft: { inReplyTo: "$letter", text: "Antwort", files: [] },
    });
    expect(text("> ein Zitat\n\nText")).toMatchObject({ draft: { text: "> ein Zitat\n\nText" } });
  });

  it.each(["m.file", "m.image", "m.audio", "m.video"])("takes %s with its caption", (msgtype) => {
    const file = {
      msgtype,
      filename: "Nachweis.pdf",
      url: "mxc://hs/x",
      info: { mimetype: "Application/PDF; a=b" },
    };
    expect(read({ ...file, body: "Hier der Nachweis" })).toEqual({
      kind: "letter",
      draft: {
        text: "Hier der Nachweis",
        files: [{ url: "mxc://hs/x", name: "Nachweis.pdf", mediaType: "application/pdf" }],
      },
    });
    expect(read({ ...file, body: "Nachweis.pdf" })).toMatchObject({ draft: { files: [{}] } });
    expect(read({ ...file, body: "Nachweis.pdf" })).not.toHaveProperty("draft.text");
    const { filename: _name, ...old } = file;
    expect(read({ ...old, body: "alt.pdf" })).toMatchObject({
      draft: { files: [{ name: "alt.pdf" }] },
    });
  });

  it("takes several attachments, subject and file number from a structured block", () => {
    const sha256 = "b".repeat(64);
    const block = {
      subject: "Antrag",
      reference: "AZ-7",
      level: 3,
      attachments: [
        { url: "mxc://hs/a", name: "a.pdf", mimetype: "application/pdf", sha256 },
        { url: "mxc://hs/b", name: "../../b.pdf" },
      ],
    };
    expect(text("Anbei", { [LETTER_BLOCK]: block })).toEqual({
      kind: "letter",
      draft: {
        text: "Anbei",
        subject: "Antrag",
        reference: "AZ-7",
        level: 3,
        files: [
          { url: "mxc://hs/a", name: "a.pdf", mediaType: "application/pdf", sha256 },
          { url: "mxc://hs/b", name: ".._.._b.pdf", mediaType: "application/octet-stream" },
        ],
      },
    });
    expect(text("x", { [LETTER_BLOCK]: { level: 9 } })).toMatchObject({ code: "LETTER_INVALID" });
  });

  it("makes an edit a correction of the first letter", () => {
    const edit = {
      msgtype: "m.text",
      body: "* neu",
      "m.new_content": { msgtype: "m.text", body: "neu" },
      "m.relates_to": { rel_type: "m.replace", event_id: "$first" },
    };
    expect(read(edit)).toEqual({
      kind: "letter",
      draft: { text: "neu", corrects: "$first", files: [] },
    });
  });

  it.each([
    ["CONTENT_ENCRYPTED", {}, { type: "m.room.encrypted" }],
    ["CONTENT_UNSUPPORTED", {}, { type: "m.sticker" }],
    ["CONTENT_UNSUPPORTED", {}, { type: "m.poll.start" }],
    ["CONTENT_UNSUPPORTED", { msgtype: "m.location", body: "x", geo_uri: "geo:0,0" }, {}],
    ["CONTENT_UNSUPPORTED", { msgtype: "m.emote", body: "winkt" }, {}],
    ["CONTENT_UNSUPPORTED", { msgtype: "org.example.new", body: "x" }, {}],
    ["CONTENT_UNSUPPORTED", { msgtype: "m.text", body: "  " }, {}],
    ["CONTENT_UNSUPPORTED", { msgtype: "m.text", body: 7 }, {}],
    ["CONTENT_UNSUPPORTED", {}, {}],
    ["CONTENT_ENCRYPTED", { msgtype: "m.file", body: "x", file: { url: "mxc://a/b" } }, {}],
    ["ATTACHMENT_MISSING", { msgtype: "m.file", body: "x" }, {}],
  ])("refuses with %s what cannot be a letter (%j %j)", (code, content, changes) => {
    expect(read(content, changes)).toMatchObject({ kind: "refuse", code });
  });

  it("ignores programs, verification and what was removed before", () => {
    expect(read({ msgtype: "m.notice", body: "x" })).toMatchObject({ kind: "ignore" });
    expect(read({ msgtype: "m.key.verification.request", body: "x" })).toMatchObject({
      kind: "ignore",
    });
    expect(read({}, { unsigned: { redacted_because: {} } })).toMatchObject({ kind: "ignore" });
  });

  it.each([
    [null, 1, "x", [], { a: null }].map((value) => ({ msgtype: "m.text", body: value })),
    [null, 1, "x", []].map((value) => ({ msgtype: "m.text", body: "x", "m.relates_to": value })),
    [null, 1, "x", [], { a: 1 }].map((value) => ({
      msgtype: "m.text",
      body: "x",
      [LETTER_BLOCK]: value,
    })),
  ])("never throws, whatever is in the content", (...contents) => {
    for (const content of contents)
      expect(() => read(content as Record<string, unknown>)).not.toThrow();
  });

  it("gives files names that are no paths", () => {
    expect(fileName("../../etc/passwd")).toBe(".._.._etc_passwd");
    expect(fileName("a\u202egpj.exe")).toBe("agpj.exe");
    expect(fileName("..")).toBe("Anlage");
    expect(fileName("")).toBe("Anlage");
    expect(fileName("ü".repeat(500))).toHaveLength(200);
  });

  it("brings back what it showed: text, HTML and subject survive the way there and back", () => {
    const message = messageSample({ html: "<p>Guten <strong>Tag</strong></p>", text: "Guten Tag" });
    const { main } = letterToEvents(message, { conversation: "c", bridge: "b", deliveryId: "d" });
    const forwarded = { ...main, [LETTER_BLOCK]: { subject: message.subject } };
    expect(eventToLetter(eventSample(forwarded))).toEqual({
      kind: "letter",
      draft: {
        subject: "Bescheid",
        text: "Bescheid\n\nGuten Tag",
        html: "<p><strong>Bescheid</strong></p>\n<p>Guten <strong>Tag</strong></p>",
        files: [],
      },
    });
  });
});
