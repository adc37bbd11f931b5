import type { BlobRef } from "./message.ts";

/**
 * The stages a letter can reach, ranked after the idea of ETSI REM evidence: a higher one overrules a lower one and a
 * lower one that arrives late never takes anything back. `in-doubt` is ours: the outcome is being checked.
 */
export const RECEIPT_RANK = {
  "submission-accepted": 10,
  delayed: 15,
  "in-doubt": 20,
  relayed: 30,
  "submission-rejected": 40,
  "not-delivered": 45,
  delivered: 60,
  retrieved: 80,
  "reply-accepted": 85,
  "reply-rejected": 86,
  "recipient-gone": 90,
} as const;

export type ReceiptKind = keyof typeof RECEIPT_RANK;

/** A stage reached. `at`: when it happened there, not when we learned of it. */
export interface Receipt {
  readonly kind: ReceiptKind;
  readonly at: Date;
  /** The untouched bytes that prove it. */
  readonly evidence?: BlobRef;
  /** For operators and `trace`; never content. */
  readonly detail?: string;
  /** German sentence for the sender when the kind alone does not say enough. */
  readonly notice?: string;
}

export function rankOf(kind: ReceiptKind): number {
  return RECEIPT_RANK[kind];
}

/** May `next` change what the sender is shown, when `shown` is the highest so far? */
export function overrules(next: ReceiptKind, shown: ReceiptKind | undefined): boolean {
  return shown === undefined || rankOf(next) > rankOf(shown);
}
