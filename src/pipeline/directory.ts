import type { AccountConfig } from "../config/schema.ts";
import type { Store } from "../store/store.ts";

/** Links per mailbox and mailboxes per user that are looked at; more is a configuration fault. */
const MAX_READERS = 100;

/** Who reads and who writes, from the configuration and from the store. The only place that decides it. */
export interface Directory {
  /** Matrix users who read this mailbox of the account, without doubles, in a stable order. */
  readersOf(account: string, mailbox: string): Promise<readonly string[]>;
  /** Mailboxes of the account that this user reads and writes for. */
  mailboxesOf(account: string, user: string): Promise<readonly string[]>;
  clerksOf(account: string): readonly string[];
  isClerk(account: string, user: string): boolean;
}

export function createDirectory(accounts: readonly AccountConfig[], store: Store): Directory {
  const byName = new Map(accounts.map((account) => [account.name, account]));
  const configured = (account: string) => byName.get(account)?.links ?? [];
  return {
    async readersOf(account, mailbox) {
      const fromConfig = configured(account)
        .filter((link) => link.mailbox === mailbox)
        .map((link) => link.user);
      const stored = await store.linksOf(account, mailbox);
      return [...new Set([...fromConfig, ...stored.map((link) => link.user)])]
        .sort()
        .slice(0, MAX_READERS);
    },
    async mailboxesOf(account, user) {
      const fromConfig = configured(account)
        .filter((link) => link.user === user)
        .map((link) => link.mailbox);
      const stored = await store.mailboxesOf(account, user);
      return [...new Set([...fromConfig, ...stored.map((link) => link.mailbox)])]
        .sort()
        .slice(0, MAX_READERS);
    },
    clerksOf: (account) => byName.get(account)?.clerks ?? [],
    isClerk: (account, user) => byName.get(account)?.clerks.includes(user) ?? false,
  };
}
