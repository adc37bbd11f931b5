import { GatewayError } from "../../model/errors.ts";
import type { Attempt, Lease, Store, Work } from "../store.ts";
import type { StoreCore } from "./core.ts";
import type { Connection, Transaction } from "./database.ts";
import { EVENT_COLUMNS, storedEventOf } from "./events.ts";
import { holdsLane } from "./lane-rows.ts";
import { deliveryIdOf, type LetterHead, lockLetter, moveLetter } from "./letter-rows.ts";
import { findLetter } from "./letters.ts";
import { RECEIPT_COLUMNS, storedReceiptOf } from "./receipts.ts";
import { optionalNumber } from "./rows.ts";
import { type LetterTransaction, writeLetters } from "./tallies.ts";

export function workMethods(core: StoreCore): Pick<Store, "nextWork" | "beginAttempt"> {
  return {
    nextWork: (lease, now) => core.db.read((connection) => nextWork(core, connection, lease, now)),
    beginAttempt: (lease, messageId, at) =>
      writeLetters(core, (tx) => beginAttempt(core, tx, lease, messageId, at)),
  };
}

/**
 * What is due in each of the three lines of a lane. The head of the events waits for nobody to overtake it, nor does the
 * head letter; notices are about different letters and may pass each other.
 */
const FIND_WORK = `SELECT
  (SELECT fence FROM lanes WHERE lane = ? AND owner = ? AND fence = ?) AS fence,
  (SELECT CASE WHEN next_at <= ? THEN seq END FROM events
     WHERE lane = ? AND state = 'new' ORDER BY seq LIMIT 1) AS event_seq,
  (SELECT MIN(id) FROM receipts
     WHERE lane = ? AND notice_state = 'due' AND next_at <= ?) AS receipt_id,
  (SELECT CASE WHEN state = 'sending' OR next_at <= ? THEN seq END FROM messages
     WHERE lane = ? AND state IN ('pending', 'sending', 'unknown')
       AND NOT (state = 'unknown' AND on_unknown = 'continue' AND (next_at IS NULL OR next_at > ?))
     ORDER BY seq LIMIT 1) AS letter_seq`;

async function nextWork(
  core: StoreCore,
  connection: Connection,
  lease: Lease,
  now: Date,
): Promise<Work | undefined> {
  const { lane, owner, fence } = lease;
  const time = now.getTime();
  const parameters = [lane, owner, fence, time, lane, lane, time, time, lane, time];
  const found = await connection.get(FIND_WORK, parameters);
  if (!found || found["fence"] === null) return undefined;
  const event = optionalNumber(found, "event_seq");
  if (event !== undefined) return eventWork(core, connection, event);
  const receipt = optionalNumber(found, "receipt_id");
  if (receipt !== undefined) return noticeWork(core, connection, receipt);
  const letter = optionalNumber(found, "letter_seq");
  if (letter === undefined) return undefined;
  const message = await findLetter(core, connection, "m.seq = ?", [letter]);
  return message && { kind: "letter", message };
}

async function eventWork(
  core: StoreCore,
  connection: Connection,
  seq: number,
): Promise<Work | undefined> {
  const sql = `SELECT ${EVENT_COLUMNS} FROM events WHERE seq = ?`;
  const row = await connection.get(sql, [seq]);
  return row && { kind: "event", event: storedEventOf(core, row) };
}

async function noticeWork(
  core: StoreCore,
  connection: Connection,
  id: number,
): Promise<Work | undefined> {
  const row = await connection.get(`SELECT ${RECEIPT_COLUMNS} FROM receipts WHERE id = ?`, [id]);
  if (!row) return undefined;
  const notice = storedReceiptOf(core, row);
  const message = await findLetter(core, connection, "m.id = ?", [notice.messageId]);
  return message && { kind: "notice", notice, message };
}

async function beginAttempt(
  core: StoreCore,
  tx: LetterTransaction,
  lease: Lease,
  messageId: string,
  at: Date,
): Promise<Attempt | undefined> {
  const letter = await takeLetter(tx, lease, messageId);
  if (!letter) return undefined;
  const attempts = letter.attempts + 1;
  const firstAttemptAt = letter.firstAttemptAt ?? at.getTime();
  await moveLetter(core, tx, letter, "sending", { attempts, firstAttemptAt });
  const last = await tx.get("SELECT MAX(n) AS n FROM attempts WHERE message_id = ?", [messageId]);
  const n = ((last && optionalNumber(last, "n")) ?? 0) + 1;
  const sql = "INSERT INTO attempts (message_id, n, started_at) VALUES (?, ?, ?)";
  await tx.run(sql, [messageId, n, at.getTime()]);
  return {
    n: attempts,
    deliveryId: deliveryIdOf(messageId, letter.generation),
    firstAttemptAt: new Date(firstAttemptAt),
  };
}

/** The letter under the lock of its lanes; undefined when somebody else holds the lane now. */
export async function takeLetter(
  tx: Transaction,
  lease: Lease,
  messageId: string,
): Promise<LetterHead | undefined> {
  const letter = await lockLetter(tx, messageId);
  if (letter.lane !== lease.lane)
    throw new GatewayError("NOT_ALLOWED", `letter ${messageId} is not in lane ${lease.lane}`);
  return (await holdsLane(tx, lease)) ? letter : undefined;
}
