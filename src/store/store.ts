import type { ErrorCode } from "../model/errors.ts";
import type { Receipt, ReceiptKind } from "../model/receipt.ts";
import type {
  AcceptResult,
  Acceptance,
  Attempt,
  AuditEntry,
  Binding,
  Conversation,
  ConversationDraft,
  EventResult,
  IncomingEvent,
  Lease,
  LetterDecision,
  Link,
  MessageFilter,
  NewAudit,
  NewQuarantine,
  NoticeResult,
  QuarantineFilter,
  QuarantineItem,
  Settlement,
  StoredMessage,
  StoredReceipt,
  Trace,
  Work,
} from "./records.ts";
import type {
  AnyClaimAnswer,
  Claim,
  ClaimLimits,
  ClaimResult,
  LinkChange,
  NewClaim,
  Substitution,
} from "./people-records.ts";
import type { StoreStats } from "./store-stats.ts";
import type {
  Leftovers,
  LetterOutline,
  NewPlan,
  Sighting,
  StoredPlan,
  StoredSighting,
  TimeSpan,
} from "./transition-records.ts";

export type * from "./records.ts";
export type * from "./people-records.ts";
export type * from "./transition-records.ts";
export type * from "./store-stats.ts";

/**
 * The database is the truth. Every method is ONE transaction: when its promise resolves, the change is on disk; when it
 * rejects, nothing happened. All times are Date (milliseconds). Bodies are sealed by the store before they are written.
 * Two implementations (SQLite, PostgreSQL) pass one suite: test/conformance/store.ts.
 */
export interface Store {
  /** Migrates under a lock; throws STORE_NEWER for a newer schema. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** A write that proves the database can write; for /ready. */
  probe(): Promise<void>;

  // --- letters ---------------------------------------------------------------------------------------------------
  /** All or nothing. Unknown conversations are created, known ones updated when the letter comes from the legacy side. */
  accept(items: readonly Acceptance[], at: Date): Promise<readonly AcceptResult[]>;
  message(id: string): Promise<StoredMessage | undefined>;
  messageBySource(account: string, sourceId: string): Promise<StoredMessage | undefined>;
  /** By what the other side calls it or one of its parts (Matrix: event id). */
  messageByRemote(
    account: string | undefined,
    remoteId: string,
  ): Promise<StoredMessage | undefined>;
  listMessages(filter: MessageFilter): Promise<readonly StoredMessage[]>;
  trace(id: string): Promise<Trace | undefined>;

  // --- conversations -----------------------------------------------------------------------------------------------
  conversation(id: string): Promise<Conversation | undefined>;
  conversationByRoom(roomId: string): Promise<Conversation | undefined>;
  /** Creates it when unknown; returns what is stored. */
  openConversation(draft: ConversationDraft, at: Date): Promise<Conversation>;
  /** First binding wins: returns the room that is bound now. A room belongs to at most one conversation. */
  bindRoom(conversationId: string, roomId: string): Promise<string>;
  /** After a room upgrade. false when `from` is not the bound room. */
  rebindRoom(conversationId: string, from: string, to: string): Promise<boolean>;
  listConversations(filter: {
    account?: string;
    after?: string;
    limit: number;
  }): Promise<readonly Conversation[]>;

  // --- lanes -------------------------------------------------------------------------------------------------------
  /** Lanes with work due at `now` and no living lease, oldest first. */
  dueLanes(now: Date, limit: number): Promise<readonly string[]>;
  /** undefined: somebody else holds it, or there is nothing due. The fence grows with every lease of the lane. */
  acquireLane(lane: string, owner: string, now: Date, until: Date): Promise<Lease | undefined>;
  renewLane(lease: Lease, until: Date): Promise<boolean>;
  /** Ends every lease. Only for a node that is certainly alone (see folder-lock.ts): a crash then costs no waiting. */
  breakLeases(): Promise<void>;
  /** Gives the lane back and computes when it is due next (undefined: nothing to do). */
  releaseLane(lease: Lease, now: Date): Promise<Date | undefined>;
  /**
   * The next thing to do in this lane, in order: Matrix events to take in, then notices to origins, then the head
   * letter. undefined when nothing is due or the head waits (backoff, or an unknown outcome with policy "wait").
   * A head in `sending` is returned as it is: its attempt was cut by a crash. A letter in `unknown` whose nextAt has
   * come is returned (state `unknown`) so that the other side is asked; `settle` then takes it from `unknown` directly
   * (delivered, absent, unknown with a later nextAt). Before that it blocks the lane ("wait") or is passed ("continue").
   */
  nextWork(lease: Lease, now: Date): Promise<Work | undefined>;
  /** pending → sending, one more attempt. undefined: fenced out. */
  beginAttempt(lease: Lease, messageId: string, at: Date): Promise<Attempt | undefined>;
  /** Ends the running attempt. false: fenced out, nothing changed. */
  settle(lease: Lease, messageId: string, settlement: Settlement, at: Date): Promise<boolean>;
  settleNotice(
    lease: Lease,
    notice: StoredReceipt,
    result: NoticeResult,
    at: Date,
  ): Promise<boolean>;

  // --- evidence ----------------------------------------------------------------------------------------------------
  /** false: this kind is already recorded for the letter. The origin is told when the rank is the highest so far. */
  addReceipt(messageId: string, receipt: Receipt, at: Date): Promise<boolean>;
  /** Letters from the legacy side delivered in this conversation up to and including this one that lack this receipt. */
  withoutReceiptUpTo(
    messageId: string,
    kind: ReceiptKind,
    limit: number,
  ): Promise<readonly string[]>;

  // --- Matrix events -----------------------------------------------------------------------------------------------
  /** Insert what is new (by event id) and move the cursor, in one transaction. Returns the ids that were new. */
  recordEvents(
    events: readonly IncomingEvent[],
    source: "push" | "sweep",
    at: Date,
    cursor?: { name: string; value: string },
  ): Promise<readonly string[]>;
  knowsEvent(eventId: string): Promise<boolean>;
  settleEvent(lease: Lease, eventId: string, result: EventResult, at: Date): Promise<boolean>;

  // --- quarantine --------------------------------------------------------------------------------------------------
  /** Idempotent on (account, sourceId). Returns the id. */
  quarantine(item: NewQuarantine, at: Date): Promise<string>;
  listQuarantine(filter: QuarantineFilter): Promise<readonly QuarantineItem[]>;
  quarantineItem(id: string): Promise<QuarantineItem | undefined>;
  /** open → released | rejected; a held letter goes to pending | rejected in the same transaction. false: not open. */
  closeQuarantine(id: string, to: "released" | "rejected", by: string, at: Date): Promise<boolean>;
  /** Releases every letter held with this code for this mailbox. Returns how many. */
  releaseHeld(
    account: string,
    mailbox: string,
    code: ErrorCode,
    by: string,
    at: Date,
  ): Promise<number>;

  // --- operator ----------------------------------------------------------------------------------------------------
  /** failed | unknown → pending, due now. `asNew` gives it a new deliveryId. Throws NOT_FOUND, NOT_ALLOWED. */
  resend(id: string, options: { asNew: boolean; by: string }, at: Date): Promise<void>;
  /** unknown → delivered | failed by a human's knowledge. Throws NOT_FOUND, NOT_ALLOWED. */
  resolveUnknown(id: string, to: "delivered" | "failed", by: string, at: Date): Promise<void>;
  appendAudit(entry: NewAudit, at: Date): Promise<void>;
  listAudit(filter: { subject?: string; limit: number }): Promise<readonly AuditEntry[]>;
  /** Walks the hash chain; the first broken entry, or undefined. */
  verifyAudit(): Promise<AuditEntry | undefined>;

  // --- links: which mailbox of an account which Matrix user reads --------------------------------------------------
  /**
   * What the link does not say of time and role stays as it is; a link that has ended begins anew. Every change goes into
   * the history.
   */
  putLink(link: Link, at: Date): Promise<"added" | "changed" | "unchanged">;
  removeLink(
    account: string,
    mailbox: string,
    user: string,
    by: string,
    at: Date,
  ): Promise<boolean>;
  linksOf(account: string, mailbox: string): Promise<readonly Link[]>;
  mailboxesOf(account: string, user: string): Promise<readonly Link[]>;
  /** Mailboxes with at least one link, in order. */
  linkedMailboxes(account: string, limit: number): Promise<readonly string[]>;
  listLinks(filter: { account?: string; limit: number; after?: string }): Promise<readonly Link[]>;

  /** What happened to the links of a mailbox (or of all of the account), the newest first; `before` a seq. */
  linkHistory(filter: {
    account: string;
    mailbox?: string;
    before?: number;
    limit: number;
  }): Promise<readonly LinkChange[]>;
  /** Mailboxes of which a link begins or ends after `from`, until and with `to`. */
  linksTurning(from: Date, to: Date): Promise<readonly { account: string; mailbox: string }[]>;

  // --- who stands in for whom --------------------------------------------------------------------------------------
  addSubstitution(substitution: Substitution, at: Date): Promise<void>;
  /** Ends it now. false: unknown, or over already. */
  endSubstitution(id: string, by: string, at: Date): Promise<boolean>;
  /** Those that are not over at `at`, by their begin; of all accounts or of one. */
  listSubstitutions(at: Date, account?: string): Promise<readonly Substitution[]>;
  /** Accounts in which one begins or ends after `from`, until and with `to`. */
  substitutionsTurning(from: Date, to: Date): Promise<readonly string[]>;

  // --- proofs of possession ----------------------------------------------------------------------------------------
  /** Replaces open ones of the same user and mailbox. Throws NOT_ALLOWED beyond the limits. */
  openClaim(claim: NewClaim, limits: ClaimLimits, at: Date): Promise<void>;
  /** Counts the try before the code is compared; the right code makes the link in the same transaction. */
  answerClaim(
    given: { id: string; user: string; mac: string; by: string; maxTries: number },
    at: Date,
  ): Promise<ClaimResult>;
  /**
   * The same for somebody who gives a code without saying for which mailbox: of all open claims of this user in these
   * accounts. The right code counts for its own claim only, a wrong one is a try of each. unknown: none is open.
   */
  answerAnyClaim(given: AnyClaimAnswer, at: Date): Promise<{ result: ClaimResult; id?: string }>;
  claim(id: string): Promise<Claim | undefined>;

  // --- small facts -------------------------------------------------------------------------------------------------
  fact(scope: string, key: string): Promise<string | undefined>;
  putFact(scope: string, key: string, value: string): Promise<void>;
  /** Only when absent; returns what is stored now. */
  claimFact(scope: string, key: string, value: string): Promise<string>;
  removeFact(scope: string, key: string): Promise<void>;
  listFacts(
    scope: string,
    prefix: string,
    options: { after?: string; limit: number },
  ): Promise<readonly { key: string; value: string }[]>;

  // --- transition ----------------------------------------------------------------------------------------------------
  /** With its audit entry. Throws NOT_ALLOWED when another plan came first: check again against that one. */
  putPlan(plan: NewPlan, at: Date): Promise<StoredPlan>;
  newestPlan(): Promise<StoredPlan | undefined>;
  /** The newest first; `before` a seq. */
  listPlans(filter: { before?: number; limit: number }): Promise<readonly StoredPlan[]>;
  /** What the last decided letter of the conversation was decided by; `off` and `drain` bind nothing. */
  lastDecision(
    conversationId: string,
    binding: Binding,
  ): Promise<Pick<LetterDecision, "phase" | "rule"> | undefined>;
  /** true: seen for the first time. Otherwise the time of the last sight moves on; digest and rule stay. */
  recordSighting(sighting: Sighting, at: Date): Promise<boolean>;
  /** First seen in this time, in that order; `after` the last one of the page before. */
  listSightings(
    span: TimeSpan,
    page: { after?: StoredSighting; limit: number },
  ): Promise<readonly StoredSighting[]>;
  /** Accepted in this time, by seq; `after` a seq. */
  listOutlines(
    span: TimeSpan,
    page: { after?: number; limit: number },
  ): Promise<readonly LetterOutline[]>;
  /** Copies of these letters. */
  copiesOf(ids: readonly string[]): Promise<readonly LetterOutline[]>;
  leftovers(account: string): Promise<Leftovers>;

  stats(now: Date): Promise<StoreStats>;
}

/** Scope of the facts that `recordEvents` moves: read them with `fact(CURSOR_SCOPE, name)`. */
export const CURSOR_SCOPE = "cursor";
