import type {
  AttemptRow,
  MessageFilter,
  Settlement,
  Store,
  StoredMessage,
  Trace,
} from "../store.ts";
import { auditAbout } from "./audit.ts";
import { readConversation } from "./conversations.ts";
import { boundedLimit, MAX_LISTED, notFound, type StoreCore } from "./core.ts";
import type { Connection, Row, SqlValue } from "./database.ts";
import { LETTER_COLUMNS, storedMessageOf } from "./letter-rows.ts";
import { QUARANTINE_COLUMNS, quarantineItemOf } from "./quarantine-rows.ts";
import { RECEIPT_COLUMNS, storedReceiptOf } from "./receipts.ts";
import { given, numberOf, optionalBytes, optionalCode, optionalTime } from "./rows.ts";
import { textOf, timeOf, wordOf } from "./rows.ts";

const OUTCOMES: readonly Settlement["outcome"][] = [
  ...(["delivered", "transient", "permanent", "unknown", "absent", "held"] as const),
];

type LetterMethods = Pick<
  Store,
  "message" | "messageBySource" | "messageByRemote" | "listMessages" | "trace"
>;

export function letterMethods(core: StoreCore): LetterMethods {
  const { db } = core;
  return {
    message: (id) => db.read((connection) => findLetter(core, connection, "m.id = ?", [id])),
    messageBySource: (account, sourceId) =>
      db.read((connection) =>
        findLetter(core, connection, "m.account = ? AND m.source_id = ?", [account, sourceId]),
      ),
    messageByRemote: (account, remoteId) =>
      db.read((connection) => findByRemote(core, connection, account, remoteId)),
    listMessages: (filter) => db.read((connection) => listMessages(core, connection, filter)),
    trace: (id) => db.snapshot((connection) => traceLetter(core, connection, id)),
  };
}

export async function findLetter(
  core: StoreCore,
  connection: Connection,
  where: string,
  parameters: readonly SqlValue[],
): Promise<StoredMessage | undefined> {
  const sql = `SELECT ${LETTER_COLUMNS} FROM messages m WHERE ${where} ORDER BY m.seq DESC LIMIT 1`;
  const row = await connection.get(sql, parameters);
  return row && storedMessageOf(core, row);
}

async function findByRemote(
  core: StoreCore,
  connection: Connection,
  account: string | undefined,
  remoteId: string,
): Promise<StoredMessage | undefined> {
  const ofAccount = account === undefined ? "" : "AND m.account = ?";
  const parameters = account === undefined ? [remoteId] : [remoteId, account];
  const whole = await findLetter(core, connection, `m.remote_id = ? ${ofAccount}`, parameters);
  if (whole) return whole;
  const isPart = `m.id IN (SELECT message_id FROM remote_parts WHERE part = ?) ${ofAccount}`;
  return findLetter(core, connection, isPart, parameters);
}

/**
 * The numbers are picked from an index first, so that no body is read in vain. Nearly every letter is delivered, and that
 * state is in no index: it is looked for along `seq`.
 */
async function listMessages(
  core: StoreCore,
  connection: Connection,
  filter: MessageFilter,
): Promise<readonly StoredMessage[]> {
  const newest = filter.order === "newest";
  const conditions: string[] = [];
  const parameters: SqlValue[] = [];
  const add = (condition: string, value: SqlValue | undefined) => {
    if (value === undefined) return;
    conditions.push(condition);
    parameters.push(value);
  };
  add("account = ?", filter.account);
  add("origin = ?", filter.origin);
  add("destination = ?", filter.destination);
  add("state = ?", filter.state);
  add("conversation_id = ?", filter.conversationId);
  add(newest ? "seq < ?" : "seq > ?", filter.after);
  if (filter.state !== undefined && filter.state !== "delivered")
    conditions.push("state <> 'delivered'");
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const order = newest ? "DESC" : "ASC";
  const picked = `SELECT seq FROM messages ${where} ORDER BY seq ${order} LIMIT ?`;
  const sql = `SELECT ${LETTER_COLUMNS} FROM messages m WHERE m.seq IN (${picked}) ORDER BY m.seq ${order}`;
  const rows = await connection.all(sql, [...parameters, boundedLimit(filter.limit)]);
  return rows.map((row) => storedMessageOf(core, row));
}

async function traceLetter(
  core: StoreCore,
  connection: Connection,
  id: string,
): Promise<Trace | undefined> {
  const stored = await findLetter(core, connection, "m.id = ?", [id]);
  if (!stored) return undefined;
  const conversation = await readConversation(core, connection, stored.conversationId);
  if (!conversation) throw notFound(`conversation ${stored.conversationId}`);
  const rowsOf = (columns: string, table: string, order: string) =>
    connection.all(
      `SELECT ${columns} FROM ${table} WHERE message_id = ? ORDER BY ${order} LIMIT ?`,
      [id, MAX_LISTED],
    );
  const attempts = await rowsOf("n, started_at, ended_at, outcome, code, detail", "attempts", "n");
  const receipts = await rowsOf(RECEIPT_COLUMNS, "receipts", "id");
  const parts = await rowsOf("part", "remote_parts", "n");
  const cases = await rowsOf(QUARANTINE_COLUMNS, "quarantine", "created_at, id");
  const quarantine = cases.map((row) => quarantineItemOf(core, row));
  return {
    stored,
    conversation,
    attempts: attempts.map((row) => attemptOf(core, id, row)),
    receipts: receipts.map((row) => storedReceiptOf(core, row)),
    parts: parts.map((row) => textOf(row, "part")),
    quarantine,
    audit: await auditAbout(connection, [id, ...quarantine.map((item) => item.id)]),
  };
}

function attemptOf(core: StoreCore, messageId: string, row: Row): AttemptRow {
  const n = numberOf(row, "n");
  const detail = optionalBytes(row, "detail");
  return {
    n,
    startedAt: timeOf(row, "started_at"),
    ...given({
      endedAt: optionalTime(row, "ended_at"),
      outcome: row["outcome"] === null ? undefined : wordOf(row, "outcome", OUTCOMES),
      code: optionalCode(row, "code"),
      detail: core.seals.openOptional(detail, attemptPlace(messageId)),
    }),
  };
}

export function attemptPlace(messageId: string): string {
  return `attempts/${messageId}/detail`;
}
