import type { Accepted } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import type { MatrixAcceptOptions } from "../matrix/contract.ts";
import { GatewayError, noticeFor } from "../model/errors.ts";
import { newId } from "../model/id.ts";
import type { IncomingMessage } from "../model/message.ts";
import type { Receipt } from "../model/receipt.ts";
import type { Acceptance, Conversation } from "../store/store.ts";
import type { AcceptDeps } from "./accept.ts";
import { commit } from "./accept-commit.ts";
import { laneOf } from "./lanes.ts";
import { digestOfLetter } from "./letter-digest.ts";

/** Throws when the account is off: the event is taken up again later. */
export async function takeOutbound(
  deps: AcceptDeps,
  account: AccountConfig,
  conversation: Conversation,
  incoming: IncomingMessage,
  given: MatrixAcceptOptions,
): Promise<Accepted | "redecide"> {
  const at = deps.now();
  const decided = await deps.decider?.outbound({
    account: account.name,
    conversationId: conversation.id,
    mailbox: conversation.local.address,
    isAnswer: incoming.inReplyTo !== undefined || incoming.action !== undefined,
  });
  if (decided?.take === "wait")
    throw new GatewayError("NOT_ALLOWED", `${account.name}: ${decided.detail}`);
  // That nothing is sent now is the stronger reason: it tells the writer where to turn to.
  const refuse = decided?.take === "refuse" ? decided.refuse : given.refuse;
  const options: MatrixAcceptOptions = { ...given, ...(refuse ? { refuse } : {}) };
  const destination = options.destination ?? "legacy";
  const item: Acceptance = {
    message: { ...incoming, id: newId(at.getTime()), account: account.name },
    origin: "matrix",
    destination,
    digest: digestOfLetter(incoming),
    lane: laneOf(conversation.id, destination),
    originLane: laneOf(conversation.id, "matrix"),
    conversation,
    onUnknown: account.onUnknown,
    ...(options.hold ? { hold: options.hold } : {}),
    ...(options.refuse ? { refuse: options.refuse } : {}),
    receipts: [firstReceipt(options, at)],
    ...(decided ? { decision: decided.decision } : {}),
  };
  return commit(deps, [item]);
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
