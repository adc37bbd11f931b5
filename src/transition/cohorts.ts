import type { Phase } from "../bridge/contract.ts";
import { dayOf, type Day } from "./berlin.ts";
import { accountIn, type Cohort, type Plan, type PlannedAccount } from "./plan.ts";
import { bucketOf, BUCKETS, inShare } from "./share.ts";

/** inbound: the legacy side wrote it. outbound: somebody in Matrix did. */
export type Direction = "inbound" | "outbound";

/** What is known of a letter when it is decided. */
export interface LetterFacts {
  readonly account: string;
  readonly direction: Direction;
  /** Our side's mailbox: the citizen's, or the authority's. The share of a cohort is drawn over it. */
  readonly mailbox: string;
  /** Who reads that mailbox in Matrix. */
  readonly users: readonly string[];
  /** What the letter itself names; default: that of the account. */
  readonly service?: string;
}

/** `rule`: the name of the cohort, or `account` when none matched, or why cohorts were not asked. */
export interface Decision {
  readonly phase: Phase;
  readonly rule: string;
}

/** One line of an explanation. */
export interface Step {
  readonly rule: string;
  readonly phase: Phase;
  readonly matched: boolean;
  /** The first condition that did not hold, or what the match rests on. */
  readonly why: string;
}

export const ACCOUNT_RULE = "account";

/** First match wins. `off` and `drain` of an account stand above all cohorts: they are the operator's brake. */
export function decide(plan: Plan, facts: LetterFacts, now: Date): Decision {
  const account = accountIn(plan, facts.account);
  if (!account) return { phase: "off", rule: "not in the plan" };
  if (isBraked(account)) return { phase: account.phase, rule: ACCOUNT_RULE };
  const today = dayOf(now);
  const found = plan.cohorts.find((cohort) => whyNot(cohort, account, facts, today) === undefined);
  return found
    ? { phase: found.phase, rule: found.name }
    : { phase: account.phase, rule: ACCOUNT_RULE };
}

/** Every rule in the order in which it is asked, up to the one that decides. */
export function explain(plan: Plan, facts: LetterFacts, now: Date): readonly Step[] {
  const account = accountIn(plan, facts.account);
  if (!account)
    return [{ rule: ACCOUNT_RULE, phase: "off", matched: true, why: "not in the plan" }];
  const { phase } = account;
  if (isBraked(account)) {
    const why = `the account is in phase ${phase}, which stands above all cohorts`;
    return [{ rule: ACCOUNT_RULE, phase, matched: true, why }];
  }
  const steps: Step[] = [];
  for (const cohort of plan.cohorts) {
    const why = whyNot(cohort, account, facts, dayOf(now));
    const matched = why === undefined;
    const text = why ?? whyMatched(cohort, facts);
    steps.push({ rule: cohort.name, phase: cohort.phase, matched, why: text });
    if (matched) return steps;
  }
  const why = plan.cohorts.length === 0 ? "there are no cohorts" : "no cohort matched";
  return [...steps, { rule: ACCOUNT_RULE, phase, matched: true, why }];
}

/** Does any rule look at who reads the mailbox? Then the caller has to look it up. */
export function asksForUsers(plan: Plan): boolean {
  return plan.cohorts.some(({ users, domains }) => users !== undefined || domains !== undefined);
}

/** true: the account stands still, whatever its cohorts say. */
export function isBraked({ phase }: Pick<PlannedAccount, "phase">): boolean {
  return phase === "off" || phase === "drain";
}

/** The first condition that does not hold; undefined: all that are given hold. */
function whyNot(
  cohort: Cohort,
  account: PlannedAccount,
  facts: LetterFacts,
  today: Day,
): string | undefined {
  const service = facts.service ?? account.service;
  const { from, until, direction } = cohort;
  if (direction !== undefined && direction !== facts.direction)
    return `only ${direction} letters, this one is ${facts.direction}`;
  if (from !== undefined && today < from) return `begins on ${from}`;
  if (until !== undefined && today > until) return `ended on ${until}`;
  return (
    notListed("account", cohort.accounts, facts.account) ??
    notListed("Land", cohort.lands, account.land) ??
    notListed("participant", cohort.participants, account.participant) ??
    notListed("service", cohort.services, service) ??
    notInMailboxes(cohort, facts.mailbox) ??
    noneListed("reader", cohort.users, facts.users) ??
    noneListed("domain", cohort.domains, facts.users.map(domainOf)) ??
    notInShare(cohort, facts.mailbox)
  );
}

function notListed(
  what: string,
  list: readonly string[] | undefined,
  value: string | undefined,
): string | undefined {
  if (list === undefined || (value !== undefined && list.includes(value))) return undefined;
  return value === undefined
    ? `the account has no ${what}`
    : `${what} ${value} is not one of ${shown(list)}`;
}

/** Sorted by `planOf`, and long: searched by halves. */
function notInMailboxes({ mailboxes }: Cohort, mailbox: string): string | undefined {
  if (mailboxes === undefined) return undefined;
  let [low, high] = [0, mailboxes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((mailboxes[middle] ?? "") < mailbox) low = middle + 1;
    else high = middle;
  }
  if (mailboxes[low] === mailbox) return undefined;
  return `the mailbox is not on the list of ${mailboxes.length}`;
}

function noneListed(
  what: string,
  list: readonly string[] | undefined,
  values: readonly string[],
): string | undefined {
  if (list === undefined || values.some((value) => list.includes(value))) return undefined;
  return `no ${what} of the mailbox is one of ${shown(list)}`;
}

function notInShare(cohort: Cohort, mailbox: string): string | undefined {
  const { share } = cohort;
  if (share === undefined || inShare(seedOf(cohort), mailbox, share)) return undefined;
  return `the mailbox stands at ${percentOf(cohort, mailbox)} %, the share is ${share} %`;
}

function whyMatched(cohort: Cohort, { mailbox }: LetterFacts): string {
  const named = Object.entries(cohort)
    .filter(([key, value]) => !["name", "phase", "seed"].includes(key) && value !== undefined)
    .map(([key]) => key);
  if (named.length === 0) return "matches every letter";
  const drawn =
    cohort.share === undefined
      ? ""
      : `; the mailbox stands at ${percentOf(cohort, mailbox)} %, the share is ${cohort.share} %`;
  return `matches by ${named.join(", ")}${drawn}`;
}

function percentOf(cohort: Cohort, mailbox: string): string {
  return ((bucketOf(seedOf(cohort), mailbox) * 100) / BUCKETS).toFixed(2);
}

/** Renaming a cohort would draw other people: `seed` keeps them. */
function seedOf({ seed, name }: Cohort): string {
  return seed ?? name;
}

function domainOf(user: string): string {
  return user.slice(user.indexOf(":") + 1);
}

const MAX_SHOWN = 5;
function shown(list: readonly string[]): string {
  const more = list.length > MAX_SHOWN ? ` and ${list.length - MAX_SHOWN} more` : "";
  return list.slice(0, MAX_SHOWN).join(", ") + more;
}
