import { GatewayError } from "../../model/errors.ts";
import { parseMessage } from "../../model/message.ts";
import { mayBecome, MESSAGE_STATES, type MessageState } from "../../model/state.ts";
import type { ErrorCode } from "../../model/errors.ts";
import type { Side } from "../../model/message.ts";
import { PHASE_NAMES } from "../../transition/phases.ts";
import type { StoredMessage } from "../store.ts";
import type { LetterTransaction } from "./tallies.ts";
import { notFound, type StoreCore } from "./core.ts";
import type { Connection, Row, Transaction } from "./database.ts";
import {
  bytesOf,
  given,
  numberOf,
  optionalBytes,
  optionalCode,
  optionalNumber,
  optionalText,
  optionalTime,
  sideOf,
  textOf,
  timeOf,
  wordOf,
} from "./rows.ts";

const COLUMN_NAMES = [
  ...["seq", "id", "account", "origin", "destination", "conversation_id", "lane", "origin_lane"],
  ...["digest", "state", "code", "detail", "attempts", "next_at", "first_attempt_at"],
  ...["generation", "remote_id", "accepted_at", "settled_at", "body", "phase", "rule", "copy_of"],
];
/** Everything that `storedMessageOf` reads, from a table called m. */
export const LETTER_COLUMNS = COLUMN_NAMES.map((name) => `m.${name}`).join(", ");

export function storedMessageOf(core: StoreCore, row: Row): StoredMessage {
  const id = textOf(row, "id");
  return {
    message: parseMessage(core.seals.open(bytesOf(row, "body"), bodyPlace(id))),
    seq: numberOf(row, "seq"),
    origin: sideOf(row, "origin"),
    destination: sideOf(row, "destination"),
    conversationId: textOf(row, "conversation_id"),
    lane: textOf(row, "lane"),
    originLane: textOf(row, "origin_lane"),
    digest: textOf(row, "digest"),
    state: wordOf(row, "state", MESSAGE_STATES),
    attempts: numberOf(row, "attempts"),
    deliveryId: deliveryIdOf(id, numberOf(row, "generation")),
    acceptedAt: timeOf(row, "accepted_at"),
    ...given({
      code: optionalCode(row, "code"),
      detail: core.seals.openOptional(optionalBytes(row, "detail"), detailPlace(id)),
      nextAttemptAt: optionalTime(row, "next_at"),
      firstAttemptAt: optionalTime(row, "first_attempt_at"),
      remoteId: optionalText(row, "remote_id"),
      settledAt: optionalTime(row, "settled_at"),
      ...decisionOf(row),
    }),
  };
}

/** What the columns `phase`, `rule` and `copy_of` say. */
export function decisionOf(row: Row) {
  return {
    phase: row["phase"] === null ? undefined : wordOf(row, "phase", PHASE_NAMES),
    rule: optionalText(row, "rule"),
    copyOf: optionalText(row, "copy_of"),
  };
}

export function bodyPlace(id: string): string {
  return `messages/${id}/body`;
}
export function detailPlace(id: string): string {
  return `messages/${id}/detail`;
}
export function deliveryIdOf(id: string, generation: number): string {
  return `${id}.${String(generation)}`;
}

/** A letter without its content: what the steps of its life need. */
export interface LetterHead {
  readonly id: string;
  readonly account: string;
  readonly origin: Side;
  readonly lane: string;
  readonly originLane: string;
  readonly state: MessageState;
  readonly attempts: number;
  readonly firstAttemptAt: number | null;
  readonly generation: number;
  readonly remoteId: string | null;
  /** A copy of another letter, for the side that does not count. */
  readonly isCopy: boolean;
}

export async function findHead(
  connection: Connection,
  id: string,
): Promise<LetterHead | undefined> {
  const row = await connection.get(
    `SELECT id, account, origin, lane, origin_lane, state, attempts, first_attempt_at, generation, remote_id,
       copy_of FROM messages WHERE id = ?`,
    [id],
  );
  return (
    row && {
      id: textOf(row, "id"),
      account: textOf(row, "account"),
      origin: sideOf(row, "origin"),
      lane: textOf(row, "lane"),
      originLane: textOf(row, "origin_lane"),
      state: wordOf(row, "state", MESSAGE_STATES),
      attempts: numberOf(row, "attempts"),
      firstAttemptAt: optionalNumber(row, "first_attempt_at") ?? null,
      generation: numberOf(row, "generation"),
      remoteId: optionalText(row, "remote_id") ?? null,
      isCopy: row["copy_of"] !== null,
    }
  );
}

/** Locks the letter's lanes and reads its state under the lock. Lanes never change, so the first look may be unlocked. */
export async function lockLetter(tx: Transaction, id: string): Promise<LetterHead> {
  const seen = await findHead(tx, id);
  if (!seen) throw notFound(`letter ${id}`);
  await tx.lockLanes([seen.lane, seen.originLane]);
  const head = await findHead(tx, id);
  if (!head) throw notFound(`letter ${id}`);
  return head;
}

/** What a step changes beside the state. `code`, `detail`, `nextAt`, `settledAt` not given: emptied. Others: kept. */
export interface LetterChange {
  readonly code?: ErrorCode;
  readonly detail?: string;
  readonly nextAt?: Date;
  readonly settledAt?: Date;
  readonly remoteId?: string;
  readonly attempts?: number;
  readonly firstAttemptAt?: number | null;
  readonly generation?: number;
}

/**
 * The only place where the state of a stored letter changes; the lane must be locked. Throws NOT_ALLOWED for a step that
 * the table in model/state.ts does not know. `unknown` may stay: the other side was asked and could not tell.
 */
export async function moveLetter(
  core: StoreCore,
  tx: LetterTransaction,
  head: LetterHead,
  to: MessageState,
  change: LetterChange = {},
): Promise<void> {
  const stays = head.state === "unknown" && to === "unknown";
  if (!stays && !mayBecome(head.state, to))
    throw new GatewayError("NOT_ALLOWED", `letter ${head.id} is ${head.state}, not to be ${to}`);
  const changed = await tx.run(
    `UPDATE messages SET state = ?, code = ?, detail = ?, next_at = ?, settled_at = ?,
       remote_id = ?, attempts = ?, first_attempt_at = ?, generation = ?
     WHERE id = ? AND state = ?`,
    [
      to,
      change.code ?? null,
      core.seals.sealOptional(change.detail, detailPlace(head.id)),
      change.nextAt?.getTime() ?? null,
      change.settledAt?.getTime() ?? null,
      change.remoteId ?? head.remoteId,
      change.attempts ?? head.attempts,
      change.firstAttemptAt === undefined ? head.firstAttemptAt : change.firstAttemptAt,
      change.generation ?? head.generation,
      head.id,
      head.state,
    ],
  );
  if (changed !== 1)
    throw new GatewayError("INTERNAL", `letter ${head.id} changed under the lock of its lane`);
  tx.count(head, head.state, -1);
  // A copy that is under way is owed to somebody; one that arrived is not a second letter.
  if (!head.isCopy || to !== "delivered") tx.count(head, to, 1);
}
