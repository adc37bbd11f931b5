import { createHash } from "node:crypto";
import { historySourceOf } from "../model/history.ts";
import type { Attachment, BlobRef, Message } from "../model/message.ts";
import type { Content } from "./client.ts";
import { escapeHtml, sanitizeLetterHtml } from "./html.ts";
import { DETAILS_FILE, notesOf, type LetterNotes } from "./letter-notes.ts";
import type { MediaSource } from "./media.ts";

/** Structured blocks in the content of events; everything a client needs beyond what people read. */
export const MESSAGE_BLOCK = "de.postfach-bridge.message";
export const ATTACHMENT_BLOCK = "de.postfach-bridge.attachment";
/** On the notice that says which file of a copy comes; the file itself replaces it. */
export const ANNOUNCEMENT_BLOCK = "de.postfach-bridge.announcement";

/**
 * Bytes of an event's content. An event may have 65 536 bytes (Client-Server API, "Size limits") with everything that
 * the homeserver adds: hashes, signatures, references, a room id and a sender of up to 255 bytes each.
 */
export const MAX_CONTENT_BYTES = 60_000;
/** Characters of a letter shown in the room when the whole text does not fit. */
const EXCERPT = 4_000;
const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

export interface LetterContext {
  readonly conversation: string;
  readonly bridge: string;
  readonly deliveryId: string;
  /** Event that this letter answers, when it is known in the room. */
  readonly inReplyTo?: string;
  /** The old mailbox has the letter that counts; this one only shows it. */
  readonly copy?: boolean;
}
export interface LetterFile extends MediaSource {
  readonly sha256: string;
  readonly signed?: boolean;
}
export interface LetterEvents {
  readonly main: Content;
  /** In order; each becomes an event after the main one. */
  readonly files: readonly LetterFile[];
}

/**
 * A letter as Matrix events. Pure. Never cuts silently: what does not fit into one event becomes a file beside it, and
 * the text in the room says so.
 */
export function letterToEvents(message: Message, context: LetterContext): LetterEvents {
  const notes = notesOf(message);
  const attached = withNotes(message.attachments.map(fileOf), notes.file);
  // Homeservers on PostgreSQL cannot store NUL.
  const text = (message.text ?? "").replaceAll("\u0000", "\uFFFD");
  const html = message.html === undefined ? "" : sanitizeLetterHtml(message.html);
  const build = (files: readonly LetterFile[], shown: string, formatted: string) =>
    compose(message, context, notes, { files, text: shown, html: formatted });
  const full = build(attached, text, html);
  if (fits(full.main)) return full;
  const inRoom = build(withHtml(attached, html), text + NOTE_HTML, "");
  if (html !== "" && fits(inRoom.main)) return inRoom;
  const tooLong = text.length > EXCERPT;
  const files = tooLong ? withText(withHtml(attached, html), text) : withHtml(attached, html);
  const short = build(files, tooLong ? excerptOf(text) : text, "");
  return fits(short.main) ? short : { main: withoutManifest(short.main), files };
}

const TEXT_FILE = "Schreiben.txt";
const HTML_FILE = "Schreiben.html";
const NOTE_HTML = `\n\n[Das Schreiben mit seiner Gestaltung steht in der Anlage „${HTML_FILE}“.]`;

interface Shown {
  readonly files: readonly LetterFile[];
  readonly text: string;
  readonly html: string;
}

function compose(
  message: Message,
  context: LetterContext,
  notes: LetterNotes,
  { files, text, html }: Shown,
): LetterEvents {
  const { subject } = message;
  const heading = subject === undefined ? "" : `${subject}\n\n`;
  const empty =
    files.length === 0 ? "(Schreiben ohne Text)" : "(Schreiben ohne Text, siehe Anlagen)";
  const title = subject === undefined ? [] : [`<p><strong>${escapeHtml(subject)}</strong></p>`];
  const formatted = [...title, html, ...(notes.html === "" ? [] : [notes.html])].join("\n");
  const main = {
    // Clients ring for no notice: the reader is told by the side that counts.
    msgtype: context.copy === true ? "m.notice" : "m.text",
    body: heading + (text === "" ? empty : text) + notes.text,
    ...(html === "" ? {} : { format: "org.matrix.custom.html", formatted_body: formatted }),
    "m.mentions": {},
    ...(context.inReplyTo === undefined
      ? {}
      : { "m.relates_to": { "m.in_reply_to": { event_id: context.inReplyTo } } }),
    [MESSAGE_BLOCK]: { ...messageBlock(message, context, files), ...notes.block },
  };
  return { main, files };
}

function messageBlock(
  message: Message,
  context: LetterContext,
  files: readonly LetterFile[],
): Content {
  const { from, subject } = message;
  const migrated = historySourceOf(message);
  return {
    schema: 1,
    message_id: message.id,
    delivery_id: context.deliveryId,
    conversation: context.conversation,
    bridge: context.bridge,
    ...(subject === undefined ? {} : { subject }),
    sender: {
      ...(from.name === undefined ? {} : { name: from.name }),
      ...(from.role === undefined ? {} : { role: from.role }),
    },
    recipients: message.to.length,
    sent_at: message.sentAt.toISOString(),
    level: message.level,
    reply_policy: message.replyPolicy,
    ...(message.case === undefined ? {} : { case: message.case }),
    ...(migrated === undefined ? {} : { migrated: { source: migrated } }),
    manifest: files.map(({ name, mediaType, size, sha256 }) => ({
      name,
      mime: mediaType,
      size,
      sha256,
    })),
  };
}

/** So many attachments that their list fills the event: every attachment's own event names its digest anyway. */
function withoutManifest(main: Content): Content {
  const block = main[MESSAGE_BLOCK] as { manifest: readonly unknown[] };
  const count = block.manifest.length;
  return { ...main, [MESSAGE_BLOCK]: { ...block, manifest: [], manifest_omitted: count } };
}

/** The event of one file of a letter. Pure. */
export function fileToEvent(
  message: Pick<Message, "id">,
  deliveryId: string,
  file: LetterFile,
  index: number,
  mxc: string,
  mainEventId: string,
): Content {
  const about = { rel_type: "m.reference", event_id: mainEventId };
  const attachment = {
    ...{ schema: 1, message_id: message.id, delivery_id: deliveryId, index, sha256: file.sha256 },
    ...(file.signed === undefined ? {} : { signed: file.signed }),
  };
  return { ...fileContent(file, mxc), "m.relates_to": about, [ATTACHMENT_BLOCK]: attachment };
}

/**
 * A file of a copy in two events, because clients ring for files: a notice that names it, and the file in place of the
 * notice. Neither rings (default push rules `.m.rule.suppress_notices` and `.m.rule.suppress_edits`, seen with Synapse).
 */
export function fileAnnouncement(
  deliveryId: string,
  { name }: LetterFile,
  index: number,
  mainEventId: string,
): Content {
  return {
    ...{ msgtype: "m.notice", body: `Anlage: ${name}`, "m.mentions": {} },
    "m.relates_to": { rel_type: "m.reference", event_id: mainEventId },
    [ANNOUNCEMENT_BLOCK]: { schema: 1, delivery_id: deliveryId, index },
  };
}

/** `content`: the event of the file as it would stand alone. */
export function inPlaceOf(announcement: string, content: Content): Content {
  const { "m.relates_to": _, ...shown } = content;
  return {
    ...shown,
    body: `* ${String(shown["body"])}`,
    "m.new_content": shown,
    "m.relates_to": { rel_type: "m.replace", event_id: announcement },
  };
}

function fileContent(file: LetterFile, mxc: string): Content {
  return {
    msgtype: IMAGES.has(file.mediaType) ? "m.image" : "m.file",
    body: file.name,
    filename: file.name,
    url: mxc,
    info: { mimetype: file.mediaType, size: file.size },
    "m.mentions": {},
  };
}

function fileOf(attachment: Attachment): LetterFile {
  const { name, mediaType, blob, signed } = attachment;
  const sha256 = hexOf(blob);
  return {
    name,
    mediaType,
    size: blob.size,
    source: blob,
    sha256,
    ...(signed === undefined ? {} : { signed }),
  };
}
function hexOf(blob: BlobRef): string {
  return blob.digest.slice("sha256:".length);
}
function withText(files: readonly LetterFile[], text: string): readonly LetterFile[] {
  return text === "" ? files : [made(TEXT_FILE, "text/plain; charset=utf-8", text), ...files];
}
function withHtml(files: readonly LetterFile[], html: string): readonly LetterFile[] {
  return html === "" ? files : [made(HTML_FILE, "text/html; charset=utf-8", html), ...files];
}
function withNotes(files: readonly LetterFile[], notes: string | undefined): readonly LetterFile[] {
  const type = "text/plain; charset=utf-8";
  return notes === undefined ? files : [made(DETAILS_FILE, type, notes), ...files];
}
function made(name: string, mediaType: string, content: string): LetterFile {
  const source = Buffer.from(content, "utf8");
  const sha256 = createHash("sha256").update(source).digest("hex");
  return { name, mediaType, size: source.byteLength, source, sha256 };
}

function excerptOf(text: string): string {
  // Whole code points: half a surrogate pair is not valid in JSON for every reader.
  const start = Array.from(text.slice(0, EXCERPT)).slice(0, -1).join("");
  return `${start} …\n\n[Auszug. Das Schreiben ist zu lang für eine Nachricht; der vollständige Text steht in der Anlage „${TEXT_FILE}“.]`;
}

function fits(content: Content): boolean {
  return Buffer.byteLength(JSON.stringify(content), "utf8") <= MAX_CONTENT_BYTES;
}
