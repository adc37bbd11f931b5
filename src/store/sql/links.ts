import type { Link, Store } from "../store.ts";
import { writeAudit } from "./audit.ts";
import { boundedLimit, MAX_LISTED, type StoreCore } from "./core.ts";
import type { Row, SqlValue } from "./database.ts";
import { textOf, wordOf } from "./rows.ts";

const COLUMNS = "account, mailbox, user_id, provenance, added_by";
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
        const sql = "DELETE FROM links WHERE account = ? AND mailbox = ? AND user_id = ?";
        if ((await tx.run(sql, [account, mailbox, user])) === 0) return false;
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

function putLink(core: StoreCore, link: Link, at: Date): Promise<"added" | "unchanged"> {
  const { account, mailbox, user, provenance, by } = link;
  return core.db.write(async (tx) => {
    const added = await tx.run(
      `INSERT INTO links (account, mailbox, user_id, provenance, added_by, added_at)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, mailbox, user_id) DO NOTHING`,
      [account, mailbox, user, provenance, by, at.getTime()],
    );
    if (added === 0) return "unchanged";
    const subject = linkSubject(link);
    const detail = { user, provenance };
    await writeAudit(core, tx, { actor: by, action: "link-added", subject, detail }, at);
    return "added";
  });
}

function linkSubject(link: Pick<Link, "account" | "mailbox">): string {
  return `${link.account}/${link.mailbox}`;
}

function linkOf(row: Row): Link {
  return {
    account: textOf(row, "account"),
    mailbox: textOf(row, "mailbox"),
    user: textOf(row, "user_id"),
    provenance: wordOf(row, "provenance", ["config", "import", "admin"]),
    by: textOf(row, "added_by"),
  };
}
