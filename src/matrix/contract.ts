import type {
  AcceptOptions,
  Accepted,
  Bridge,
  Capabilities,
  Log,
  Refusal,
  Report,
} from "../bridge/contract.ts";
import type { AccountConfig, AppserviceConfig, HomeserverConfig } from "../config/schema.ts";
import type { ErrorCode } from "../model/errors.ts";
import type { CaseInfo, IncomingMessage, Party, TrustLevel } from "../model/message.ts";
import type { ClaimDesk } from "../people/claim-desk.ts";
import type { Directory } from "../pipeline/directory.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Conversation, EventResult, Store, StoredEvent } from "../store/store.ts";

/** What the Matrix side knows of an account. */
export interface MatrixAccount {
  readonly config: AccountConfig;
  readonly bridgeName: string;
  readonly bridgeTitle: string;
  readonly capabilities: Capabilities;
  readonly lookupFields: Readonly<Record<string, { regexp: string; placeholder: string }>>;
  /** The legacy directory of this account; undefined when the bridge has none. */
  readonly resolve: ((query: string, signal: AbortSignal) => Promise<readonly Party[]>) | undefined;
  /** Asked before a letter written in Matrix is accepted; undefined when the bridge has nothing to say then. */
  readonly review:
    ((letter: IncomingMessage, signal: AbortSignal) => Promise<Refusal | undefined>) | undefined;
}

export interface MatrixAcceptOptions extends AcceptOptions {
  /** The letter never leaves; its sender is told why. */
  readonly refuse?: { readonly code: ErrorCode; readonly detail: string; readonly notice?: string };
}

export interface MatrixDeps {
  readonly homeserver: HomeserverConfig;
  readonly appservice: AppserviceConfig;
  readonly accounts: readonly MatrixAccount[];
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly directory: Directory;
  readonly log: Log;
  readonly limits: { readonly attachmentBytes: number; readonly transactionBytes: number };
  /** 32 bytes, stable for (account, purpose). */
  derive(account: string, purpose: string): Uint8Array;
  /** A letter written in Matrix, in a known conversation. */
  accept(
    conversation: Conversation,
    message: IncomingMessage,
    options?: MatrixAcceptOptions,
  ): Promise<Accepted>;
  report(report: Report): Promise<void>;
  /** Lets readers link mailboxes in a chat with the keeper; absent: such invitations are declined. */
  readonly claims?: ClaimDesk | undefined;
  /** After events were recorded: their lanes have work. */
  ring(lane: string): void;
  /** Counters of src/ops/metrics.ts. */
  count(name: MatrixCounter, labels?: Readonly<Record<string, string>>): void;
  readonly now: () => Date;
}
export type MatrixCounter =
  | "transactions"
  | "transaction_failures"
  | "events_pushed"
  | "events_swept"
  | "requests"
  | "rate_limited"
  | "rooms_created";

export interface NewConversation {
  readonly account: string;
  /** The legacy party to write to, as found by look-up. */
  readonly to: Party;
  readonly subject: string;
  readonly case?: CaseInfo;
  readonly level?: TrustLevel;
}

/** The homeserver, seen as just another system: the same contract, and what only Matrix has. */
export interface Matrix extends Bridge {
  /** Take one recorded event in. Called in order per room. Throws only for faults worth a later retry. */
  takeEvent(event: StoredEvent, signal: AbortSignal): Promise<EventResult>;
  /** Opens the case room for a letter to a legacy party; idempotent on (account, party, case reference or subject). */
  openConversation(
    request: NewConversation,
    by: string,
  ): Promise<{ conversation: Conversation; roomId: string }>;
  /** Membership follows links at once, in every room of this mailbox, or of the account when none is named. */
  refreshReaders(account: string, mailbox?: string): Promise<void>;
}
