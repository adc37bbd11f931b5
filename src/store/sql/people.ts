import type { LinkChange, Store, Substitution } from "../store.ts";
import { writeAudit } from "./audit.ts";
import { boundedLimit, MAX_LISTED, type StoreCore } from "./core.ts";
import type { Row, SqlValue } from "./database.ts";
import { linkOf } from "./links.ts";
import { numberOf, textOf, timeOf, wordOf } from "./rows.ts";

const CHANGES = ["added", "changed", "removed"] as const;
const HISTORY_COLUMNS =
  "seq, account, mailbox, user_id, change, provenance, changed_by AS added_by, changed_at, " +
  "valid_from, valid_until, role";

type PeopleMethods = Pick<
  Store,
  | "linkHistory"
  | "linksTurning"
  | "addSubstitution"
  | "endSubstitution"
  | "listSubstitutions"
  | "substitutionsTurning"
>;

export function peopleMethods(core: StoreCore): PeopleMethods {
  const { db } = core;
  const read = (sql: string, parameters: readonly SqlValue[]) =>
    db.read((connection) => connection.all(sql, parameters));
  return {
    async linkHistory({ account, mailbox, before, limit }) {
      const where = ["account = ?", ...(mailbox === undefined ? [] : ["mailbox = ?"])];
      const values: SqlValue[] = [account, ...(mailbox === undefined ? [] : [mailbox])];
      if (before !== undefined) {
        where.push("seq < ?");
        values.push(before);
      }
      const sql = `SELECT ${HISTORY_COLUMNS} FROM link_history WHERE ${where.join(" AND ")}
        ORDER BY seq DESC LIMIT ?`;
      return (await read(sql, [...values, boundedLimit(limit)])).map(changeOf);
    },
    async linksTurning(from, to) {
      const sql = `SELECT DISTINCT account, mailbox FROM links
        WHERE (valid_from > ? AND valid_from <= ?) OR (valid_until > ? AND valid_until <= ?)
        ORDER BY account, mailbox LIMIT ?`;
      const rows = await read(sql, [...twice(from, to), MAX_LISTED]);
      return rows.map((row) => ({
        account: textOf(row, "account"),
        mailbox: textOf(row, "mailbox"),
      }));
    },
    addSubstitution: (substitution, at) => addSubstitution(core, substitution, at),
    endSubstitution: (id, by, at) => endSubstitution(core, id, by, at),
    async listSubstitutions(at, account) {
      const only = account === undefined ? "" : "AND account = ?";
      const sql = `SELECT id, account, absent, deputy, valid_from, valid_until, added_by
        FROM substitutions WHERE valid_until > ? ${only} ORDER BY valid_from, id LIMIT ?`;
      const own = account === undefined ? [] : [account];
      return (await read(sql, [at.getTime(), ...own, MAX_LISTED])).map(substitutionOf);
    },
    async substitutionsTurning(from, to) {
      const sql = `SELECT DISTINCT account FROM substitutions
        WHERE (valid_from > ? AND valid_from <= ?) OR (valid_until > ? AND valid_until <= ?)
        ORDER BY account LIMIT ?`;
      const rows = await read(sql, [...twice(from, to), MAX_LISTED]);
      return rows.map((row) => textOf(row, "account"));
    },
  };
}

function twice(from: Date, to: Date): SqlValue[] {
  return [from, to, from, to].map((moment) => moment.getTime());
}

function addSubstitution(core: StoreCore, given: Substitution, at: Date): Promise<void> {
  const { id, account, absent, deputy, from, until, by } = given;
  return core.db.write(async (tx) => {
    await tx.run(
      `INSERT INTO substitutions (id, account, absent, deputy, valid_from, valid_until, added_by, added_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      [id, account, absent, deputy, from.getTime(), until.getTime(), by, at.getTime()],
    );
    const detail = { absent, deputy, from: from.toISOString(), until: until.toISOString() };
    const entry = { actor: by, action: "substitution-added", subject: account, detail };
    await writeAudit(core, tx, entry, at);
  });
}

function endSubstitution(core: StoreCore, id: string, by: string, at: Date): Promise<boolean> {
  return core.db.write(async (tx) => {
    const now = at.getTime();
    const found = await tx.all(
      "SELECT account FROM substitutions WHERE id = ? AND valid_until > ?",
      [id, now],
    );
    const [row] = found;
    const sql =
      "UPDATE substitutions SET valid_until = ?, ended_by = ? WHERE id = ? AND valid_until > ?";
    if (!row || (await tx.run(sql, [now, by, id, now])) === 0) return false;
    const entry = { actor: by, action: "substitution-ended", subject: textOf(row, "account") };
    await writeAudit(core, tx, { ...entry, detail: { id } }, at);
    return true;
  });
}

function changeOf(row: Row): LinkChange {
  return {
    ...linkOf(row),
    seq: numberOf(row, "seq"),
    change: wordOf(row, "change", CHANGES),
    at: timeOf(row, "changed_at"),
  };
}

function substitutionOf(row: Row): Substitution {
  return {
    id: textOf(row, "id"),
    account: textOf(row, "account"),
    absent: textOf(row, "absent"),
    deputy: textOf(row, "deputy"),
    from: timeOf(row, "valid_from"),
    until: timeOf(row, "valid_until"),
    by: textOf(row, "added_by"),
  };
}
