import { z } from "zod";
import { ERRORS } from "../../src/model/errors.ts";
import type { ErrorCode } from "../../src/model/errors.ts";
import { blobRefSchema } from "../../src/model/message.ts";
import type { MessageState } from "../../src/model/state.ts";

const problem = z.object({
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  detail: z.string(),
});
/** Why a reply cannot become a message. */
export type ReplyProblem = z.output<typeof problem>;

/** What is written down about a reply of ZBP until it has a final status. */
const schema = z.object({
  id: z.string().min(1),
  /** Replies of one case go one after another. */
  lane: z.string(),
  step: z.enum(["fetched", "collected", "accepted", "bad"]),
  /** Grows in the order in which replies were listed. */
  order: z.number(),
  /** The item as ZBP listed it, JSON. */
  original: blobRefSchema,
  files: z.array(z.object({ name: z.string(), mediaType: z.string(), blob: blobRefSchema })),
  /** Ours, once accepted. */
  messageId: z.string().optional(),
  problem: problem.optional(),
});
export type ReplyRecord = z.output<typeof schema>;

export const REPLY_PREFIX = "reply:";
/** Key of the record, and source id of the message that the reply becomes. */
export function replyKey(id: string): string {
  return REPLY_PREFIX + id;
}

/** @throws ZodError for anything that we did not write */
export function parseRecord(json: string): ReplyRecord {
  return schema.parse(JSON.parse(json));
}

/** Has the letter in Matrix come to an end, so that ZBP can be told? `unknown` and `held` have not. */
export function isOver(state: MessageState): boolean {
  return state === "delivered" || state === "failed" || state === "rejected";
}

let lastOrder = 0;
/** Grows with every reply, also within one millisecond: the order in which ZBP listed them. */
export function nextOrder(): number {
  lastOrder = Math.max(lastOrder + 1, Date.now());
  return lastOrder;
}

export function inOrder(records: readonly ReplyRecord[]): ReplyRecord[] {
  return [...records].sort((a, b) => a.order - b.order);
}
