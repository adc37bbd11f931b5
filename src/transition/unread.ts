import type { Directory } from "../pipeline/directory.ts";
import { canReach, type Conflict } from "./checks.ts";
import { PHASES } from "./phases.ts";
import type { Plan } from "./plan.ts";

/** Mailboxes of one cohort's list that are looked up; a longer list is checked up to here. */
const MAX_LOOKED_UP = 10_000;
const MAX_EXAMPLES = 3;

/** Cohorts that move mailboxes into Matrix which nobody there reads: their letters stay out of it. */
export async function findUnread(
  plan: Plan,
  directory: Pick<Directory, "readersOf">,
): Promise<readonly Conflict[]> {
  const found: Conflict[] = [];
  for (const cohort of plan.cohorts) {
    const { mailboxes, phase, name } = cohort;
    const goesToMatrix = PHASES[phase].authority === "matrix" || PHASES[phase].copyTo === "matrix";
    if (mailboxes === undefined || !goesToMatrix) continue;
    const accounts = plan.accounts.filter((account) => canReach(cohort, account));
    const unread: string[] = [];
    const looked = mailboxes.slice(0, MAX_LOOKED_UP);
    for (const mailbox of looked)
      if (!(await isRead(directory, accounts, mailbox))) unread.push(mailbox);
    if (unread.length === 0) continue;
    const of = looked.length < mailboxes.length ? `the first ${looked.length}` : looked.length;
    const examples = unread.slice(0, MAX_EXAMPLES).join(", ");
    const text = `nobody in Matrix reads ${unread.length} of ${of} mailboxes of its list (${examples}${unread.length > MAX_EXAMPLES ? ", …" : ""}); their letters go on to the old mailbox or are held`;
    const next = "`links add` or `links import` for those who read in Matrix";
    found.push({ kind: "warn", about: `cohort ${name}`, text, next });
  }
  return found;
}

async function isRead(
  directory: Pick<Directory, "readersOf">,
  accounts: Plan["accounts"],
  mailbox: string,
): Promise<boolean> {
  for (const { name } of accounts)
    if ((await directory.readersOf(name, mailbox)).length > 0) return true;
  return false;
}
