import type { AccountConfig } from "../config/schema.ts";
import type { Store } from "../store/store.ts";
import { addDays, startOfDay, type Day } from "../transition/berlin.ts";

export interface StandIn {
  readonly absent: string;
  readonly deputy: string;
}

/** From its first moment, until before its end; a missing border is none. Pure. */
export function isOver(
  { from, until }: { readonly from?: Date; readonly until?: Date },
  at: Date,
): boolean {
  const now = at.getTime();
  return (
    (from !== undefined && now < from.getTime()) || (until !== undefined && now >= until.getTime())
  );
}

/** A time in days of Germany, both included, as moments. Pure. */
export function momentsOf({ from, until }: { readonly from: Day; readonly until: Day }): {
  from: Date;
  until: Date;
} {
  return { from: startOfDay(from), until: startOfDay(addDays(until, 1)) };
}

/** Who stands in for whom in this account at this moment, from the configuration and from the store. */
export async function standIns(
  account: Pick<AccountConfig, "substitutions"> | undefined,
  store: Pick<Store, "listSubstitutions">,
  name: string,
  at: Date,
): Promise<readonly StandIn[]> {
  const fromConfig = (account?.substitutions ?? []).map((one) => ({ ...one, ...momentsOf(one) }));
  const all = [...fromConfig, ...(await store.listSubstitutions(at, name))];
  return all.filter((one) => !isOver(one, at)).map(({ absent, deputy }) => ({ absent, deputy }));
}
