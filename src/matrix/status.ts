import { ERRORS, noticeFor, type ErrorCode } from "../model/errors.ts";
import type { Message } from "../model/message.ts";
import type { Receipt, ReceiptKind } from "../model/receipt.ts";
import { showAnswered } from "./answered.ts";
import type { Content } from "./client.ts";
import { conversationOf } from "./deliver.ts";
import { NOTE_KEY, SENDER_KEY, eventIdOf } from "./envelope.ts";
import { SCOPE, readStatus } from "./facts.ts";
import { formatTime } from "./german.ts";
import { writerOf } from "../people/writer.ts";
import { STATUS_BLOCK, type StatusDeps } from "./status-block.ts";
import { sayAbout, speak } from "./voice.ts";

/**
 * The stage that a letter written in Matrix has reached, in its room: one notice per letter, edited as it goes on, so
 * that the room stays readable. `com.beeper.message_send_status` is not sent beside it: it would double the traffic and
 * says less. Safe to repeat.
 */
export async function showStatus(
  deps: StatusDeps,
  message: Message,
  receipt: Receipt,
  signal: AbortSignal,
): Promise<"told" | "not-wanted"> {
  // A letter of the legacy side: its own system tells its sender.
  if (message.extra?.[SENDER_KEY] === undefined) return "not-wanted";
  const conversation = await conversationOf(deps.store, message);
  if (ARRIVED.has(receipt.kind)) await showAnswered(deps, conversation, message, signal);
  const shown = await readStatus(deps.store, message.id);
  if (shown?.kind === receipt.kind) return "told";
  const content = statusContent(message, receipt);
  const party = conversation.counterpart;
  const fact = await speak(deps, conversation, party, signal, async (voice) => {
    // An edit reaches only a notice in the same room: after a room upgrade a new one begins.
    const first = shown?.room === voice.roomId ? shown.notice : undefined;
    const said = first === undefined ? content : editOf(first, content);
    const purpose = { id: message.id, part: `status-${receipt.kind}` };
    const id = await sayAbout(deps.client, voice, purpose, said, signal);
    return { notice: first ?? id, kind: receipt.kind, room: voice.roomId };
  });
  await deps.store.putFact(SCOPE.status, message.id, JSON.stringify(fact));
  return "told";
}

/** Content of the first notice of a letter. Pure. */
export function statusContent(message: Message, receipt: Receipt): Content {
  const eventId = eventIdOf(message);
  const code = codeOf(receipt);
  const text = statusText(receipt, code);
  const note = message.extra?.[NOTE_KEY];
  return {
    msgtype: "m.notice",
    body: note === undefined ? text : `${text}\n${note}`,
    "m.mentions": {},
    // Both: a client that knows no references shows at least what it belongs to.
    "m.relates_to": {
      rel_type: "m.reference",
      event_id: eventId,
      "m.in_reply_to": { event_id: eventId },
    },
    [STATUS_BLOCK]: {
      schema: 1,
      message_id: message.id,
      event_id: eventId,
      state: receipt.kind,
      at: receipt.at.toISOString(),
      ...writerBlock(message),
      ...(code === undefined ? {} : { code }),
      ...(receipt.notice === undefined ? {} : { reason: receipt.notice }),
      ...(receipt.evidence === undefined ? {} : { evidence: receipt.evidence.digest }),
    },
  };
}

/** Who wrote it, for programs: what people see is the sender of the event. */
function writerBlock(message: Message): Content {
  const writer = writerOf(message);
  if (!writer) return {};
  const { user, desk, insteadOf } = writer;
  return {
    written_by: {
      user_id: user,
      ...(desk === undefined ? {} : { desk }),
      ...(insteadOf === undefined ? {} : { instead_of: insteadOf }),
    },
  };
}

function editOf(notice: string, content: Content): Content {
  const { "m.relates_to": _dropped, ...inner } = content;
  return {
    ...inner,
    body: `* ${String(content["body"])}`,
    "m.new_content": inner,
    "m.relates_to": { rel_type: "m.replace", event_id: notice },
  };
}

/** Whole sentences for people. Pure. */
export function statusText(receipt: Receipt, code: ErrorCode | undefined): string {
  const why = receipt.notice ?? (code === undefined ? undefined : noticeFor(code));
  const text = TEXTS[receipt.kind].replace("{at}", formatTime(receipt.at));
  if (why === undefined || !REASONED.has(receipt.kind)) return text;
  return `${text}: ${why}`;
}

const TEXTS: Readonly<Record<ReceiptKind, string>> = {
  "submission-accepted": "Angenommen – wird übermittelt",
  delayed: "Verzögert",
  "in-doubt": "Wird geprüft",
  relayed: "Weitergeleitet am {at}",
  "submission-rejected": "Nicht angenommen",
  "not-delivered": "Nicht zugestellt",
  delivered: "Zugestellt in das Postfach am {at}",
  retrieved: "Abgerufen am {at}",
  "reply-accepted": "Antwort angenommen am {at}",
  "reply-rejected": "Antwort abgelehnt am {at}",
  "recipient-gone": "Das Postfach wurde gelöscht ({at})",
};
/** From these stages on an act is done. */
const ARRIVED: ReadonlySet<ReceiptKind> = new Set(["delivered", "retrieved", "reply-accepted"]);
const REASONED: ReadonlySet<ReceiptKind> = new Set([
  "delayed",
  "in-doubt",
  "submission-rejected",
  "not-delivered",
  "reply-rejected",
]);

function codeOf(receipt: Receipt): ErrorCode | undefined {
  const word = /^[A-Z][A-Z_]+/.exec(receipt.detail ?? "")?.[0];
  return word !== undefined && word in ERRORS ? (word as ErrorCode) : undefined;
}
