/**
 * pending: waits for its turn in the lane. sending: an attempt began (committed before the first byte leaves).
 * delivered, rejected: final. failed: gave up, an operator may resend. unknown: the remote may have it.
 * held: in quarantine until an operator or a new link releases it.
 */
export const MESSAGE_STATES = [
  "pending",
  "sending",
  "delivered",
  "failed",
  "unknown",
  "held",
  "rejected",
] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

const TRANSITIONS: Record<MessageState, readonly MessageState[]> = {
  pending: ["sending", "held", "failed"],
  sending: ["delivered", "pending", "failed", "unknown", "held"],
  delivered: [],
  failed: ["pending"],
  unknown: ["delivered", "pending", "failed"],
  held: ["pending", "rejected"],
  rejected: [],
};

/** Is this step in the table of legal transitions? Every state change in a store is checked against it. */
export function mayBecome(from: MessageState, to: MessageState): boolean {
  return TRANSITIONS[from].includes(to);
}

/** States in which a letter is still owed to somebody: never purged, counted in `oldest pending`. */
export const UNFINISHED: readonly MessageState[] = ["pending", "sending", "unknown", "held"];
