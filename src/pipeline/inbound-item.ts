import type { AcceptOptions } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import { newId } from "../model/id.ts";
import type { IncomingMessage, Party, Side } from "../model/message.ts";
import type { Acceptance, ConversationDraft, LetterDecision } from "../store/store.ts";
import { isCopy } from "../transition/phases.ts";
import { asCopyInMatrix } from "./copies.ts";
import { conversationIdOf, laneOf } from "./lanes.ts";

/** Where a letter from the old system goes, and by which decision. */
export interface Place {
  readonly destination: Side;
  readonly digest: string;
  readonly decision: LetterDecision | undefined;
}

/** The row that the store takes. Pure. */
export function inboundItem(
  account: AccountConfig,
  incoming: IncomingMessage,
  { destination, digest, decision }: Place,
  { hold }: Pick<AcceptOptions, "hold">,
  at: Date,
): Acceptance {
  const placed = { origin: "legacy", destination, ...(decision ? { phase: decision.phase } : {}) };
  const copy = isCopy(placed as Parameters<typeof isCopy>[0]);
  const shown = copy && destination === "matrix" ? asCopyInMatrix(incoming) : incoming;
  const conversation = draftFromLegacy(account.name, shown);
  return {
    message: { ...shown, id: newId(at.getTime()), account: account.name },
    origin: "legacy",
    destination,
    digest,
    lane: laneOf(conversation.id, destination),
    originLane: laneOf(conversation.id, "legacy"),
    conversation,
    onUnknown: account.onUnknown,
    // Held is what nobody in Matrix would read; the old mailbox has its reader.
    ...(hold && destination === "matrix" ? { hold } : {}),
    receipts: copy ? [] : [{ kind: "submission-accepted", at }],
    ...(decision ? { decision } : {}),
  };
}

export function recipientOf({ to: [local] }: IncomingMessage): Party {
  if (!local) throw new Error("a letter needs a recipient");
  return local;
}

function draftFromLegacy(account: string, message: IncomingMessage): ConversationDraft {
  return {
    id: conversationIdOf(account, message.conversation),
    account,
    key: message.conversation,
    counterpart: message.from,
    local: recipientOf(message),
    ...(message.subject === undefined ? {} : { subject: message.subject }),
    ...(message.case === undefined ? {} : { case: message.case }),
    level: message.level,
    replyPolicy: message.replyPolicy,
  };
}
