import type { MessageState } from "../../model/state.ts";
import type { Lease, NoticeResult, Settlement, Store, StoredReceipt } from "../store.ts";
import type { StoreCore } from "./core.ts";
import type { Transaction } from "./database.ts";
import { holdsLane } from "./lane-rows.ts";
import { type LetterChange, type LetterHead, moveLetter } from "./letter-rows.ts";
import { attemptPlace, findLetter } from "./letters.ts";
import { keepInQuarantine } from "./quarantine-rows.ts";
import { recordReceipt } from "./receipts.ts";
import { type LetterTransaction, writeLetters } from "./tallies.ts";
import { takeLetter } from "./work.ts";

export function settleMethods(core: StoreCore): Pick<Store, "settle" | "settleNotice"> {
  return {
    settle: (lease, messageId, settlement, at) =>
      writeLetters(core, (tx) => settle(core, tx, lease, messageId, settlement, at)),
    settleNotice: (lease, notice, result, at) =>
      core.db.write((tx) => settleNotice(core, tx, lease, notice, result, at)),
  };
}

const NEXT_STATE: Readonly<Record<Settlement["outcome"], MessageState>> = {
  delivered: "delivered",
  transient: "pending",
  absent: "pending",
  permanent: "failed",
  unknown: "unknown",
  held: "held",
};

async function settle(
  core: StoreCore,
  tx: LetterTransaction,
  lease: Lease,
  messageId: string,
  settlement: Settlement,
  at: Date,
): Promise<boolean> {
  const letter = await takeLetter(tx, lease, messageId);
  if (!letter) return false;
  const change = changeOf(settlement, at);
  await moveLetter(core, tx, letter, NEXT_STATE[settlement.outcome], change);
  await endAttempt(core, tx, messageId, settlement, at);
  if (settlement.outcome === "delivered") await keepParts(tx, letter, settlement.parts);
  if (settlement.outcome === "held") await holdLetter(core, tx, letter, settlement, at);
  if ("receipt" in settlement && settlement.receipt)
    await recordReceipt(core, tx, letter, settlement.receipt, at);
  return true;
}

function changeOf(settlement: Settlement, at: Date): LetterChange {
  switch (settlement.outcome) {
    case "delivered":
      return { remoteId: settlement.remoteId, settledAt: at };
    case "transient":
      return { code: settlement.code, detail: settlement.detail, nextAt: settlement.nextAt };
    case "permanent":
      return { code: settlement.code, detail: settlement.detail, settledAt: at };
    case "unknown": {
      const { code, detail, nextAt } = settlement;
      return { code, detail, ...(nextAt ? { nextAt } : {}) };
    }
    case "absent":
      return { detail: settlement.detail, nextAt: at };
    case "held":
      return { code: settlement.code, detail: settlement.detail };
  }
}

/** Only a running attempt ends; when the other side was asked about an old one, its record stays as it was. */
async function endAttempt(
  core: StoreCore,
  tx: Transaction,
  messageId: string,
  settlement: Settlement,
  at: Date,
): Promise<void> {
  const facts = "code" in settlement ? settlement.code : null;
  const detail = "detail" in settlement ? settlement.detail : undefined;
  await tx.run(
    `UPDATE attempts SET ended_at = ?, outcome = ?, code = ?, detail = ?
     WHERE message_id = ? AND ended_at IS NULL`,
    [
      at.getTime(),
      settlement.outcome,
      facts,
      core.seals.sealOptional(detail, attemptPlace(messageId)),
      messageId,
    ],
  );
}

/** A name that another letter of the account bears already stays with that letter. */
async function keepParts(
  tx: Transaction,
  letter: LetterHead,
  parts: readonly string[],
): Promise<void> {
  for (const [index, part] of parts.entries())
    await tx.run(
      "INSERT INTO remote_parts (message_id, n, account, part) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      [letter.id, index, letter.account, part],
    );
}

async function holdLetter(
  core: StoreCore,
  tx: Transaction,
  letter: LetterHead,
  { code, detail }: Extract<Settlement, { outcome: "held" }>,
  at: Date,
): Promise<void> {
  const stored = await findLetter(core, tx, "m.id = ?", [letter.id]);
  if (!stored) return;
  const { sourceId, original } = stored.message;
  const item = { account: letter.account, side: letter.origin, sourceId, code, detail };
  const whole = { ...item, messageId: letter.id, ...(original ? { original } : {}) };
  await keepInQuarantine(core, tx, whole, at);
}

/** A notice that a higher stage took the place of while it was on its way: told is told, but it is not tried again. */
async function settleNotice(
  core: StoreCore,
  tx: Transaction,
  lease: Lease,
  notice: StoredReceipt,
  result: NoticeResult,
  at: Date,
): Promise<boolean> {
  await tx.lockLanes([lease.lane]);
  if (!(await holdsLane(tx, lease))) return false;
  const detail = core.seals.sealOptional(result.detail, `receipts/${String(notice.id)}/result`);
  const nextAt = result.outcome === "retry" ? result.nextAt : at;
  const states = result.outcome === "retry" ? "('due')" : "('due', 'superseded')";
  await tx.run(
    `UPDATE receipts SET notice_state = ?, notice_attempts = notice_attempts + 1, next_at = ?,
       notice_detail = ? WHERE id = ? AND lane = ? AND notice_state IN ${states}`,
    [
      result.outcome === "retry" ? "due" : result.outcome,
      nextAt.getTime(),
      detail,
      notice.id,
      lease.lane,
    ],
  );
  return true;
}
