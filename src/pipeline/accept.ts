import type { AcceptOptions, Accepted, Log } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import type { MatrixAcceptOptions } from "../matrix/contract.ts";
import { noticeFor } from "../model/errors.ts";
import { digestOf, newId } from "../model/id.ts";
import type { IncomingMessage, Message, Party, Side } from "../model/message.ts";
import type { Receipt } from "../model/receipt.ts";
import type { Acceptance, Conversation, ConversationDraft, Store } from "../store/store.ts";
import { passPoint } from "./fault-points.ts";
import { conversationIdOf, laneOf } from "./lanes.ts";

export interface AcceptDeps {
  readonly store: Store;
  readonly log: Log;
  readonly now: () => Date;
  ring(lane: string): void;
}

/** Store durably, then (and only then) let the caller acknowledge upstream. The only way a letter comes into being. */
export interface Acceptor {
  fromLegacy(
    account: AccountConfig,
    message: IncomingMessage,
    options?: AcceptOptions,
  ): Promise<Accepted>;
  fromMatrix(
    account: AccountConfig,
    conversation: Conversation,
    message: IncomingMessage,
    options?: MatrixAcceptOptions,
  ): Promise<Accepted>;
}

export function createAcceptor(deps: AcceptDeps): Acceptor {
  return {
    fromLegacy(account, message, options = {}) {
      const draft = draftFromLegacy(account.name, message);
      return commit(deps, account, "legacy", draft, message, options);
    },
    fromMatrix(account, conversation, message, options = {}) {
      return commit(deps, account, "matrix", conversation, message, options);
    },
  };
}

async function commit(
  deps: AcceptDeps,
  account: AccountConfig,
  origin: Side,
  conversation: ConversationDraft,
  incoming: IncomingMessage,
  options: MatrixAcceptOptions,
): Promise<Accepted> {
  const at = deps.now();
  const message: Message = { ...incoming, id: newId(at.getTime()), account: account.name };
  const destination = options.destination ?? (origin === "legacy" ? "matrix" : "legacy");
  const item: Acceptance = {
    message,
    origin,
    destination,
    digest: digestOfLetter(incoming),
    lane: laneOf(conversation.id, destination),
    originLane: laneOf(conversation.id, origin),
    conversation,
    onUnknown: account.onUnknown,
    ...(options.hold ? { hold: options.hold } : {}),
    ...(options.refuse ? { refuse: options.refuse } : {}),
    receipts: [firstReceipt(options, at)],
  };
  passPoint("before-accept-commit");
  const [result] = await deps.store.accept([item], at);
  passPoint("after-accept-commit");
  if (!result) throw new Error("the store answered nothing to accept");
  deps.ring(item.lane);
  if (origin === "matrix") deps.ring(item.originLane);
  const fields = { account: account.name, origin, id: result.id, sourceId: incoming.sourceId };
  if (result.outcome === "conflict") deps.log.error(fields, "same-id-other-content");
  else deps.log.info({ ...fields, destination }, `letter-${result.outcome}`);
  return { outcome: result.outcome, id: result.id };
}

/** What the sender is told first: accepted, or refused at once with the reason. */
function firstReceipt(options: MatrixAcceptOptions, at: Date): Receipt {
  if (!options.refuse) return { kind: "submission-accepted", at };
  return {
    kind: "submission-rejected",
    at,
    detail: `${options.refuse.code}: ${options.refuse.detail}`,
    notice: options.refuse.notice ?? noticeFor(options.refuse.code),
  };
}

function draftFromLegacy(account: string, message: IncomingMessage): ConversationDraft {
  const [local] = message.to;
  if (!local) throw new Error("a letter needs a recipient");
  return {
    id: conversationIdOf(account, message.conversation),
    account,
    key: message.conversation,
    counterpart: message.from,
    local,
    ...(message.subject === undefined ? {} : { subject: message.subject }),
    ...(message.case === undefined ? {} : { case: message.case }),
    level: message.level,
    replyPolicy: message.replyPolicy,
  };
}

/**
 * Over everything that makes the letter what it is. Not over `sentAt`, `original` and `extra`: the same letter brought
 * a second time has another envelope (token, transport times) around the same content.
 */
export function digestOfLetter(message: IncomingMessage): string {
  const party = (p: Party) => digestOf(p.address, p.name ?? "", p.role ?? "");
  return digestOf(
    message.conversation,
    party(message.from),
    ...message.to.map(party),
    message.inReplyTo ?? "",
    message.subject ?? "",
    message.text ?? "",
    message.html ?? "",
    ...message.attachments.flatMap((a) => [a.name, a.mediaType, a.blob.digest]),
    String(message.level),
    message.replyPolicy,
    JSON.stringify(message.case ?? {}, ["reference", "applicationId", "legalBasis"]),
  );
}
