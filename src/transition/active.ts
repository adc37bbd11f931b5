import type { Log, Phase } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";
import type { Store, StoredPlan } from "../store/store.ts";
import { accountIn, readPlan, type Plan } from "./plan.ts";

/** The plan in force, as this process knows it. Replaced as a whole: whoever holds one holds all of it. */
export interface ActivePlan {
  readonly seq: number;
  readonly planId: string;
  readonly plan: Plan;
  /** Letters accepted before this bind no conversation. */
  readonly keepSince: Date;
  /** Can two letters of one conversation be decided differently at all? With the first plan and no cohorts they cannot. */
  readonly binds: boolean;
}

export interface ActivePlans {
  current(): ActivePlan;
  phaseOf(account: string): Phase;
  /** Looks whether another plan is in force. Throws what the store throws, or a ZodError for a plan of a newer version. */
  refresh(): Promise<boolean>;
  /** Looks again and again until `stop`. */
  watch(log: Log): { stop(): Promise<void> };
}

/** How long a plan that was applied elsewhere may go unnoticed, milliseconds. Decisions are checked in the database. */
const WATCH_MS = 1_000;
/** After this time every node that can reach the database decides by the new plan. */
export const NOTICED_WITHIN_MS = 2 * WATCH_MS;

export function activePlanOf(stored: StoredPlan): ActivePlan {
  const plan = readPlan(stored.document);
  const { seq, planId, keepSince } = stored;
  return { seq, planId, keepSince, plan, binds: seq > 1 || plan.cohorts.length > 0 };
}

export function createActivePlans(
  store: Pick<Store, "newestPlan">,
  first: StoredPlan,
): ActivePlans {
  let active = activePlanOf(first);
  const refresh = async () => {
    const newest = await store.newestPlan();
    if (!newest || newest.seq === active.seq) return false;
    active = activePlanOf(newest);
    return true;
  };
  return {
    current: () => active,
    phaseOf: (account) => accountIn(active.plan, account)?.phase ?? "off",
    refresh,
    watch(log) {
      let running: Promise<void> = Promise.resolve();
      const look = async () => {
        try {
          if (await refresh()) log.info({ plan: active.planId, seq: active.seq }, "plan-in-force");
        } catch (error) {
          log.error({ error: describeError(error) }, "plan-not-read");
        }
      };
      const timer = setInterval(() => {
        running = running.then(look);
      }, WATCH_MS);
      return {
        async stop() {
          clearInterval(timer);
          await running;
        },
      };
    },
  };
}
