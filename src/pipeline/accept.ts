import type { AcceptOptions, Accepted, LegacyReader, Log } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import type { MatrixAcceptOptions } from "../matrix/contract.ts";
import { GatewayError, noticeFor } from "../model/errors.ts";
import { digestOf, newId } from "../model/id.ts";
import type { IncomingMessage, Party, Side } from "../model/message.ts";
import type { Receipt } from "../model/receipt.ts";
import type {
  Acceptance,
  Conversation,
  ConversationDraft,
  LetterDecision,
  Store,
} from "../store/store.ts";
import { decideLevel } from "../people/levels.ts";
import { isOwnLetter, levelNotice } from "../people/own-letters.ts";
import { noteService } from "./directory.ts";
import type { Decider, InboundDecision } from "../transition/deciding.ts";
import { isCopy } from "../transition/phases.ts";
import { asCopyInMatrix, copySourceOf } from "./copies.ts";
import { passPoint } from "./fault-points.ts";
import { conversationIdOf, laneOf } from "./lanes.ts";

export interface AcceptDeps {
  readonly store: Store;
  readonly log: Log;
  readonly now: () => Date;
  ring(lane: string): void;
  /** Where letters go by plan; without it everything goes to the other side. */
  readonly decider?: Pick<Decider, "inbound" | "outbound">;
  /** What an account's bridge says in general; it may say otherwise for a letter. */
  legacyReaderOf?(account: string): LegacyReader;
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
    async fromLegacy(account, incoming, options = {}) {
      for (let n = 0; n < MAX_DECISIONS; n += 1) {
        const accepted = await takeInbound(deps, account, incoming, options);
        if (accepted !== "redecide") return accepted;
      }
      throw tooLively(account);
    },
    async fromMatrix(account, conversation, incoming, options = {}) {
      for (let n = 0; n < MAX_DECISIONS; n += 1) {
        const accepted = await takeOutbound(deps, account, conversation, incoming, options);
        if (accepted !== "redecide") return accepted;
      }
      throw tooLively(account);
    },
  };
}
/** Another letter of the conversation came first and was decided otherwise: so often it is tried again. */
const MAX_DECISIONS = 20;

function tooLively({ name }: AccountConfig): GatewayError {
  const text = `${name}: other letters of the conversation keep coming first`;
  return new GatewayError("STORE_UNAVAILABLE", text);
}

/** Throws NOT_ALLOWED when the phase takes nothing: the bridge must not acknowledge, the sender keeps the letter. */
async function takeInbound(
  deps: AcceptDeps,
  account: AccountConfig,
  incoming: IncomingMessage,
  options: AcceptOptions,
): Promise<Accepted | "redecide"> {
  const { destination: fixed, answer = false, service } = options;
  const digest = digestOfLetter(incoming);
  const conversationId = conversationIdOf(account.name, incoming.conversation);
  const where: InboundDecision = (await deps.decider?.inbound({
    ...{ account: account.name, conversationId, mailbox: recipientOf(incoming).address, answer },
    ...(service === undefined ? {} : { service }),
    ...(fixed === undefined ? {} : { fixed }),
    legacyReader: options.legacyReader ?? deps.legacyReaderOf?.(account.name) ?? "none",
  })) ?? { take: "letter", destination: fixed ?? "matrix" };
  if (service !== undefined && account.functionMailboxes && where.take === "letter")
    await noteService(deps.store, conversationId, service);
  if (where.take === "letter") {
    const withheld = await withhold(deps, account, incoming, where, digest, options);
    if (withheld) return commit(deps, withheld);
    const { destination, copyTo, decision } = where;
    const first = inboundItem(deps, account, incoming, { destination, digest, decision }, options);
    if (copyTo === undefined || !decision) return commit(deps, [first]);
    const copy = { ...incoming, sourceId: copySourceOf(incoming.sourceId) };
    const copied = { destination: copyTo, digest, decision: copyDecision(decision, first) };
    return commit(deps, [first, inboundItem(deps, account, copy, copied, options)]);
  }
  // What is known already was decided then: it is a duplicate of that, in whatever phase we are now.
  const known = await deps.store.messageBySource(account.name, incoming.sourceId);
  if (known) {
    const place = { destination: known.destination, digest, decision: undefined };
    return commit(deps, [inboundItem(deps, account, incoming, place, options)]);
  }
  if (where.take === "refuse")
    throw new GatewayError("NOT_ALLOWED", `${account.name}: ${where.detail}`);
  const { sourceId } = incoming;
  const sighting = { account: account.name, sourceId, digest, rule: where.rule };
  const isNew = await deps.store.recordSighting(sighting, deps.now());
  if (isNew) deps.log.info({ account: account.name, sourceId }, "letter-observed");
  return { outcome: "observed", id: "", acknowledge: false };
}

/**
 * A letter above the level that its room may show stays in the old mailbox, or in quarantine; a notice with a link takes
 * its place in the room. undefined: it may be shown, or nothing of it would come into a room.
 */
async function withhold(
  deps: AcceptDeps,
  account: AccountConfig,
  incoming: IncomingMessage,
  where: Extract<InboundDecision, { take: "letter" }>,
  digest: string,
  options: AcceptOptions,
): Promise<readonly [Acceptance, ...Acceptance[]] | undefined> {
  const verdict = decideLevel(incoming, account.levels);
  const comesIn = where.destination === "matrix" || where.copyTo === "matrix";
  if (verdict.show || !comesIn || options.hold || isOwnLetter(incoming.sourceId)) return undefined;
  const reader = options.legacyReader ?? deps.legacyReaderOf?.(account.name) ?? "none";
  const known = await deps.store.messageBySource(account.name, incoming.sourceId);
  const forwards = verdict.above === "notice" && reader === "forward";
  const destination = known?.destination ?? (forwards ? "legacy" : where.destination);
  // As if somebody had said so before: the letter counts where it is, it is no copy.
  const decision = destination === where.destination ? where.decision : undefined;
  const hold = { code: "LEVEL_UNAVAILABLE", detail: verdict.detail } as const;
  const place = { destination, digest, decision };
  const item = inboundItem(deps, account, incoming, place, { ...options, hold });
  const room = await roomOf(deps, item.conversation);
  const first = { ...item, conversation: room };
  if (verdict.above === "hold") return [first];
  const notice = levelNotice(incoming, verdict.link);
  const told: Place = {
    destination: "matrix",
    digest: digestOfLetter(notice),
    decision: undefined,
  };
  return [
    first,
    { ...inboundItem(deps, account, notice, told, {}), conversation: room, receipts: [] },
  ];
}

/** What a withheld letter says of its conversation must not appear as name or rule of the room either. */
async function roomOf(deps: AcceptDeps, draft: ConversationDraft): Promise<ConversationDraft> {
  const known = await deps.store.conversation(draft.id);
  if (known) return known;
  const { subject: _, case: __, ...rest } = draft;
  return rest;
}

interface Place {
  readonly destination: Side;
  readonly digest: string;
  readonly decision: LetterDecision | undefined;
}

function copyDecision({ phase, rule }: LetterDecision, first: Acceptance): LetterDecision {
  return { phase, rule, copyOf: first.message.id };
}

function inboundItem(
  deps: AcceptDeps,
  account: AccountConfig,
  incoming: IncomingMessage,
  { destination, digest, decision }: Place,
  { hold }: AcceptOptions,
): Acceptance {
  const at = deps.now();
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

/** Throws when the account is off: the event is taken up again later. */
async function takeOutbound(
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

/** A letter, maybe with its copy behind it: both or none. */
async function commit(
  deps: AcceptDeps,
  items: readonly [Acceptance, ...Acceptance[]],
): Promise<Accepted | "redecide"> {
  const [{ message, origin, originLane }] = items;
  passPoint("before-accept-commit");
  const [result] = await deps.store.accept(items, deps.now());
  passPoint("after-accept-commit");
  if (!result) throw new Error("the store answered nothing to accept");
  const { outcome, id, destination, phase } = result;
  if (outcome === "redecide") return outcome;
  for (const { lane } of items) deps.ring(lane);
  if (origin === "matrix") deps.ring(originLane);
  const fields = { account: message.account, origin, id, sourceId: message.sourceId };
  if (outcome === "conflict") deps.log.error(fields, "same-id-other-content");
  else deps.log.info({ ...fields, destination, ...(phase ? { phase } : {}) }, `letter-${outcome}`);
  const isCopied = isCopy({ origin, destination, ...(phase ? { phase } : {}) });
  return {
    ...{ outcome, id },
    ...(isCopied ? { acknowledge: false } : {}),
    ...(origin === "legacy" && destination === "legacy" ? { primary: "legacy" } : {}),
  };
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

function recipientOf({ to: [local] }: IncomingMessage): Party {
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

/**
 * Over everything that makes the letter what it is. Not over `sentAt`, `original` and `extra`: the same letter brought
 * a second time has another envelope (token, transport times) around the same content. Not over `details` either: some
 * say what a check found (a signature, a certificate), and the next check may word it differently. What was not there
 * when the first letters were stored adds nothing when it is absent: their digests stay as they are.
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
    ...(message.request ? ["request", JSON.stringify(message.request, ACT_KEYS)] : []),
    ...(message.action ? ["action", JSON.stringify(message.action, ACT_KEYS)] : []),
  );
}

/** Every key of a request and of an act, so that equal ones are equal texts. */
const ACT_KEYS = [
  ...[
    "name",
    "title",
    "deadline",
    "choices",
    "label",
    "hint",
    "argument",
    "kind",
    "required",
    "choice",
  ],
];
