import { type ErrorCode, noticeFor } from "../../model/errors.ts";
import type { QuarantineFilter, QuarantineItem, Store } from "../store.ts";
import { writeAudit } from "./audit.ts";
import { boundedLimit, type StoreCore } from "./core.ts";
import type { Connection, SqlValue } from "./database.ts";
import { markDue } from "./lane-rows.ts";
import { lockLetter, moveLetter } from "./letter-rows.ts";
import { keepInQuarantine, QUARANTINE_COLUMNS, quarantineItemOf } from "./quarantine-rows.ts";
import { recordReceipt } from "./receipts.ts";
import { textOf } from "./rows.ts";
import { type LetterTransaction, writeLetters } from "./tallies.ts";

type QuarantineMethods = Pick<
  Store,
  "quarantine" | "listQuarantine" | "quarantineItem" | "closeQuarantine" | "releaseHeld"
>;
/** Letters held for one mailbox that are released together; beyond this, call again. */
const MAX_RELEASED = 100_000;
type Verdict = "released" | "rejected";

export function quarantineMethods(core: StoreCore): QuarantineMethods {
  const { db } = core;
  return {
    quarantine: (item, at) =>
      db.write((tx) => keepInQuarantine(core, tx, item, at, `input/${item.sourceId}`)),
    listQuarantine: (filter) => db.read((connection) => list(core, connection, filter)),
    quarantineItem: (id) => db.read((connection) => findItem(core, connection, id)),
    closeQuarantine: (id, to, by, at) =>
      writeLetters(core, async (tx) => {
        const item = await findItem(core, tx, id);
        return item !== undefined && (await closeItem(core, tx, item, to, by, at));
      }),
    releaseHeld: (account, mailbox, code, by, at) =>
      writeLetters(core, (tx) => releaseHeld(core, tx, { account, mailbox, code }, by, at)),
  };
}

async function list(
  core: StoreCore,
  connection: Connection,
  filter: QuarantineFilter,
): Promise<readonly QuarantineItem[]> {
  const conditions: string[] = [];
  const parameters: SqlValue[] = [];
  if (filter.account !== undefined) {
    conditions.push("account = ?");
    parameters.push(filter.account);
  }
  if (filter.state === "open") {
    // As a fixed text, so that the partial index is found.
    conditions.push("state = 'open'");
  } else if (filter.state !== undefined) {
    conditions.push("state = ?");
    parameters.push(filter.state);
  }
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const sql = `SELECT ${QUARANTINE_COLUMNS} FROM quarantine ${where}
    ORDER BY created_at DESC, id DESC LIMIT ?`;
  const rows = await connection.all(sql, [...parameters, boundedLimit(filter.limit)]);
  return rows.map((row) => quarantineItemOf(core, row));
}

async function findItem(
  core: StoreCore,
  connection: Connection,
  id: string,
): Promise<QuarantineItem | undefined> {
  const sql = `SELECT ${QUARANTINE_COLUMNS} FROM quarantine WHERE id = ?`;
  const row = await connection.get(sql, [id]);
  return row && quarantineItemOf(core, row);
}

async function closeItem(
  core: StoreCore,
  tx: LetterTransaction,
  item: QuarantineItem,
  to: Verdict,
  by: string,
  at: Date,
): Promise<boolean> {
  const letter = item.messageId === undefined ? undefined : await lockLetter(tx, item.messageId);
  const sql =
    "UPDATE quarantine SET state = ?, closed_at = ?, closed_by = ? WHERE id = ? AND state = 'open'";
  if ((await tx.run(sql, [to, at.getTime(), by, item.id])) === 0) return false;
  if (letter?.state === "held") {
    if (to === "released") {
      await moveLetter(core, tx, letter, "pending", { nextAt: at });
      await markDue(tx, letter.lane, at);
    } else {
      const { code, detail } = item;
      await moveLetter(core, tx, letter, "rejected", { code, detail, settledAt: at });
      const receipt = { kind: "not-delivered", at, detail: code, notice: noticeFor(code) } as const;
      await recordReceipt(core, tx, letter, receipt, at);
    }
  }
  const detail = { code: item.code, ...(letter ? { message: letter.id } : {}) };
  const action = `quarantine-${to}`;
  await writeAudit(core, tx, { actor: by, action, subject: item.id, detail }, at);
  return true;
}

/** In the order in which the letters came. All lanes are locked before the first audit entry: see `lockGlobally`. */
async function releaseHeld(
  core: StoreCore,
  tx: LetterTransaction,
  held: { account: string; mailbox: string; code: ErrorCode },
  by: string,
  at: Date,
): Promise<number> {
  const waiting = await tx.all(HELD_LETTERS, [held.account, held.code, held.mailbox, MAX_RELEASED]);
  const lanes = waiting.flatMap((row) => [textOf(row, "lane"), textOf(row, "origin_lane")]);
  await tx.lockLanes(lanes);
  let released = 0;
  for (const row of waiting) {
    const id = textOf(row, "quarantine_id");
    const item = await findItem(core, tx, id);
    if (item && (await closeItem(core, tx, item, "released", by, at))) released += 1;
  }
  return released;
}

/** The second condition lets SQLite find the index of open letters. */
const HELD_LETTERS = `SELECT q.id AS quarantine_id, m.lane, m.origin_lane
  FROM messages m
  JOIN conversations c ON c.id = m.conversation_id
  JOIN quarantine q ON q.message_id = m.id AND q.state = 'open'
  WHERE m.state = 'held' AND m.state <> 'delivered' AND m.account = ? AND m.code = ?
    AND c.local_address = ?
  ORDER BY m.seq LIMIT ?`;
