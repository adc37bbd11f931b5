import { GatewayError } from "../../model/errors.ts";
import type { Link, Store } from "../store.ts";
import { writeAudit } from "./audit.ts";
import { boundedLimit, MAX_LISTED, type StoreCore } from "./core.ts";
import type { Row, SqlValue, Transaction } from "./database.ts";
import { given, optionalText, optionalTime, textOf, wordOf } from "./rows.ts";

const COLUMNS = "account, mailbox, user_id, provenance, added_by, valid_from, valid_until, role";
export const PROVENANCES = ["config", "import", "admin", "claim"] as const;
/** Cannot be part of an account, a mailbox or a user. */
const SEPARATOR = "\n";

type LinkMethods = Pick<
  Store,
  "putLink" | "removeLink" | "linksOf" | "mailboxesOf" | "linkedMailboxes" | "listLinks"
>;

export function linkMethods(core: StoreCore): LinkMethods {
  const { db } = core;
  const select = async (where: string, parameters: readonly SqlValue[]) => {
    const sql = `SELECT ${COLUMNS} FROM links WHERE ${where} ORDER BY account, mailbox, user_id LIMIT ?`;
    return (await db.read((connection) => connection.all(sql, parameters))).map(linkOf);
  };
  return {
    putLink: (link, at) => putLink(core, link, at),
    removeLink: (account, mailbox, user, by, at) =>
      db.write(async (tx) => {
        const found = await findLink(tx, { account, mailbox, user });
        if (!found) return false;
        const sql = "DELETE FROM links WHERE account = ? AND mailbox = ? AND user_id = ?";
        if ((await tx.run(sql, [account, mailbox, user])) === 0) return false;
        await writeHistory(tx, { ...found, by }, "removed", at);
        const subject = linkSubject({ account, mailbox });
        await writeAudit(
          core,
          tx,
          { actor: by, action: "link-removed", subject, detail: { user } },
          at,
        );
        return true;
      }),
    linksOf: (account, mailbox) =>
      select("account = ? AND mailbox = ?", [account, mailbox, MAX_LISTED]),
    mailboxesOf: (account, user) =>
      select("account = ? AND user_id = ?", [account, user, MAX_LISTED]),
    async linkedMailboxes(account, limit) {
      const sql = "SELECT DISTINCT mailbox FROM links WHERE account = ? ORDER BY mailbox LIMIT ?";
      const rows = await db.read((connection) => connection.all(sql, [account, limit]));
      return rows.map((row) => textOf(row, "mailbox"));
    },
    listLinks(filter) {
      const [account = "", mailbox = "", user = ""] = (filter.after ?? "").split(SEPARATOR);
      const after = "(account, mailbox, user_id) > (?, ?, ?)";
      const rest = [account, mailbox, user, boundedLimit(filter.limit)];
      if (filter.account === undefined) return select(after, rest);
      return select(`account = ? AND ${after}`, [filter.account, ...rest]);
    },
  };
}

/** What `listLinks` takes as `after` to go on behind this link. */
export function cursorOfLink(link: Pick<Link, "account" | "mailbox" | "user">): string {
  return [link.account, link.mailbox, link.user].join(SEPARATOR);
}

function putLink(
  core: StoreCore,
  link: Link,
  at: Date,
): Promise<"added" | "changed" | "unchanged"> {
  return core.db.write((tx) => writeLink(core, tx, link, at));
}

/** The link with its history and audit entry, within a transaction. */
export async function writeLink(
  core: StoreCore,
  tx: Transaction,
  wanted: Link,
  at: Date,
): Promise<"added" | "changed" | "unchanged"> {
  const { account, mailbox, user, provenance, by } = wanted;
  const insert = `INSERT INTO links (${COLUMNS}, added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (account, mailbox, user_id) DO NOTHING`;
  const key = [account, mailbox, user];
  const row = [...key, provenance, by, ...termsOf(wanted), at.getTime()];
  let change: "added" | "changed" = "added";
  let link = wanted;
  if ((await tx.run(insert, row)) === 0) {
    const known = await findLink(tx, wanted);
    if (!known)
      throw new GatewayError("STORE_UNAVAILABLE", "the link was removed at the same time");
    const ended = known.until !== undefined && known.until.getTime() <= at.getTime();
    link = ended ? wanted : { ...known, ...wanted };
    if (String(termsOf(link)) === String(termsOf(known))) return "unchanged";
    change = "changed";
    const sql = `UPDATE links SET provenance = ?, added_by = ?, valid_from = ?, valid_until = ?, role = ?
       WHERE account = ? AND mailbox = ? AND user_id = ?`;
    await tx.run(sql, [provenance, by, ...termsOf(link), ...key]);
  }
  await writeHistory(tx, link, change, at);
  const detail = { user, provenance };
  const entry = { actor: by, action: `link-${change}`, subject: linkSubject(link), detail };
  await writeAudit(core, tx, entry, at);
  return change;
}

function termsOf({ from, until, role }: Pick<Link, "from" | "until" | "role">): SqlValue[] {
  return [from?.getTime() ?? null, until?.getTime() ?? null, role ?? null];
}

async function findLink(
  tx: Transaction,
  { account, mailbox, user }: Pick<Link, "account" | "mailbox" | "user">,
): Promise<Link | undefined> {
  const sql = `SELECT ${COLUMNS} FROM links WHERE account = ? AND mailbox = ? AND user_id = ?`;
  const [row] = await tx.all(sql, [account, mailbox, user]);
  return row && linkOf(row);
}

async function writeHistory(
  tx: Transaction,
  link: Link,
  change: "added" | "changed" | "removed",
  at: Date,
): Promise<void> {
  const { account, mailbox, user, provenance, by } = link;
  await tx.run(
    `INSERT INTO link_history (account, mailbox, user_id, change, provenance, changed_by, changed_at,
       valid_from, valid_until, role) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [account, mailbox, user, change, provenance, by, at.getTime(), ...termsOf(link)],
  );
}

function linkSubject(link: Pick<Link, "account" | "mailbox">): string {
  return `${link.account}/${link.mailbox}`;
}

export function linkOf(row: Row): Link {
  return {
    account: textOf(row, "account"),
    mailbox: textOf(row, "mailbox"),
    user: textOf(row, "user_id"),
    provenance: wordOf(row, "provenance", PROVENANCES),
    by: textOf(row, "added_by"),
    ...given({
      from: optionalTime(row, "valid_from"),
      until: optionalTime(row, "valid_until"),
      role: optionalText(row, "role"),
    }),
  };
}
