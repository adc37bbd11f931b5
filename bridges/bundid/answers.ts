import type { Delivery, KnownMessage } from "../../src/bridge/contract.ts";
import { MailError, sendMail } from "../../src/guard/mail-send.ts";
import { textOf } from "../../src/guard/html.ts";
import { DeliveryError } from "../../src/model/errors.ts";
import type { Message } from "../../src/model/message.ts";
import type { Receipt } from "../../src/model/receipt.ts";
import { letterAnsweredBy } from "./cases.ts";
import { bodyOf, EXTRA, signerOf } from "./codec.ts";
import { prepareFiles } from "./files.ts";
import type { InletParts } from "./inlet-parts.ts";
import { countCharacters } from "./letter-rules.ts";
import { LetterFault } from "./letter-fault.ts";
import { mailServerOf } from "./mail-server.ts";

/** What goes back to a legacy system: answers of citizens, and that a letter was opened. */

/** How answers are written when the text or formatting leaves a choice. */
export const ANSWER_STYLE = {
  attachmentText: "Diese Nachricht besteht aus den beigefügten Dateien.",
  forbiddenHtml: "text",
} as const;

/**
 * An answer written in Matrix: onto the shelf, or by mail to the reply address of the letter.
 * @throws DeliveryError
 */
export async function deliverAnswer(
  parts: InletParts,
  message: Message,
  deliveryId: string,
  signal: AbortSignal,
): Promise<Delivery> {
  const { context, profile, shelf } = parts;
  const signer = signerOf(message.to[0]?.address ?? "");
  const settings = parts.peers.find(({ cn }) => cn === signer)?.settings;
  const letter = await letterAnsweredBy(context, message);
  if (signer === undefined || settings === undefined || letter === undefined)
    throw notPossible("no letter of a known sender belongs to this answer");
  if (settings.replies === "none") throw notPossible("this sender takes no answers");
  if (settings.replies === "mail") return mailAnswer(parts, message, letter, signal);
  const files = await prepareFiles(message, (blob) => context.open(blob), profile, signal);
  checkAnswer(message, parts);
  return shelf.put(signer, deliveryId, {
    messageId: message.id,
    ...routingOf(letter),
    ...referenceOf(letter),
    mailbox: letter.message.to[0]?.address ?? message.from.address,
    title: titleOf(message, letter, profile.limits.title),
    files: files.map((file) => ({ ...file })),
  });
}

function routingOf({ message }: KnownMessage): { routing?: string } {
  const routing = message.extra?.[EXTRA.routing];
  return routing === undefined ? {} : { routing };
}
function referenceOf({ message }: KnownMessage): { reference?: string } {
  const reference = message.case?.reference;
  return reference === undefined ? {} : { reference };
}

function titleOf(message: Message, letter: KnownMessage, max: number): string {
  const title = message.subject ?? `AW: ${letter.message.subject ?? ""}`.trim();
  return countCharacters(title) > max ? [...title].slice(0, max).join("") : title;
}

/** The same limits as for letters: a legacy system that speaks ZBP expects nothing larger. */
function checkAnswer(message: Message, { profile }: InletParts): void {
  const size = Buffer.byteLength(bodyOf(message, ANSWER_STYLE, profile), "utf8");
  const { bodyBytes } = profile.limits;
  if (size > bodyBytes)
    throw new LetterFault("size", profile.fields.body, `more than ${bodyBytes} bytes (${size})`, {
      notice: `Der Text ist zu lang: höchstens ${bodyBytes} Bytes, es sind ${size}.`,
    }).asDeliveryError();
}

async function mailAnswer(
  { context, settings, profile }: InletParts,
  message: Message,
  letter: KnownMessage,
  signal: AbortSignal,
): Promise<Delivery> {
  const to = letter.message.extra?.[EXTRA.replyAddress];
  const { mail } = settings;
  if (to === undefined || mail === undefined)
    throw notPossible("the letter names no reply address, or no mail server is configured");
  const files = await prepareFiles(message, (blob) => context.open(blob), profile, signal);
  const attachments = [];
  for (const { name, mediaType, blob } of files)
    attachments.push({ name, mediaType, body: await context.open(blob) });
  const reference = letter.message.case?.reference;
  try {
    const { response } = await sendMail(
      mailServerOf(mail),
      {
        from: mail.from,
        to,
        subject: titleOf(message, letter, profile.limits.title),
        text: textOf(bodyOf(message, ANSWER_STYLE, profile)),
        messageId: messageIdOf(message.id, "answer", mail.from),
        date: message.sentAt,
        headers: reference === undefined ? {} : { "X-Reference": printableHeader(reference) },
        attachments,
      },
      signal,
    );
    const receipt: Receipt = { kind: "relayed", at: new Date(), detail: response.slice(0, 200) };
    return { remoteId: messageIdOf(message.id, "answer", mail.from), receipt };
  } catch (cause) {
    if (!(cause instanceof MailError)) throw cause;
    const code = cause.fault === "permanent" ? "REPLY_NOT_POSSIBLE" : "REMOTE_UNAVAILABLE";
    throw new DeliveryError(
      cause.fault,
      cause.fault === "unknown" ? "OUTCOME_UNKNOWN" : code,
      cause.message,
      { cause },
    );
  }
}

/**
 * The letter was opened in Matrix: its sender is told at the address it asked to be told at.
 * @throws DeliveryError
 */
export async function confirmRetrieval(
  { settings }: Pick<InletParts, "settings">,
  message: Message,
  receipt: Receipt,
  signal: AbortSignal,
): Promise<"told" | "not-wanted"> {
  const to = message.extra?.[EXTRA.receiptAddress];
  const { mail } = settings;
  if (receipt.kind !== "retrieved" || to === undefined || mail === undefined) return "not-wanted";
  const reference = message.case?.reference;
  const lines = [
    "Ihre Nachricht wurde im Postfach geöffnet.",
    `Nachricht: ${message.id}`,
    reference === undefined ? "" : `Referenz: ${reference}`,
    `Zeitpunkt: ${receipt.at.toISOString()}`,
  ];
  try {
    await sendMail(
      mailServerOf(mail),
      {
        from: mail.from,
        to,
        subject: "Lesebestätigung",
        text: lines.filter((line) => line !== "").join("\n"),
        messageId: messageIdOf(message.id, "retrieved", mail.from),
        date: receipt.at,
      },
      signal,
    );
    return "told";
  } catch (cause) {
    // Permanently refused: nobody takes this mail, now or later.
    if (cause instanceof MailError && cause.fault === "permanent") return "not-wanted";
    throw new DeliveryError("transient", "REMOTE_UNAVAILABLE", "the confirmation was not sent", {
      cause,
    });
  }
}

function messageIdOf(id: string, kind: string, from: string): string {
  return `${id}.${kind}@${from.slice(from.lastIndexOf("@") + 1)}`;
}

function printableHeader(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}

function notPossible(message: string): DeliveryError {
  return new DeliveryError("permanent", "REPLY_NOT_POSSIBLE", message);
}
