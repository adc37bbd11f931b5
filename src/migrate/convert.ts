import { digestOfLetter } from "../pipeline/letter-digest.ts";
import { conversationIdOf, laneOf } from "../pipeline/lanes.ts";
import type { Directory } from "../pipeline/directory.ts";
import { newId } from "../model/id.ts";
import type { ActionRequest, Detail, IncomingMessage, Party } from "../model/message.ts";
import type { Receipt, ReceiptKind } from "../model/receipt.ts";
import type { Acceptance, ConversationDraft, Store } from "../store/store.ts";
import { HISTORY_KEY, HISTORY_RULE, isHistory } from "../model/history.ts";
import { HistoryFault, requirePast, type HistoricLetter } from "./source.ts";

export interface ConvertDeps {
  readonly store: Pick<Store, "messageBySource" | "conversation" | "listMessages">;
  readonly directory: Pick<Directory, "seatsOf">;
  readonly account: string;
  readonly source: string;
}

/**
 * A letter of the past as the store takes it: in the lane of its case, so that order and exactly-once are those of live
 * traffic, and as a copy, so that nothing of it is told to anybody.
 */
export async function acceptanceOf(
  deps: ConvertDeps,
  letter: HistoricLetter,
  at: Date,
): Promise<Acceptance> {
  const { account, source } = deps;
  const [local, counterpart] = sidesOf(letter);
  const message = await completed(deps, letter, at);
  const conversation = await draftOf(deps, message, local, counterpart);
  const lane = laneOf(conversation.id, "matrix");
  const readers = await deps.directory.seatsOf(conversation);
  return {
    message: {
      ...message,
      ...{ id: newId(at.getTime()), account },
      extra: { ...message.extra, [HISTORY_KEY]: source },
    },
    origin: "legacy",
    destination: "matrix",
    digest: digestOfLetter(message),
    lane,
    originLane: laneOf(conversation.id, "legacy"),
    conversation,
    // Sending into Matrix is repeatable: an unknown outcome is found out, and order is kept meanwhile.
    onUnknown: "wait",
    ...(readers.length === 0
      ? { hold: { code: "RECIPIENT_UNLINKED", detail: "nobody in Matrix reads this mailbox" } }
      : {}),
    decision: { phase: "mirror", rule: HISTORY_RULE },
  };
}

function sidesOf({ message, direction }: HistoricLetter): readonly [Party, Party] {
  const { from, to } = message;
  const [first] = to;
  if (!first) throw new HistoryFault("INPUT_INVALID", "a letter needs a recipient");
  return direction === "sent" ? [from, first] : [first, from];
}

async function completed(
  deps: ConvertDeps,
  letter: HistoricLetter,
  at: Date,
): Promise<IncomingMessage> {
  const { message, receipts = [] } = letter;
  requirePast(message.sentAt, at);
  const inReplyTo = await answeredBy(deps, letter);
  const { request, inReplyTo: _, details = [], ...rest } = message;
  const told = receipts.toSorted((a, b) => a.at.getTime() - b.at.getTime()).map(receiptDetail);
  return {
    ...rest,
    ...(inReplyTo === undefined ? {} : { inReplyTo }),
    details: [
      ...details,
      ...(inReplyTo === undefined && letter.answers !== undefined
        ? [lostDetail(letter.answers)]
        : []),
      ...(request ? [requestDetail(request)] : []),
      ...told,
      MOVED,
    ],
  };
}

/**
 * Our id of the letter that this one answers. A letter that is here already answers what it answered when it was moved,
 * whatever came since: else its second reading would be another letter.
 */
async function answeredBy(
  { store, account }: ConvertDeps,
  { message, answers }: HistoricLetter,
): Promise<string | undefined> {
  const known = await store.messageBySource(account, message.sourceId);
  if (known && isHistory(known)) return known.message.inReplyTo;
  if (message.inReplyTo !== undefined || answers === undefined) return message.inReplyTo;
  const answered = await store.messageBySource(account, answers);
  return answered?.message.conversation === message.conversation ? answered.message.id : undefined;
}

const MOVED: Detail = {
  label: "Übernommen",
  value:
    "Aus dem bisherigen Postfach übernommen. Keine neue Zustellung; Fristen richten sich nach dem ursprünglichen Schreiben.",
};

/** The relation is kept in words when the other end of it is not here. */
function lostDetail(answers: string): Detail {
  return { label: "Antwort auf", value: `Schreiben ${answers} (nicht unter den übernommenen)` };
}

/** Every stage is shown, as the fact of the past that it is: none of them becomes a receipt of this gateway. */
const RECEIPT_LABELS: Readonly<Record<ReceiptKind, string>> = {
  "submission-accepted": "Damals angenommen",
  delayed: "Damals verzögert",
  "in-doubt": "Damals ungeklärt",
  relayed: "Damals weitergeleitet",
  "submission-rejected": "Damals abgelehnt",
  "not-delivered": "Damals nicht zugestellt",
  delivered: "Damals zugestellt",
  retrieved: "Damals abgerufen",
  "reply-accepted": "Antwort damals angenommen",
  "reply-rejected": "Antwort damals abgelehnt",
  "recipient-gone": "Postfach damals aufgelöst",
};
function receiptDetail({ kind, at }: Receipt): Detail {
  return { label: RECEIPT_LABELS[kind], value: BERLIN.format(at) };
}

/** What was asked for then can be done where it was asked; here it is said, and offered no more. */
function requestDetail({ title, deadline }: ActionRequest): Detail {
  const until = deadline === undefined ? "" : ` bis ${DAY.format(deadline)}`;
  return {
    label: "Damals angefordert",
    value: `${title}${until}. Hier kann es nicht mehr abgegeben werden; ob es abgegeben wurde, steht im bisherigen Postfach.`,
  };
}
const DAY = new Intl.DateTimeFormat("de-DE", { dateStyle: "medium", timeZone: "Europe/Berlin" });
const BERLIN = new Intl.DateTimeFormat("de-DE", {
  dateStyle: "medium",
  timeStyle: "medium",
  timeZone: "Europe/Berlin",
});

/** What a live letter has said of the case is newer than anything that history says. */
async function draftOf(
  { store, account }: ConvertDeps,
  message: IncomingMessage,
  local: Party,
  counterpart: Party,
): Promise<ConversationDraft> {
  const id = conversationIdOf(account, message.conversation);
  const [newest] = await store.listMessages({ conversationId: id, order: "newest", limit: 1 });
  const known = await store.conversation(id);
  if (known && (newest === undefined || !isHistory(newest))) return draftOnly(known);
  return {
    ...{ id, account, key: message.conversation, counterpart, local },
    ...(message.subject === undefined ? {} : { subject: message.subject }),
    ...(message.case === undefined ? {} : { case: message.case }),
    level: message.level,
    replyPolicy: message.replyPolicy,
  };
}

function draftOnly(known: ConversationDraft): ConversationDraft {
  const { id, account, key, counterpart, local, subject, level, replyPolicy } = known;
  return {
    ...{ id, account, key, counterpart, local, level, replyPolicy },
    ...(subject === undefined ? {} : { subject }),
    ...(known.case === undefined ? {} : { case: known.case }),
  };
}
