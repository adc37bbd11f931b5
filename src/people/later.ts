import type { Matrix } from "../matrix/contract.ts";
import type { Store } from "../store/store.ts";

/** Rooms that could not follow a link when it changed: looked at again every minute, so that nobody stays in by chance. */
const SCOPE = "people-later";
/** Mailboxes that one look takes up; the next look takes the others. */
const MAX_MAILBOXES = 1_000;
/** Part of neither an account nor a mailbox. */
const SEPARATOR = "\n";

/** Durable once resolved; repeating it changes nothing. */
export function noteLater(
  store: Pick<Store, "putFact">,
  account: string,
  mailbox: string,
): Promise<void> {
  return store.putFact(SCOPE, account + SEPARATOR + mailbox, "");
}

/** Throws what the homeserver answers; what was not reached then stays noted. */
export async function followLater({
  store,
  matrix,
  runs,
}: {
  readonly store: Pick<Store, "listFacts" | "removeFact">;
  readonly matrix: Pick<Matrix, "refreshReaders">;
  /** Accounts that are off have no rooms to look at now: theirs stay noted. */
  runs(account: string): boolean;
}): Promise<void> {
  for (const { key } of await store.listFacts(SCOPE, "", { limit: MAX_MAILBOXES })) {
    const [account = "", mailbox = ""] = key.split(SEPARATOR);
    if (!runs(account)) continue;
    await matrix.refreshReaders(account, mailbox);
    await store.removeFact(SCOPE, key);
  }
}
