import type { Phase } from "../bridge/contract.ts";
import type { Side } from "../model/message.ts";
import type { MessageState } from "../model/state.ts";

/** What the transition keeps in the store; the methods stand in store.ts. */

/** start: taken from the file at a start. apply, rollback: by an operator. */
export const PLAN_WAYS = ["start", "apply", "rollback"] as const;

export interface NewPlan {
  /** `seq` of the plan that this one replaces, as it was when it was checked; 0: the first one. */
  readonly after: number;
  readonly planId: string;
  /** Id of the plan that stands in the configuration file. */
  readonly fileId: string;
  readonly way: (typeof PLAN_WAYS)[number];
  readonly by: string;
  readonly keepSince: Date;
  /** JSON. */
  readonly document: string;
}
export interface StoredPlan extends Omit<NewPlan, "after"> {
  /** 1, 2, 3, … without gaps. */
  readonly seq: number;
  readonly appliedAt: Date;
}

/** A letter in the old mailbox that was counted and not taken. */
export interface Sighting {
  readonly account: string;
  readonly sourceId: string;
  /** Of its content, as for letters. */
  readonly digest: string;
  readonly rule: string;
}
export interface StoredSighting extends Sighting {
  readonly seenAt: Date;
  readonly lastSeenAt: Date;
}

/** A letter without its content: what comparing and counting needs. */
export interface LetterOutline {
  readonly seq: number;
  readonly id: string;
  readonly account: string;
  readonly sourceId: string;
  readonly conversationId: string;
  readonly origin: Side;
  readonly destination: Side;
  readonly state: MessageState;
  readonly digest: string;
  readonly acceptedAt: Date;
  readonly settledAt?: Date;
  readonly phase?: Phase;
  readonly rule?: string;
  readonly copyOf?: string;
}

/** since inclusive, until exclusive. */
export interface TimeSpan {
  readonly account: string;
  readonly since: Date;
  readonly until: Date;
}

/** What is still there of an account, beside its letters. */
export interface Leftovers {
  /** Receipts that their origin has not been told. */
  readonly noticesDue: number;
  /** Matrix events in its rooms that were not taken in. */
  readonly eventsOpen: number;
  /** Sightings that never became a letter. */
  readonly sightings: number;
  /** Letters that were mirrored out of an old mailbox that keeps them until its reader fetches them. */
  readonly mirrored: number;
  readonly links: number;
  /** What the bridge of the account has written down for itself. */
  readonly records: number;
}
