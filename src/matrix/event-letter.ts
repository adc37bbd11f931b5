import { z } from "zod";
import type { ErrorCode } from "../model/errors.ts";
import { levelSchema, type ReplyPolicy, type TrustLevel } from "../model/message.ts";
import { commandOf, type Command } from "./act-command.ts";
import type { RoomEvent } from "./events.ts";
import { sanitizeLetterHtml, textOfHtml } from "./html.ts";
import { splitHead, splitHtmlHead, type LetterHead } from "./letter-head.ts";

/** A client that knows letters may send several attachments, subject and file number in one event. */
export const LETTER_BLOCK = "de.postfach-bridge.letter";
/** An act as a client with buttons sends it; people without one type a command (act-command.ts). */
export const ACTION_BLOCK = "de.postfach-bridge.action";
/** Attachments of one event. */
const MAX_FILES = 100;
const MAX_NAME = 200;

export interface DraftFile {
  readonly url: string;
  readonly name: string;
  readonly mediaType: string;
  /** Lower case hex, when the sender vouches for it. */
  readonly sha256?: string;
}
/** What an event says, before media is fetched and the conversation is known. */
export interface LetterDraft {
  readonly text?: string;
  readonly html?: string;
  readonly subject?: string;
  readonly reference?: string;
  readonly level?: TrustLevel;
  readonly replyPolicy?: ReplyPolicy;
  readonly inReplyTo?: string;
  /** Event id of the message that this one replaces. */
  readonly corrects?: string;
  readonly files: readonly DraftFile[];
  /** Said in the structured block; `letter` is the id of the letter that asks for it. */
  readonly act?: Command & { readonly letter?: string };
}
export type Reading =
  | { readonly kind: "letter"; readonly draft: LetterDraft }
  | {
      readonly kind: "refuse";
      readonly code: ErrorCode;
      readonly detail: string;
      readonly notice?: string;
    }
  | { readonly kind: "ignore"; readonly detail: string };

const messageContent = z.looseObject({
  msgtype: z.string(),
  body: z.string().catch(""),
  format: z.string().optional().catch(undefined),
  formatted_body: z.string().optional().catch(undefined),
  filename: z.string().optional().catch(undefined),
  url: z.string().optional().catch(undefined),
  file: z.unknown().optional(),
  info: z.object({ mimetype: z.string().optional() }).optional().catch(undefined),
});
type MessageContent = z.infer<typeof messageContent>;

const relation = z.object({
  rel_type: z.string().optional(),
  event_id: z.string().optional(),
  "m.in_reply_to": z.object({ event_id: z.string() }).optional(),
});
const letterBlock = z.object({
  subject: z.string().max(1_000).optional(),
  reference: z.string().max(255).optional(),
  level: levelSchema.optional(),
  reply_policy: z.enum(["forbidden", "possible", "mandatory"]).optional(),
  attachments: z
    .array(
      z.object({
        url: z.string(),
        name: z.string().min(1),
        mimetype: z.string().optional(),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .optional(),
      }),
    )
    .max(MAX_FILES)
    .optional(),
});

const actionBlock = z.object({
  name: z.string().max(100),
  choice: z.string().max(100),
  argument: z.string().optional(),
  letter: z.string().max(100).optional(),
});

/** Message types that carry nothing for the legacy side, and never an answer. */
const SILENT: Readonly<Record<string, string>> = {
  // Notices come from bots; the specification forbids answering them, and a refusal would be an answer.
  "m.notice": "notices come from programs",
  "m.key.verification.request": "device verification",
  "m.server_notice": "notice of the homeserver",
};
const FILES: readonly string[] = ["m.file", "m.image", "m.audio", "m.video"];

/** A Matrix event as a letter. Pure and total: every event gets an answer, none can throw. */
export function eventToLetter(event: RoomEvent): Reading {
  if (event.type === "m.room.encrypted") return refuse("CONTENT_ENCRYPTED", "m.room.encrypted");
  if (event.type !== "m.room.message") return refuse("CONTENT_UNSUPPORTED", event.type);
  if (event.unsigned?.["redacted_because"] !== undefined)
    return { kind: "ignore", detail: "was removed before it could be taken in" };
  const related = relation.safeParse(event.content["m.relates_to"]);
  const relates = related.success ? related.data : {};
  const replaced = relates.rel_type === "m.replace" ? relates.event_id : undefined;
  const parsed = messageContent.safeParse(
    replaced === undefined ? event.content : event.content["m.new_content"],
  );
  if (!parsed.success) return refuse("CONTENT_UNSUPPORTED", "no msgtype");
  const reading = readContent(parsed.data, relates["m.in_reply_to"]?.event_id);
  if (reading.kind !== "letter" || replaced === undefined) return reading;
  return { kind: "letter", draft: { ...reading.draft, corrects: replaced } };
}

function readContent(content: MessageContent, inReplyTo: string | undefined): Reading {
  const silent = SILENT[content.msgtype];
  if (silent !== undefined) return { kind: "ignore", detail: silent };
  const block = letterBlock.safeParse(content[LETTER_BLOCK] ?? {});
  if (!block.success) return refuse("LETTER_INVALID", `the block ${LETTER_BLOCK} is not valid`);
  const answers = inReplyTo === undefined ? {} : { inReplyTo };
  if (FILES.includes(content.msgtype)) return readFile(content, block.data, answers);
  // An emote ("* Erika is sad") gets its meaning from the name before it, which a letter would lose.
  if (content.msgtype !== "m.text") return refuse("CONTENT_UNSUPPORTED", content.msgtype);
  const act = readAct(content);
  if (act === "invalid") return refuse("LETTER_INVALID", `the block ${ACTION_BLOCK} is not valid`);
  const read = readWords(content.body, content, inReplyTo !== undefined);
  const words = readHead(read, block.data);
  const draft = { ...answers, ...words, ...fromBlock(block.data), files: filesOf(block.data) };
  if (act) return { kind: "letter", draft: { ...draft, act } };
  return finish(draft);
}

function readAct(content: MessageContent): LetterDraft["act"] | "invalid" {
  if (content[ACTION_BLOCK] === undefined) return undefined;
  const parsed = actionBlock.safeParse(content[ACTION_BLOCK]);
  if (!parsed.success) return "invalid";
  const { letter, ...words } = parsed.data;
  return { ...commandOf(words), ...(letter === undefined ? {} : { letter }) };
}

/** Subject and file number above the text; not where the block says them already. */
function readHead(words: Words, block: z.infer<typeof letterBlock>): Words & LetterHead {
  if (words.text === undefined || block.subject !== undefined || block.reference !== undefined)
    return words;
  if (words.html === undefined) {
    const split = splitHead(words.text);
    return split ? { ...split.head, ...(split.rest === "" ? {} : { text: split.rest }) } : words;
  }
  const split = splitHtmlHead(words.html);
  if (!split) return words;
  const text = textOfHtml(split.rest);
  return { ...split.head, ...(text === "" ? {} : { text, html: split.rest }) };
}

function readFile(
  content: MessageContent,
  block: z.infer<typeof letterBlock>,
  answers: { inReplyTo?: string },
): Reading {
  if (content.file !== undefined) return refuse("CONTENT_ENCRYPTED", "an encrypted file");
  if (content.url === undefined) return refuse("ATTACHMENT_MISSING", "a file without url");
  const name = content.filename ?? content.body;
  const file = {
    url: content.url,
    name: fileName(name),
    mediaType: mediaTypeOf(content.info?.mimetype),
  };
  // Only a body that differs from the file name is a caption (Client-Server API v1.10, "m.file").
  const captioned = content.filename !== undefined && content.filename !== content.body;
  const words = captioned ? readHead(readWords(content.body, content, false), block) : {};
  const files = [file, ...filesOf(block)].slice(0, MAX_FILES);
  return finish({ ...answers, ...words, ...fromBlock(block), files });
}

function finish(draft: LetterDraft): Reading {
  if (draft.text !== undefined || draft.files.length > 0) return { kind: "letter", draft };
  const empty =
    draft.subject === undefined && draft.reference === undefined
      ? "Die Nachricht ist leer."
      : "Das Schreiben hat keinen Text. Bitte schreiben Sie Betreff und Text in eine Nachricht (neue Zeile mit Umschalt und Eingabe).";
  return refuse("CONTENT_UNSUPPORTED", "empty message", empty);
}

interface Words {
  readonly text?: string;
  readonly html?: string;
}

/**
 * Text and HTML of a message. People see the HTML, so the plain text is derived from it: a sender whose two versions
 * differ cannot show one thing in the room and hand over another.
 */
function readWords(body: string, content: MessageContent, isReply: boolean): Words {
  if (content.format === "org.matrix.custom.html" && content.formatted_body !== undefined) {
    const html = sanitizeLetterHtml(content.formatted_body);
    const text = textOfHtml(html);
    if (text !== "") return { text, html };
  }
  const text = (isReply ? withoutFallback(body) : body).trim();
  return text === "" ? {} : { text };
}

/** Clients from before v1.13 quote what they answer in lines that begin with "> ", then an empty line. */
function withoutFallback(body: string): string {
  const lines = body.split("\n");
  const first = lines.findIndex((line) => !line.startsWith("> ") && line !== ">");
  if (first <= 0 || lines[first] !== "") return body;
  return lines.slice(first + 1).join("\n");
}

function fromBlock(block: z.infer<typeof letterBlock>): Partial<LetterDraft> {
  const { subject, reference, level, reply_policy: replyPolicy } = block;
  return {
    ...(subject === undefined || subject.trim() === "" ? {} : { subject: subject.trim() }),
    ...(reference === undefined ? {} : { reference }),
    ...(level === undefined ? {} : { level }),
    ...(replyPolicy === undefined ? {} : { replyPolicy }),
  };
}

function filesOf(block: z.infer<typeof letterBlock>): readonly DraftFile[] {
  return (block.attachments ?? []).map(({ url, name, mimetype, sha256 }) => ({
    url,
    name: fileName(name),
    mediaType: mediaTypeOf(mimetype),
    ...(sha256 === undefined ? {} : { sha256 }),
  }));
}

/** A name, never a path, and nothing invisible. */
export function fileName(name: string): string {
  const plain = name
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, "")
    .replace(/[/\\]+/g, "_")
    .trim();
  const safe = /^\.*$/.test(plain) ? "Anlage" : plain;
  return Array.from(safe).slice(0, MAX_NAME).join("");
}

function mediaTypeOf(declared: string | undefined): string {
  const type = declared?.split(";")[0]?.trim().toLowerCase() ?? "";
  return /^[a-z0-9][a-z0-9.+-]{0,60}\/[a-z0-9][a-z0-9.+-]{0,60}$/.test(type)
    ? type
    : "application/octet-stream";
}

function refuse(code: ErrorCode, detail: string, notice?: string): Reading {
  return { kind: "refuse", code, detail, ...(notice === undefined ? {} : { notice }) };
}
