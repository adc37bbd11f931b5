import { digestOfLetter } from "../pipeline/letter-digest.ts";
import { conversationIdOf, laneOf } from "../pipeline/lanes.ts";
import type { Directory } from "../pipeline/directory.ts";
import { newId } from "../model/id.ts";
import type { Detail, IncomingMessage, Party } from "../model/message.ts";
import type { Receipt } from "../model/receipt.ts";
import type { Acceptance, ConversationDraft, Store } from "../store/store.ts";
import { HISTORY_KEY, HISTORY_RULE, isHistory } from "../model/history.ts";
import { HistoryFault, type HistoricLetter } from "./source.ts";

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
  { store, account }: ConvertDeps,
  { message, answers, receipts = [] }: HistoricLetter,
  at: Date,
): Promise<IncomingMessage> {
  if (message.sentAt > at) throw new HistoryFault("INPUT_INVALID", "sentAt lies in the future");
  const answered =
    answers === undefined ? undefined : await store.messageBySource(account, answers);
  const same = answered?.message.conversation === message.conversation;
  const { request: _, ...rest } = message;
  return {
    ...rest,
    ...(answered && same ? { inReplyTo: answered.message.id } : {}),
    details: [...(message.details ?? []), ...receipts.flatMap(receiptDetail), MOVED],
  };
}

const MOVED: Detail = {
  label: "Übernommen",
  value:
    "Aus dem bisherigen Postfach übernommen. Keine neue Zustellung; Fristen richten sich nach dem ursprünglichen Schreiben.",
};
const RECEIPT_LABELS: Partial<Record<Receipt["kind"], string>> = {
  delivered: "Damals zugestellt",
  retrieved: "Damals abgerufen",
};
function receiptDetail({ kind, at }: Receipt): Detail[] {
  const label = RECEIPT_LABELS[kind];
  return label === undefined ? [] : [{ label, value: BERLIN.format(at) }];
}
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
