import { describe, expect, it } from "vitest";
import {
  ATTACHMENT_BLOCK,
  MAX_CONTENT_BYTES,
  MESSAGE_BLOCK,
  fileToEvent,
  letterToEvents,
} from "../../../src/matrix/letter-events.ts";
import type { Attachment } from "../../../src/model/message.ts";
import { AT, messageSample } from "./samples.ts";

const context = { conversation: "c-1", bridge: "sample", deliveryId: "d-1" };
const bytesOf = (content: object) => Buffer.byteLength(JSON.stringify(content));
function attachment(name: string, mediaType = "application/pdf"): Attachment {
  return { name, mediaType, blob: { digest: `sha256:${"a".repeat(64)}`, size: 42 } };
}

describe("letter → Matrix events", () => {
  it("shows subject and text, and says the rest in a block", () => {
    const message = messageSample({
      case: { reference: "AZ-7" },
      attachments: [attachment("Bescheid.pdf")],
    });
    const { main, files } = letterToEvents(message, { ...context, inReplyTo: "$before" });
    expect(main).toEqual({
      msgtype: "m.text",
      body: "Bescheid\n\nSehr geehrte Frau Beispiel,\n\nanbei der Bescheid.",
      "m.mentions": {},
      "m.relates_to": { "m.in_reply_to": { event_id: "$before" } },
      [MESSAGE_BLOCK]: {
        schema: 1,
        message_id: message.id,
        delivery_id: "d-1",
        conversation: "c-1",
        bridge: "sample",
        subject: "Bescheid",
        sender: { name: "Bauamt Musterstadt", role: "authority" },
        recipients: 1,
        sent_at: AT.toISOString(),
        level: 1,
        reply_policy: "possible",
        case: { reference: "AZ-7" },
        manifest: [
          { name: "Bescheid.pdf", mime: "application/pdf", size: 42, sha256: "a".repeat(64) },
        ],
      },
    });
    expect(files).toHaveLength(1);
  });

  it("never shows the addresses of sender and recipient", () => {
    const json = JSON.stringify(letterToEvents(messageSample(), context).main);
    expect(json).not.toContain("authority-7");
    expect(json).not.toContain("mailbox-1");
  });

  it("sends HTML beside the text, sanitised once more", () => {
    const { main } = letterToEvents(
      messageSample({ subject: "A & B", html: "<p>Guten Tag</p><script>x</script>" }),
      context,
    );
    expect(main["format"]).toBe("org.matrix.custom.html");
    expect(main["formatted_body"]).toBe("<p><strong>A &amp; B</strong></p>\n<p>Guten Tag</p>");
  });

  it("says that a letter has no text", () => {
    const { text: _text, ...rest } = messageSample();
    expect(letterToEvents(rest, context).main["body"]).toBe("Bescheid\n\n(Schreiben ohne Text)");
  });

  it("moves HTML that does not fit into a file, and says so", () => {
    const html = `<p>${"x".repeat(50_000)}</p>`;
    const { main, files } = letterToEvents(
      messageSample({ html, text: "y".repeat(20_000) }),
      context,
    );
    expect(bytesOf(main)).toBeLessThanOrEqual(MAX_CONTENT_BYTES);
    expect(main["body"]).toContain("y".repeat(20_000));
    expect(main["body"]).toContain("Schreiben.html");
    expect(files.map((file) => file.name)).toEqual(["Schreiben.html"]);
    expect(Buffer.from(files[0]?.source as Uint8Array).toString()).toBe(html);
  });

  it("moves text that does not fit into a file whole, and shows an excerpt that says so", () => {
    const text = "Zeile mit Umlaut ü und Bild 🎈\n".repeat(5_000);
    const { main, files } = letterToEvents(messageSample({ text }), context);
    expect(bytesOf(main)).toBeLessThanOrEqual(MAX_CONTENT_BYTES);
    expect(main["body"]).toContain("Auszug");
    expect(main["body"]).toContain("Schreiben.txt");
    expect(files.map((file) => file.name)).toEqual(["Schreiben.txt"]);
    expect(Buffer.from(files[0]?.source as Uint8Array).toString()).toBe(text);
    expect(files[0]?.size).toBe(Buffer.byteLength(text));
  });

  it("leaves out a manifest that fills the event, and says how many files there are", () => {
    const attachments = Array.from({ length: 600 }, (_, i) => attachment(`Anlage-${i}.pdf`));
    const { main, files } = letterToEvents(messageSample({ attachments }), context);
    expect(bytesOf(main)).toBeLessThanOrEqual(MAX_CONTENT_BYTES);
    expect(main["body"]).toContain("anbei der Bescheid");
    expect(main[MESSAGE_BLOCK]).toMatchObject({ manifest: [], manifest_omitted: 600 });
    expect(files).toHaveLength(600);
  });

  it("sends no NUL, which some homeservers cannot store", () => {
    expect(letterToEvents(messageSample({ text: "a\u0000b" }), context).main["body"]).not.toContain(
      "\u0000",
    );
  });

  it("makes a file of each attachment, tied to the letter by reference and digest", () => {
    const { files } = letterToEvents(
      messageSample({ attachments: [attachment("Plan.png", "image/png")] }),
      context,
    );
    const [file] = files;
    if (!file) throw new Error("no file");
    const content = fileToEvent({ id: "m-1" }, "d-1", file, 0, "mxc://hs/x", "$main");
    expect(content).toMatchObject({
      msgtype: "m.image",
      body: "Plan.png",
      filename: "Plan.png",
      url: "mxc://hs/x",
      info: { mimetype: "image/png", size: 42 },
      "m.relates_to": { rel_type: "m.reference", event_id: "$main" },
      [ATTACHMENT_BLOCK]: {
        schema: 1,
        message_id: "m-1",
        delivery_id: "d-1",
        index: 0,
        sha256: "a".repeat(64),
      },
    });
  });
});
