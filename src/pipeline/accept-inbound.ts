import type { AcceptOptions, Accepted } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import { GatewayError } from "../model/errors.ts";
import type { IncomingMessage } from "../model/message.ts";
import type { InboundDecision } from "../transition/deciding.ts";
import type { AcceptDeps } from "./accept.ts";
import { commit } from "./accept-commit.ts";
import { copySourceOf } from "./copies.ts";
import { noteService } from "./directory.ts";
import { inboundItem, recipientOf } from "./inbound-item.ts";
import { conversationIdOf } from "./lanes.ts";
import { digestOfLetter } from "./letter-digest.ts";
import { withhold } from "./withholding.ts";

/** Throws NOT_ALLOWED when the phase takes nothing: the bridge must not acknowledge, the sender keeps the letter. */
export async function takeInbound(
  deps: AcceptDeps,
  account: AccountConfig,
  incoming: IncomingMessage,
  options: AcceptOptions,
): Promise<Accepted | "redecide"> {
  const digest = digestOfLetter(incoming);
  const where = await decideWhere(deps, account, incoming, options);
  if (where.take === "letter") return takeLetter(deps, account, incoming, options, where, digest);
  // What is known already was decided then: it is a duplicate of that, in whatever phase we are now.
  const known = await deps.store.messageBySource(account.name, incoming.sourceId);
  if (known) {
    const place = { destination: known.destination, digest, decision: undefined };
    return commit(deps, [inboundItem(account, incoming, place, options, deps.now())]);
  }
  if (where.take === "refuse")
    throw new GatewayError("NOT_ALLOWED", `${account.name}: ${where.detail}`);
  const { sourceId } = incoming;
  const sighting = { account: account.name, sourceId, digest, rule: where.rule };
  const isNew = await deps.store.recordSighting(sighting, deps.now());
  if (isNew) deps.log.info({ account: account.name, sourceId }, "letter-observed");
  return { outcome: "observed", id: "", acknowledge: false };
}

/** By the plan in force; without one everything goes to the other side. */
async function decideWhere(
  { decider, legacyReaderOf }: AcceptDeps,
  account: AccountConfig,
  incoming: IncomingMessage,
  { destination: fixed, answer = false, service, legacyReader }: AcceptOptions,
): Promise<InboundDecision> {
  const { name } = account;
  const decided = await decider?.inbound({
    account: name,
    conversationId: conversationIdOf(name, incoming.conversation),
    mailbox: recipientOf(incoming).address,
    answer,
    ...(service === undefined ? {} : { service }),
    ...(fixed === undefined ? {} : { fixed }),
    legacyReader: legacyReader ?? legacyReaderOf?.(account) ?? "none",
  });
  return decided ?? { take: "letter", destination: fixed ?? "matrix" };
}

/** With its copy for the other side, or withheld; all of it in one commit. */
async function takeLetter(
  deps: AcceptDeps,
  account: AccountConfig,
  incoming: IncomingMessage,
  options: AcceptOptions,
  where: Extract<InboundDecision, { take: "letter" }>,
  digest: string,
): Promise<Accepted | "redecide"> {
  const { service } = options;
  if (service !== undefined && account.functionMailboxes)
    await noteService(deps.store, conversationIdOf(account.name, incoming.conversation), service);
  const withheld = await withhold(deps, account, incoming, where, digest, options);
  if (withheld) return commit(deps, withheld);
  const { destination, copyTo, decision } = where;
  const place = { destination, digest, decision };
  const first = inboundItem(account, incoming, place, options, deps.now());
  if (copyTo === undefined || !decision) return commit(deps, [first]);
  const copy = { ...incoming, sourceId: copySourceOf(incoming.sourceId) };
  const { phase, rule } = decision;
  const copyDecision = { phase, rule, copyOf: first.message.id };
  const copyPlace = { destination: copyTo, digest, decision: copyDecision };
  return commit(deps, [first, inboundItem(account, copy, copyPlace, options, deps.now())]);
}
