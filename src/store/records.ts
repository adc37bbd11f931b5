import type { Phase } from "../bridge/contract.ts";
import type { ErrorCode } from "../model/errors.ts";
import type {
  BlobRef,
  CaseInfo,
  Message,
  Party,
  ReplyPolicy,
  Side,
  TrustLevel,
} from "../model/message.ts";
import type { Receipt } from "../model/receipt.ts";
import type { MessageState } from "../model/state.ts";

/** What goes into a store and what comes out of it; the methods stand in store.ts. */

/** A conversation as a letter describes it. `counterpart`: the legacy side's party, shown as a ghost. `local`: ours. */
export interface ConversationDraft {
  readonly id: string;
  readonly account: string;
  readonly key: string;
  readonly counterpart: Party;
  readonly local: Party;
  readonly subject?: string;
  readonly case?: CaseInfo;
  readonly level: TrustLevel;
  readonly replyPolicy: ReplyPolicy;
}
export interface Conversation extends ConversationDraft {
  readonly roomId?: string;
  readonly createdAt: Date;
}

export interface Acceptance {
  readonly message: Message;
  readonly origin: Side;
  readonly destination: Side;
  /** Over everything that makes the letter what it is: tells a duplicate from a conflict. */
  readonly digest: string;
  /** Lane in which it is delivered, and lane in which its origin is told. */
  readonly lane: string;
  readonly originLane: string;
  readonly conversation: ConversationDraft;
  /** Policy of the account when the outcome of a letter is unknown: does the lane wait for it? */
  readonly onUnknown: "wait" | "continue";
  readonly hold?: { readonly code: ErrorCode; readonly detail: string };
  /** Stored as `rejected` (final): the letter never leaves, but its sender is told through `receipts`. */
  readonly refuse?: { readonly code: ErrorCode; readonly detail: string };
  /** Stages already reached when it is accepted. */
  readonly receipts?: readonly Receipt[];
  readonly decision?: LetterDecision;
}

/** Where the account or cohort of a letter stood when it was accepted (src/transition). */
export interface LetterDecision {
  readonly phase: Phase;
  readonly rule: string;
  /**
   * Id of the letter of the same call whose copy for the other side this is. Stored only together with it: when that
   * one is known already, this one is skipped, whatever was decided then.
   */
  readonly copyOf?: string;
  /** What the caller found to bind the conversation; when it is no longer so, nothing is stored ("redecide"). */
  readonly binding?: Binding & { readonly phase: Phase | undefined };
}
/** Which letters of a conversation say where it stands: of one origin or of both, accepted since then. */
export interface Binding {
  readonly origin?: Side;
  readonly since: Date;
}
export interface AcceptResult {
  readonly outcome: "stored" | "duplicate" | "conflict" | "redecide";
  readonly id: string;
  readonly lane: string;
  /** Of the letter that is stored now; of a duplicate: as it was decided the first time. */
  readonly destination: Side;
  readonly phase?: Phase;
}

export interface StoredMessage {
  readonly message: Message;
  readonly seq: number;
  readonly origin: Side;
  readonly destination: Side;
  readonly conversationId: string;
  readonly lane: string;
  readonly originLane: string;
  readonly digest: string;
  readonly state: MessageState;
  readonly code?: ErrorCode;
  readonly detail?: string;
  readonly attempts: number;
  readonly nextAttemptAt?: Date;
  readonly firstAttemptAt?: Date;
  readonly deliveryId: string;
  readonly remoteId?: string;
  readonly acceptedAt: Date;
  readonly settledAt?: Date;
  readonly phase?: Phase;
  readonly rule?: string;
  readonly copyOf?: string;
}
export interface MessageFilter {
  readonly account?: string;
  readonly origin?: Side;
  readonly destination?: Side;
  readonly state?: MessageState;
  readonly conversationId?: string;
  /** Continue after this seq (ascending) or before it (descending). */
  readonly after?: number;
  readonly order?: "oldest" | "newest";
  readonly limit: number;
}

export interface Lease {
  readonly lane: string;
  readonly owner: string;
  readonly fence: number;
}
export interface Attempt {
  readonly n: number;
  readonly deliveryId: string;
  readonly firstAttemptAt: Date;
}
export type Settlement =
  | {
      readonly outcome: "delivered";
      readonly remoteId: string;
      readonly parts: readonly string[];
      readonly receipt: Receipt;
    }
  | {
      readonly outcome: "transient";
      readonly code: ErrorCode;
      readonly detail: string;
      readonly nextAt: Date;
      readonly receipt?: Receipt;
    }
  | {
      readonly outcome: "permanent";
      readonly code: ErrorCode;
      readonly detail: string;
      readonly receipt: Receipt;
    }
  | {
      readonly outcome: "unknown";
      readonly code: ErrorCode;
      readonly detail: string;
      readonly receipt: Receipt;
      /** When to ask the other side (`find`); absent: only an operator can tell. */
      readonly nextAt?: Date;
    }
  /** `find` said it never arrived, or the letter was never handed out: back to pending, due at once. */
  | { readonly outcome: "absent"; readonly detail: string }
  | { readonly outcome: "held"; readonly code: ErrorCode; readonly detail: string };

export type Work =
  | { readonly kind: "event"; readonly event: StoredEvent }
  | { readonly kind: "notice"; readonly notice: StoredReceipt; readonly message: StoredMessage }
  | { readonly kind: "letter"; readonly message: StoredMessage };

export interface StoredReceipt extends Receipt {
  readonly id: number;
  readonly messageId: string;
  /** due: the origin has to be told. superseded: a higher one was told instead. */
  readonly noticeState: "due" | "told" | "superseded" | "not-wanted" | "gave-up";
  readonly noticeAttempts: number;
  readonly recordedAt: Date;
}
export type NoticeResult =
  | { readonly outcome: "told" | "not-wanted" | "gave-up"; readonly detail?: string }
  | { readonly outcome: "retry"; readonly nextAt: Date; readonly detail: string };

/** A Matrix event as it came in. `eventId` of an ephemeral one is made from its content. */
export interface IncomingEvent {
  readonly eventId: string;
  readonly roomId: string;
  readonly lane: string;
  /** The event itself, JSON. */
  readonly raw: string;
}
export interface StoredEvent extends IncomingEvent {
  readonly seq: number;
  readonly attempts: number;
  readonly recordedAt: Date;
}
export type EventResult =
  | {
      readonly outcome: "done" | "ignored" | "quarantined";
      readonly detail?: string;
      readonly messageId?: string;
    }
  | { readonly outcome: "retry"; readonly nextAt: Date; readonly detail: string };

export interface NewQuarantine {
  readonly account: string;
  readonly side: Side;
  readonly sourceId: string;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly original?: BlobRef;
  /** A letter that is held; absent when the input never became one. */
  readonly messageId?: string;
}
export interface QuarantineItem extends NewQuarantine {
  readonly id: string;
  readonly state: "open" | "released" | "rejected";
  readonly createdAt: Date;
  readonly closedAt?: Date;
  readonly closedBy?: string;
}
export interface QuarantineFilter {
  readonly account?: string;
  readonly state?: "open" | "released" | "rejected";
  readonly limit: number;
}

export interface NewAudit {
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}
export interface AuditEntry extends NewAudit {
  readonly seq: number;
  readonly at: Date;
  /** SHA-256 over the previous hash and this entry, hex. */
  readonly hash: string;
}

export interface Link {
  readonly account: string;
  readonly mailbox: string;
  readonly user: string;
  readonly provenance: "config" | "import" | "admin" | "claim";
  readonly by: string;
  /** Counts from then, and until before then; absent: always. */
  readonly from?: Date;
  readonly until?: Date;
  /** In which capacity, for people, for example "Betreuerin". */
  readonly role?: string;
}

export interface AttemptRow {
  readonly n: number;
  readonly startedAt: Date;
  readonly endedAt?: Date;
  readonly outcome?: Settlement["outcome"];
  readonly code?: ErrorCode;
  readonly detail?: string;
}
/** The life of one letter, hop by hop. */
export interface Trace {
  readonly stored: StoredMessage;
  readonly conversation: Conversation;
  readonly attempts: readonly AttemptRow[];
  readonly receipts: readonly StoredReceipt[];
  readonly parts: readonly string[];
  readonly quarantine: readonly QuarantineItem[];
  readonly audit: readonly AuditEntry[];
}
