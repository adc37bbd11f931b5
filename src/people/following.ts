import type { Log } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import type { Matrix } from "../matrix/contract.ts";
import { startRepeating } from "../ops/repeating.ts";
import type { Store } from "../store/store.ts";
import { followLater } from "./later.ts";
import { momentsOf } from "./substitution.ts";

/** How often it is looked whether a link or a substitution begins or ends, milliseconds. */
const LOOK_MS = 60_000;
/** Where the last look ended; survives restarts, so that nothing which turned meanwhile is missed. */
const SCOPE = "people";
const KEY = "followed-until";

export interface FollowDeps {
  readonly accounts: readonly AccountConfig[];
  readonly store: Pick<
    Store,
    "fact" | "putFact" | "removeFact" | "listFacts" | "linksTurning" | "substitutionsTurning"
  >;
  readonly matrix: Pick<Matrix, "refreshReaders">;
  readonly log: Log;
  readonly now: () => Date;
}

/**
 * Rooms follow what begins or ends by the calendar. When the homeserver is away the place stays where it was, and the
 * next look does the same once more: aligning a room twice changes nothing.
 */
export async function followTurns(deps: FollowDeps): Promise<void> {
  const { store, matrix, accounts } = deps;
  const running = new Set(accounts.map(({ name }) => name));
  await followLater({ store, matrix, runs: (account) => running.has(account) });
  const to = deps.now();
  const known = await store.fact(SCOPE, KEY);
  const from = known === undefined ? new Date(0) : new Date(known);
  if (from.getTime() >= to.getTime()) return;
  const turned = new Set(await store.substitutionsTurning(from, to));
  const within = (moment: Date) => moment > from && moment <= to;
  for (const { name, substitutions = [] } of accounts)
    if (substitutions.map(momentsOf).some((one) => within(one.from) || within(one.until)))
      turned.add(name);
  for (const account of turned) if (running.has(account)) await matrix.refreshReaders(account);
  for (const { account, mailbox } of await store.linksTurning(from, to))
    if (running.has(account) && !turned.has(account)) await matrix.refreshReaders(account, mailbox);
  await store.putFact(SCOPE, KEY, to.toISOString());
}

export function startFollowing(deps: FollowDeps): { stop(): Promise<void> } {
  const { log } = deps;
  const task = () => followTurns(deps);
  return startRepeating({ everyMs: LOOK_MS, failure: "rooms-do-not-follow-yet", log, task });
}
