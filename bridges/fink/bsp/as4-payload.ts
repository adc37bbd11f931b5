import type { BridgeContext } from "../../../src/bridge/contract.ts";
import { checkFileType } from "../../../src/guard/filetype.ts";
import { attributeOf, parseXml, requiredChild, textOf } from "../../../src/guard/xml.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";
import type { Attachment, Message } from "../../../src/model/message.ts";
import { normaliseMailbox, remoteAddress } from "../address.ts";
import type {
  AcknowledgementResult,
  DecodedPayload,
  IncomingPayload,
  PayloadCodec,
} from "../as4/index.ts";
import { letterOf, messageOf } from "./codec.ts";
import { acceptableName } from "./file-rules.ts";
import { prepareFiles, readHead } from "./files.ts";
import { LetterFault } from "./letter-fault.ts";
import type { RefusalStatus } from "./letter-fault.ts";
import { checkLetter } from "./letter-rules.ts";
import { resultOf } from "./profile.ts";
import type { Profile } from "./profile.ts";
import { readReceipt, writeReceipt } from "./quittung.ts";
import { readLetter } from "./read-letter.ts";
import type { AuthoritySettings, Unlinked } from "./settings.ts";
import { answeredLetter } from "./transport.ts";
import { streamPieces, writeLetter } from "./write-letter.ts";

/**
 * A BspNachricht as AS4 payload, with its files as further parts instead of base64 (bundid-fink.md §2.4, §7.7). That
 * FINK does it so is a hypothesis: the real payload is not public. Replace this file when it is.
 */
export interface PayloadParts {
  readonly context: Pick<BridgeContext<unknown>, "open" | "recall" | "linked">;
  readonly authority: AuthoritySettings;
  readonly unlinked: Unlinked;
  readonly profile: Profile;
}

export function createBspPayload(parts: PayloadParts): PayloadCodec {
  const { context, authority, profile } = parts;
  return {
    async encode(message, _route, signal) {
      const files = await prepareFiles(message, context, profile, signal);
      const answered = await answeredLetter(context, message);
      const head = { authority, form: "html", ...(answered ? { answered } : {}) } as const;
      const letter = letterOf<never>(message, [], head, profile);
      const chunks: Buffer[] = [];
      for await (const chunk of streamPieces(writeLetter(letter, profile))) chunks.push(chunk);
      return {
        document: Buffer.concat(chunks),
        attachments: files.map(({ name, mediaType, blob }) => ({ name, mediaType, blob })),
        level: letter.level,
        ...(letter.sender.mailbox === undefined ? {} : { mailbox: letter.sender.mailbox }),
        ...(message.case?.legalBasis === undefined ? {} : { legalBasis: message.case.legalBasis }),
      };
    },
    decode: (payload, signal) => decode(parts, payload, signal),
    writeAcknowledgement: (result) => Buffer.from(writeAcknowledgement(result, profile), "utf8"),
    readAcknowledgement: (document) => readAcknowledgement(document, profile),
    readReadReceipt,
  };
}

const UNLINKED = {
  code: "RECIPIENT_UNLINKED",
  detail: "nobody in Matrix reads this mailbox",
} as const;

async function decode(
  parts: PayloadParts,
  payload: IncomingPayload,
  signal: AbortSignal,
): Promise<DecodedPayload> {
  const { profile, context } = parts;
  const { envelope } = payload;
  try {
    const letter = await readLetter(payload.document, profile, signal);
    if (letter.files.length > 0)
      throw new LetterFault("20", "DataContainer", "files travel as parts of their own");
    checkLetter(letter, profile);
    // Envelope and letter name the mailbox: two answers to one question are no answer.
    const mailbox = normaliseMailbox(letter.recipient.mailbox);
    if (mailbox !== normaliseMailbox(envelope.to.mailbox))
      throw new LetterFault("30", "Empfaenger/PostkorbId", "is not the recipient of the envelope");
    const answered = answeredBy(mailbox, parts, envelope.answered);
    const linked = answered !== undefined || (await context.linked(mailbox));
    if (!linked && parts.unlinked === "reject")
      throw new LetterFault("30", "Empfaenger/PostkorbId", "nobody reads this mailbox here");
    const files = await readFiles(parts, payload, signal);
    const { entityId } = envelope.from;
    const arrival = {
      sourceId: envelope.messageId,
      peer: { name: entityId, entityId },
      receivedAt: new Date(),
      files,
      ...(answered === undefined ? {} : { answered }),
    };
    const sender = { ...letter.sender, mailbox: envelope.from.mailbox };
    const decoded = messageOf({ ...letter, sender }, arrival, profile);
    const {
      sourceId: _source,
      conversation: _conversation,
      inReplyTo: _reply,
      ...message
    } = decoded;
    const from = { ...message.from, address: remoteAddress(envelope.from) };
    return {
      kind: "letter",
      message: { ...message, from, replyPolicy: "possible" },
      ...(linked ? {} : { options: { hold: UNLINKED } }),
    };
  } catch (error) {
    if (!(error instanceof LetterFault)) throw error;
    return { kind: "refused", code: error.code, detail: error.message };
  }
}

/** An answer to a letter of ours needs no link when it goes to the mailbox that wrote it. */
function answeredBy(
  mailbox: string,
  { authority }: PayloadParts,
  answered: Message | undefined,
): Message | undefined {
  if (answered === undefined) return undefined;
  const { from } = answered;
  const writer = from.role === "citizen" ? from.address : (authority.mailbox ?? from.address);
  return normaliseMailbox(writer) === mailbox ? answered : undefined;
}

async function readFiles(
  { context, profile }: PayloadParts,
  { attachments }: IncomingPayload,
  signal: AbortSignal,
): Promise<Attachment[]> {
  const { limits, mediaTypes } = profile;
  if (attachments.length > limits.files)
    throw new LetterFault("32", "parts", `more than ${limits.files} files`);
  const taken = new Set<string>();
  const files: Attachment[] = [];
  for (const [index, { name: given, mediaType, blob }] of attachments.entries()) {
    const field = `parts[${index + 1}]`;
    if (blob.size > limits.fileBytes)
      throw new LetterFault("32", field, `more than ${limits.fileBytes} bytes (${blob.size})`);
    const name = acceptableName(
      given ?? `Anlage-${index + 1}${endingOf(mediaType, profile)}`,
      taken,
      profile,
    );
    taken.add(name);
    const head = await readHead(blob, context, signal);
    const verdict = checkFileType({ name, mediaType, head }, mediaTypes);
    if (!verdict.ok) throw new LetterFault("32", field, verdict.detail);
    files.push({ name, mediaType: verdict.entry.standard ?? verdict.entry.type, blob });
  }
  return files;
}
function endingOf(mediaType: string, { mediaTypes }: Profile): string {
  const entry = mediaTypes.find(
    ({ type, standard }) => type === mediaType || standard === mediaType,
  );
  return entry?.extensions[0] ?? "";
}

/** Codes of the gateway as codes of table 9006. */
const STATUS: Partial<Record<ErrorCode, RefusalStatus>> = {
  RECIPIENT_UNKNOWN: "30",
  RECIPIENT_GONE: "30",
  RECIPIENT_UNLINKED: "30",
  CONTENT_REJECTED: "31",
  ATTACHMENT_REJECTED: "32",
  ATTACHMENT_MISSING: "32",
  LETTER_INVALID: "20",
  INPUT_INVALID: "20",
  INPUT_HOSTILE: "20",
};

function writeAcknowledgement(result: AcknowledgementResult, profile: Profile): string {
  const { accepted, code, detail } = result;
  if (accepted) return writeReceipt({ accepted, status: profile.accepted }, profile);
  const status = (code === undefined ? undefined : STATUS[code]) ?? "99";
  const hints = detail === undefined ? {} : { hints: detail };
  return writeReceipt({ accepted, status, ...hints }, profile);
}

function readAcknowledgement(document: Uint8Array, profile: Profile): AcknowledgementResult {
  const { accepted, status } = parseReceipt(document, profile);
  if (accepted) return { accepted };
  return { accepted, code: resultOf(status, profile).code, detail: status };
}

/** @throws GatewayError INPUT_INVALID */
function parseReceipt(document: Uint8Array, profile: Profile) {
  try {
    const receipt = readReceipt(parseXml(document, RECEIPT_LIMITS).root, profile);
    if (receipt.accepted === (receipt.status === profile.accepted)) return receipt;
  } catch (cause) {
    if (!(cause instanceof LetterFault)) throw cause;
    throw new GatewayError("INPUT_INVALID", cause.message, { cause });
  }
  throw new GatewayError("INPUT_INVALID", "the receipt contradicts itself");
}
const RECEIPT_LIMITS = { maxBytes: 1_000_000, maxDepth: 16, maxNodes: 1_000 };

/** Lesebestaetigung{nachrichtenId, zeitpunkt} is our proposal (bundid-fink.md §7.7). @throws GatewayError INPUT_INVALID */
function readReadReceipt(document: Uint8Array): Date {
  const { root } = parseXml(document, RECEIPT_LIMITS);
  if (root.local !== "Lesebestaetigung")
    throw new GatewayError("INPUT_INVALID", "Lesebestaetigung is not the root element");
  const text = attributeOf(root, "zeitpunkt") ?? textOf(requiredChild(root, root.uri, "zeitpunkt"));
  const at = new Date(text.trim());
  if (Number.isNaN(at.getTime()))
    throw new GatewayError("INPUT_INVALID", "zeitpunkt is not a date with time");
  return at;
}
