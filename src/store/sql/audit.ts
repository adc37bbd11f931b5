import { z } from "zod";
import { digestOf } from "../../model/id.ts";
import type { AuditEntry, NewAudit, Store } from "../store.ts";
import { boundedLimit, type StoreCore } from "./core.ts";
import type { Connection, Row, SqlValue, Transaction } from "./database.ts";
import { readFact, writeFact } from "./facts.ts";
import { given, numberOf, optionalText, textOf, timeOf } from "./rows.ts";

const COLUMNS = "seq, at, actor, action, subject, detail, hash";
/** Entries that `verifyAudit` holds at a time. */
const VERIFY_PAGE = 1_000;
const HEAD = { scope: "gateway", key: "audit-head" } as const;

const detailSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const headSchema = z.object({ seq: z.int().nonnegative(), hash: z.string() });
type Head = z.output<typeof headSchema>;
const EMPTY: Head = { seq: 0, hash: "" };

type AuditMethods = Pick<Store, "appendAudit" | "listAudit" | "verifyAudit">;

export function auditMethods(core: StoreCore): AuditMethods {
  return {
    appendAudit: (entry, at) => core.db.write((tx) => writeAudit(core, tx, entry, at)),
    listAudit: (filter) =>
      core.db.read(async (connection) => {
        const bySubject = filter.subject === undefined ? "" : "WHERE subject = ?";
        const parameters: SqlValue[] = filter.subject === undefined ? [] : [filter.subject];
        const sql = `SELECT ${COLUMNS} FROM audit ${bySubject} ORDER BY seq DESC LIMIT ?`;
        const limit = boundedLimit(filter.limit);
        return (await connection.all(sql, [...parameters, limit])).map((row) => entryOf(row));
      }),
    verifyAudit: () => verifyAudit(core),
  };
}

/** Appends to the chain, inside the transaction that does what the entry says. Takes the last lock: call it last. */
export async function writeAudit(
  core: StoreCore,
  tx: Transaction,
  entry: NewAudit,
  at: Date,
): Promise<void> {
  await tx.lockGlobally("audit");
  const head = await readHead(core, tx);
  const seq = head.seq + 1;
  const detail = entry.detail === undefined ? null : JSON.stringify(entry.detail);
  const { actor, action, subject } = entry;
  const hash = hashOf(head.hash, { seq, at: at.getTime(), actor, action, subject, detail });
  await tx.run(`INSERT INTO audit (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`, [
    seq,
    at.getTime(),
    actor,
    action,
    subject,
    detail,
    hash,
  ]);
  await writeFact(core, tx, HEAD.scope, HEAD.key, JSON.stringify({ seq, hash }));
}

/** Entries about any of these subjects, in the order they were written. */
export async function auditAbout(
  connection: Connection,
  subjects: readonly string[],
): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (const subject of subjects) {
    const sql = `SELECT ${COLUMNS} FROM audit WHERE subject = ? ORDER BY seq LIMIT ?`;
    entries.push(...(await connection.all(sql, [subject, VERIFY_PAGE])).map((row) => entryOf(row)));
  }
  return entries.sort((a, b) => a.seq - b.seq);
}

/**
 * The head is read first: what is appended meanwhile only has to continue the chain. An entry that is missing at the
 * end shows as the last one that is there, or, when none is left, as an entry with the action "missing".
 */
async function verifyAudit(core: StoreCore): Promise<AuditEntry | undefined> {
  const { head, first } = await core.db.snapshot(async (connection) => ({
    head: await readHead(core, connection),
    first: await connection.get(`SELECT ${COLUMNS} FROM audit ORDER BY seq LIMIT 1`, []),
  }));
  if (first && head.seq === 0) return entryOf(first, "without-detail");
  let last: Row | undefined;
  let link: Head = EMPTY;
  for (;;) {
    const sql = `SELECT ${COLUMNS} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`;
    const parameters = [link.seq, VERIFY_PAGE];
    const rows = await core.db.read((connection) => connection.all(sql, parameters));
    for (const row of rows) {
      if (!continues(link, row, head)) return entryOf(row, "without-detail");
      link = { seq: numberOf(row, "seq"), hash: textOf(row, "hash") };
      last = row;
    }
    if (rows.length < VERIFY_PAGE) break;
  }
  if (link.seq >= head.seq) return undefined;
  return last ? entryOf(last) : missingEntry(head);
}

function continues(link: Head, row: Row, head: Head): boolean {
  const seq = numberOf(row, "seq");
  const hash = textOf(row, "hash");
  if (seq !== link.seq + 1 || hash !== hashOfRow(link.hash, row)) return false;
  return seq !== head.seq || hash === head.hash;
}

function missingEntry({ seq, hash }: Head): AuditEntry {
  return { seq, hash, at: new Date(0), actor: "", action: "missing", subject: "" };
}

async function readHead(core: StoreCore, connection: Connection): Promise<Head> {
  const kept = await readFact(core, connection, HEAD.scope, HEAD.key);
  return kept === undefined ? EMPTY : headSchema.parse(JSON.parse(kept));
}

interface HashedEntry {
  readonly seq: number;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly detail: string | null;
}

function hashOf(previous: string, entry: HashedEntry): string {
  const { seq, at, actor, action, subject, detail } = entry;
  return digestOf(previous, String(seq), String(at), actor, action, subject, detail ?? "");
}

function hashOfRow(previous: string, row: Row): string {
  return hashOf(previous, {
    seq: numberOf(row, "seq"),
    at: numberOf(row, "at"),
    actor: textOf(row, "actor"),
    action: textOf(row, "action"),
    subject: textOf(row, "subject"),
    detail: optionalText(row, "detail") ?? null,
  });
}

/** The detail of a broken entry may be anything, so it is left out. */
function entryOf(row: Row, form?: "without-detail"): AuditEntry {
  const detail = form ? undefined : optionalText(row, "detail");
  return {
    seq: numberOf(row, "seq"),
    at: timeOf(row, "at"),
    actor: textOf(row, "actor"),
    action: textOf(row, "action"),
    subject: textOf(row, "subject"),
    hash: textOf(row, "hash"),
    ...given({
      detail: detail === undefined ? undefined : detailSchema.parse(JSON.parse(detail)),
    }),
  };
}
