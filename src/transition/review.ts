import type { LegacyReader } from "../bridge/contract.ts";
import { legacyReaderOf } from "../bridge/legacy-reader.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Directory } from "../pipeline/directory.ts";
import { UNFINISHED } from "../model/state.ts";
import type { Conversation, Store, StoredPlan } from "../store/store.ts";
import { activePlanOf } from "./active.ts";
import { findConflicts, type Conflict } from "./checks.ts";
import { asksForUsers, decide, type Direction } from "./cohorts.ts";
import { createDecider } from "./deciding.ts";
import { differenceOf, type Difference } from "./difference.ts";
import { openQuestions } from "./legal-clock.ts";
import { tableOf } from "./legal-config.ts";
import { findUnread } from "./unread.ts";
import { PHASES } from "./phases.ts";
import { accountIn, planIdOf, type Plan } from "./plan.ts";

/** What a plan would change, before it is in force. Reads only. */
export interface PlanReview {
  readonly before: StoredPlan | undefined;
  readonly after: Plan;
  readonly planId: string;
  readonly difference: Difference;
  readonly conflicts: readonly Conflict[];
  readonly effect: Effect;
  /** Open legal questions behind the rules in use. */
  readonly questions: readonly string[];
}

export interface Effect {
  /** Mailboxes with a link or a conversation. */
  readonly mailboxes: number;
  readonly moved: readonly MovedMailboxes[];
  readonly conversations: {
    readonly open: number;
    /** Stay on the side where they are although the plan moves their mailbox. */
    readonly kept: number;
    /** Change the side that counts with their next letter. */
    readonly moved: number;
  };
  /** Letters that are not finished, by account: each keeps its decision. */
  readonly inFlight: ReadonlyMap<string, number>;
  /** More was there than is looked at. */
  readonly truncated: boolean;
}
/** Mailboxes that go the same way; `examples` are a few of them. */
export interface MovedMailboxes {
  readonly account: string;
  readonly direction: Direction;
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly examples: readonly string[];
}

export interface ReviewDeps {
  readonly loaded: Pick<LoadedConfig, "config" | "definitions">;
  readonly store: Store;
  readonly directory: Directory;
  readonly now: Date;
}

const PAGE = 1_000;
/** Conversations and links that a review looks at. */
const MAX_EXAMINED = 200_000;
const MAX_EXAMPLES = 5;

export async function reviewPlan(deps: ReviewDeps, after: Plan): Promise<PlanReview> {
  const { loaded, store, now } = deps;
  const stored = await store.newestPlan();
  const before = stored && activePlanOf(stored).plan;
  const inFlight = await countUnfinished(store, now);
  const { config } = loaded;
  return {
    before: stored,
    after,
    planId: planIdOf(after),
    difference: differenceOf(before, after),
    conflicts: [
      ...findConflicts(after, {
        ...{ before, unfinished: inFlight },
        legacyReaders: legacyReadersOf(loaded),
      }),
      ...(await findUnread(after, deps.directory)),
    ],
    effect: { ...(await effectOf(deps, stored, after)), inFlight },
    questions: openQuestions(tableOf(config.transition), now),
  };
}

export function legacyReadersOf({
  config,
  definitions,
}: ReviewDeps["loaded"]): ReadonlyMap<string, LegacyReader> {
  return new Map(
    config.accounts.map((account) => [account.name, legacyReaderOf(account, definitions)]),
  );
}

export async function countUnfinished(
  store: Store,
  now: Date,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const { account, state, count } of (await store.stats(now)).messages)
    if (UNFINISHED.includes(state)) found.set(account, (found.get(account) ?? 0) + count);
  return found;
}

async function effectOf(
  deps: ReviewDeps,
  stored: StoredPlan | undefined,
  after: Plan,
): Promise<Omit<Effect, "inFlight">> {
  const { conversations, mailboxes, truncated } = await examine(deps, after);
  const before = stored && activePlanOf(stored).plan;
  const moved = new Map<string, MovedMailboxes & { examples: string[]; count: number }>();
  for (const [account, mailbox] of mailboxes)
    for (const direction of ["inbound", "outbound"] as const) {
      const step = await stepOf(deps, before, after, { account, mailbox, direction });
      if (!step) continue;
      const key = JSON.stringify([account, direction, step.from, step.to]);
      const group = moved.get(key) ?? { account, direction, ...step, count: 0, examples: [] };
      group.count += 1;
      if (group.examples.length < MAX_EXAMPLES) group.examples.push(mailbox);
      moved.set(key, group);
    }
  return {
    mailboxes: mailboxes.length,
    moved: [...moved.values()],
    conversations: await countConversations(deps, stored, after, conversations),
    truncated,
  };
}

interface Place {
  readonly account: string;
  readonly mailbox: string;
  readonly direction: Direction;
}

async function stepOf(
  { directory, now }: ReviewDeps,
  before: Plan | undefined,
  after: Plan,
  place: Place,
): Promise<{ from: string; to: string } | undefined> {
  const asks = asksForUsers(after) || (before !== undefined && asksForUsers(before));
  const users = asks ? await directory.readersOf(place.account, place.mailbox) : [];
  const facts = { ...place, users };
  const from =
    before && accountIn(before, place.account) ? decide(before, facts, now).phase : "new";
  const to = decide(after, facts, now).phase;
  return from === to ? undefined : { from, to };
}

/** Would the next letter of each open conversation change the side that counts? */
async function countConversations(
  { store, directory, now }: ReviewDeps,
  stored: StoredPlan | undefined,
  after: Plan,
  conversations: readonly Conversation[],
): Promise<Effect["conversations"]> {
  const count = { open: conversations.length, kept: 0, moved: 0 };
  if (!stored) return count;
  const next = { ...activePlanOf(stored), plan: after, binds: true };
  const decider = createDecider({
    ...{ store, directory, now: () => now },
    plans: { current: () => next },
  });
  const since = new Date(0);
  for (const { id, account, local } of conversations) {
    const facts = { account, mailbox: local.address, direction: "inbound" as const };
    const users = asksForUsers(after) ? await directory.readersOf(account, local.address) : [];
    const will = await decider.decide({ ...facts, users }, id);
    if (will.keptFrom) count.kept += 1;
    const last = await store.lastDecision(id, { since });
    if (last && PHASES[last.phase].authority !== PHASES[will.phase].authority) count.moved += 1;
  }
  return count;
}

async function examine(
  { store, loaded }: ReviewDeps,
  after: Plan,
): Promise<{
  conversations: readonly Conversation[];
  mailboxes: readonly (readonly [string, string])[];
  truncated: boolean;
}> {
  const known = new Map<string, readonly [string, string]>();
  const add = (account: string, mailbox: string) =>
    known.set(JSON.stringify([account, mailbox]), [account, mailbox]);
  for (const { name, links } of loaded.config.accounts)
    for (const { mailbox } of links) add(name, mailbox);
  const conversations: Conversation[] = [];
  let truncated = false;
  for (const { name } of after.accounts) {
    for (const mailbox of await store.linkedMailboxes(name, MAX_EXAMINED)) add(name, mailbox);
    for (let last: string | undefined; ;) {
      const after = last === undefined ? {} : { after: last };
      const page = await store.listConversations({ account: name, limit: PAGE, ...after });
      for (const conversation of page) add(name, conversation.local.address);
      conversations.push(...page);
      last = page.at(-1)?.id;
      truncated ||= conversations.length >= MAX_EXAMINED;
      if (page.length < PAGE || truncated) break;
    }
  }
  return { conversations, mailboxes: [...known.values()], truncated };
}
