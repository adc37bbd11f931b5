import { RECEIPT_RANK, type Receipt, type ReceiptKind, rankOf } from "../../model/receipt.ts";
import type { Store, StoredReceipt } from "../store.ts";
import { boundedLimit, type StoreCore } from "./core.ts";
import type { Row, Transaction } from "./database.ts";
import { markDue } from "./lane-rows.ts";
import { type LetterHead, lockLetter } from "./letter-rows.ts";
import {
  blobColumns,
  given,
  numberOf,
  optionalBlob,
  optionalBytes,
  textOf,
  timeOf,
  wordOf,
} from "./rows.ts";

export const RECEIPT_COLUMNS = `id, message_id, kind, at, evidence_digest, evidence_size, detail, notice,
  notice_state, notice_attempts, recorded_at`;
const NOTICE_STATES = ["due", "told", "superseded", "not-wanted", "gave-up"] as const;
const KINDS = Object.keys(RECEIPT_RANK) as ReceiptKind[];

type ReceiptMethods = Pick<Store, "addReceipt" | "withoutReceiptUpTo">;

export function receiptMethods(core: StoreCore): ReceiptMethods {
  return {
    addReceipt: (messageId, receipt, at) =>
      core.db.write(async (tx) => {
        const head = await lockLetter(tx, messageId);
        return recordReceipt(core, tx, head, receipt, at);
      }),
    withoutReceiptUpTo: (messageId, kind, limit) =>
      core.db.read(async (connection) => {
        const rows = await connection.all(WITHOUT_RECEIPT, [messageId, kind, boundedLimit(limit)]);
        return rows.map((row) => textOf(row, "id"));
      }),
  };
}

/**
 * Order of appearance in the room, not `seq`: a letter that was held and released stands behind letters with higher
 * numbers, and nobody has seen it just because they have read those.
 */
const WITHOUT_RECEIPT = `
  SELECT m.id FROM messages m
  JOIN (
    SELECT conversation_id, seq,
      CASE WHEN origin = 'legacy' THEN settled_at ELSE accepted_at END AS appeared_at
    FROM messages WHERE id = ?
  ) upto ON m.conversation_id = upto.conversation_id
  WHERE m.origin = 'legacy' AND m.destination = 'matrix' AND m.state = 'delivered'
    AND (m.settled_at < upto.appeared_at OR (m.settled_at = upto.appeared_at AND m.seq <= upto.seq))
    AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.message_id = m.id AND r.kind = ?)
  ORDER BY m.seq LIMIT ?`;

/**
 * Once per kind. Only the highest stage so far is told: it takes the place of a lower one that was not told yet, and a
 * lower one that comes late is only written down. false: this kind was there already.
 */
export async function recordReceipt(
  core: StoreCore,
  tx: Transaction,
  letter: Pick<LetterHead, "id" | "originLane">,
  receipt: Receipt,
  at: Date,
): Promise<boolean> {
  const known = await tx.all("SELECT kind, rank FROM receipts WHERE message_id = ?", [letter.id]);
  if (known.some((row) => textOf(row, "kind") === receipt.kind)) return false;
  const rank = rankOf(receipt.kind);
  const isHighest = known.every((row) => numberOf(row, "rank") < rank);
  if (isHighest) {
    if (known.length > 0)
      await tx.run(
        "UPDATE receipts SET notice_state = 'superseded' WHERE message_id = ? AND notice_state = 'due'",
        [letter.id],
      );
    await markDue(tx, letter.originLane, at);
  }
  await tx.run(
    `INSERT INTO receipts (message_id, kind, rank, at, evidence_digest, evidence_size, detail, notice,
       lane, notice_state, next_at, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      letter.id,
      receipt.kind,
      rank,
      receipt.at.getTime(),
      ...blobColumns(receipt.evidence),
      core.seals.sealOptional(receipt.detail, placeOf(letter.id, receipt.kind, "detail")),
      core.seals.sealOptional(receipt.notice, placeOf(letter.id, receipt.kind, "notice")),
      letter.originLane,
      isHighest ? "due" : "superseded",
      at.getTime(),
      at.getTime(),
    ],
  );
  return true;
}

export function storedReceiptOf(core: StoreCore, row: Row): StoredReceipt {
  const messageId = textOf(row, "message_id");
  const kind = wordOf(row, "kind", KINDS);
  const text = (column: "detail" | "notice") =>
    core.seals.openOptional(optionalBytes(row, column), placeOf(messageId, kind, column));
  return {
    id: numberOf(row, "id"),
    messageId,
    kind,
    at: timeOf(row, "at"),
    noticeState: wordOf(row, "notice_state", NOTICE_STATES),
    noticeAttempts: numberOf(row, "notice_attempts"),
    recordedAt: timeOf(row, "recorded_at"),
    ...given({
      evidence: optionalBlob(row, "evidence"),
      detail: text("detail"),
      notice: text("notice"),
    }),
  };
}

function placeOf(messageId: string, kind: ReceiptKind, column: string): string {
  return `receipts/${messageId}/${kind}/${column}`;
}
