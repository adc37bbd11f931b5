import { z } from "zod";
import { GatewayError } from "../model/errors.ts";
import type { Store } from "../store/store.ts";
import { accountIn, type Plan } from "../transition/plan.ts";

/**
 * Whether an account moves with a cohort says the plan, and the plan is cut out of a reviewed file. So a wish changes
 * nothing; it is shown until the plan in force selects the account, or an operator declines it.
 */
export interface CohortWish {
  readonly account: string;
  readonly cohort: string;
  readonly by: string;
  readonly at: Date;
  /** selected: the plan in force has the account in that cohort. */
  readonly state: "open" | "selected" | "declined";
  /** What an operator does about it. */
  readonly next: string;
}

type WishStore = Pick<Store, "fact" | "putFact" | "listFacts" | "appendAudit">;

const SCOPE = "onboarding";
const PREFIX = "cohort/";
const MAX_LISTED = 1_000;
const stored = z.object({
  cohort: z.string(),
  by: z.string(),
  at: z.coerce.date(),
  declined: z.boolean().default(false),
});
type StoredWish = z.output<typeof stored>;

/** A later wish of the same account replaces the earlier one. */
export async function wishCohort(
  store: WishStore,
  { account, cohort }: { readonly account: string; readonly cohort: string },
  by: string,
  at: Date,
): Promise<void> {
  await write(store, account, { cohort, by, at, declined: false });
  const entry = { actor: by, action: "cohort-wished", subject: account, detail: { cohort } };
  await store.appendAudit(entry, at);
}

/** Throws NOT_FOUND: this account wishes nothing, or was told so already. */
export async function declineWish(
  store: WishStore,
  account: string,
  by: string,
  at: Date,
): Promise<void> {
  const text = await store.fact(SCOPE, PREFIX + account);
  const wish = text === undefined ? undefined : read(text);
  if (!wish || wish.declined)
    throw new GatewayError("NOT_FOUND", `there is no open wish of ${account}`);
  const { cohort } = wish;
  await write(store, account, { ...wish, declined: true });
  const entry = { actor: by, action: "cohort-declined", subject: account, detail: { cohort } };
  await store.appendAudit(entry, at);
}

/** By account; of at most a thousand accounts. */
export async function listWishes(store: WishStore, plan: Plan): Promise<readonly CohortWish[]> {
  const rows = await store.listFacts(SCOPE, PREFIX, { limit: MAX_LISTED });
  return rows.flatMap(({ key, value }) => {
    const wish = read(value);
    return wish ? [stateOf(plan, key.slice(PREFIX.length), wish)] : [];
  });
}

/** Pure. */
function stateOf(plan: Plan, name: string, wish: StoredWish): CohortWish {
  const { cohort, by, at, declined } = wish;
  const shown = { account: name, cohort, by, at };
  const found = plan.cohorts.find((one) => one.name === cohort);
  const account = accountIn(plan, name);
  if (found && account && selects(found, account))
    return { ...shown, state: "selected", next: "nothing: the plan in force says so" };
  if (declined) return { ...shown, state: "declined", next: "nothing: it was declined" };
  const steps = [
    ...(account ? [] : [`put the account ${name} into the configuration and restart`]),
    found === undefined
      ? `there is no cohort ${cohort} in \`transition.cohorts\`: add it with \`accounts: [${name}]\``
      : `add ${name} to \`accounts\` of the cohort ${cohort}, or widen its other conditions`,
    "then `postfach-bridge plan` and `plan apply`; to refuse: `plan decline`",
  ];
  return { ...shown, state: "open", next: steps.join("; ") };
}

/** By what is known of an account; which of its mailboxes move is another question. */
function selects(
  { accounts, lands, participants, services }: Plan["cohorts"][number],
  { name, land, participant, service }: Plan["accounts"][number],
): boolean {
  const fits = (list: readonly string[] | undefined, value: string | undefined) =>
    list === undefined || (value !== undefined && list.includes(value));
  return (
    fits(accounts, name) &&
    fits(lands, land) &&
    fits(participants, participant) &&
    (service === undefined || fits(services, service))
  );
}

function read(text: string): StoredWish | undefined {
  try {
    return stored.parse(JSON.parse(text));
  } catch {
    // Nothing that this gateway has written.
    return undefined;
  }
}
function write(store: WishStore, account: string, wish: StoredWish): Promise<void> {
  return store.putFact(SCOPE, PREFIX + account, JSON.stringify(wish));
}
