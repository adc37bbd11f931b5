import type { Log } from "../bridge/contract.ts";
import type { LoadedConfig } from "../config/load.ts";
import { GatewayError } from "../model/errors.ts";
import type { NewPlan, Store, StoredPlan } from "../store/store.ts";
import { activePlanOf, NOTICED_WITHIN_MS } from "./active.ts";
import { findConflicts, type Conflict } from "./checks.ts";
import { isSame } from "./difference.ts";
import { planIdOf, planOf, readPlan, writePlan, type Plan } from "./plan.ts";
import {
  countUnfinished,
  legacyReadersOf,
  reviewPlan,
  type PlanReview,
  type ReviewDeps,
} from "./review.ts";

export interface ApplyOptions {
  readonly by: string;
  /** Accept steps between phases that the table does not know. */
  readonly jump: boolean;
  /** Open conversations follow the plan once. */
  readonly moveConversations: boolean;
}
export interface Applied {
  readonly review: PlanReview;
  /** undefined: the plan in force says the same already. */
  readonly stored: StoredPlan | undefined;
}

/** Checks the plan of the file and puts it in force. Throws PLAN_REFUSED for conflicts, NOT_ALLOWED when one was faster. */
export async function applyFile(deps: ReviewDeps, options: ApplyOptions): Promise<Applied> {
  const plan = planOf(deps.loaded.config);
  return putInForce(deps, plan, planIdOf(plan), "apply", options);
}

/** Puts a former plan in force again; `to` its seq, default: the one before the newest. */
export async function rollBack(
  deps: ReviewDeps,
  options: ApplyOptions & { readonly to?: number },
): Promise<Applied> {
  const plans = await deps.store.listPlans({ limit: 1_000 });
  const newest = plans[0];
  const wanted = options.to ?? (newest?.seq ?? 0) - 1;
  const former = plans.find(({ seq }) => seq === wanted);
  if (!newest || !former || former.seq === newest.seq)
    throw new GatewayError("NOT_FOUND", `there is no former plan ${wanted}; see \`plan history\``);
  // Whatever the file says now has been looked at: a start does not apply it again.
  const fileId = planIdOf(planOf(deps.loaded.config));
  return putInForce(deps, readPlan(former.document), fileId, "rollback", options);
}

async function putInForce(
  deps: ReviewDeps,
  plan: Plan,
  fileId: string,
  way: "apply" | "rollback",
  { by, jump, moveConversations }: ApplyOptions,
): Promise<Applied> {
  const review = await reviewPlan(deps, plan);
  refuseConflicts(review.conflicts, jump);
  const { before, planId } = review;
  const nothing = before !== undefined && isSame(review.difference) && before.fileId === fileId;
  if (nothing && !moveConversations) return { review, stored: undefined };
  // A node that has not noticed yet still decides by the plan before: what it binds meanwhile must not bind either.
  const keepSince = moveConversations
    ? new Date(deps.now.getTime() + NOTICED_WITHIN_MS)
    : (before?.keepSince ?? new Date(0));
  const fresh: NewPlan = {
    ...{ after: before?.seq ?? 0, planId, fileId, way, by, keepSince },
    document: writePlan(plan),
  };
  return { review, stored: await deps.store.putPlan(fresh, deps.now) };
}

/** Throws PLAN_REFUSED that names all of them. */
export function refuseConflicts(conflicts: readonly Conflict[], jump: boolean): void {
  const against = blocking(conflicts, jump);
  if (against.length === 0) return;
  const text = against.map(({ about, text, next }) => `${about}: ${text} (${next})`).join("; ");
  throw new GatewayError("PLAN_REFUSED", `the plan is not applied: ${text}`);
}

export function blocking(conflicts: readonly Conflict[], jump: boolean): readonly Conflict[] {
  return conflicts.filter(({ kind }) => kind === "refuse" || (kind === "jump" && !jump));
}

export interface StartDeps {
  readonly loaded: Pick<LoadedConfig, "config" | "definitions">;
  readonly store: Store;
  readonly log: Log;
  readonly now: Date;
}

/**
 * The plan in force when a gateway starts. The first one is that of the file. Later the file counts only on one node and
 * only when it changed since it was last applied or rolled back from; a file that is refused changes nothing.
 * Throws PLAN_REFUSED when the very first plan is refused.
 */
export async function planAtStart(deps: StartDeps): Promise<StoredPlan> {
  const { loaded, store, log, now } = deps;
  const newest = await store.newestPlan();
  const plan = planOf(loaded.config);
  const fileId = planIdOf(plan);
  if (newest?.fileId === fileId) return newest;
  if (newest && loaded.config.store.kind !== "sqlite") {
    log.warn({ plan: newest.planId, file: fileId }, "plan-differs-from-file");
    return newest;
  }
  const before = newest && activePlanOf(newest).plan;
  const unfinished = await countUnfinished(store, now);
  const conflicts = findConflicts(plan, {
    ...{ before, unfinished },
    legacyReaders: legacyReadersOf(loaded),
  });
  if (!newest) refuseConflicts(conflicts, false);
  const against = newest ? blocking(conflicts, false) : [];
  for (const { kind, about, text, next } of conflicts)
    log[against.length > 0 ? "error" : "warn"]({ kind, about, text, next }, "plan-conflict");
  if (newest && against.length > 0) {
    log.error({ plan: newest.planId, file: fileId }, "plan-of-file-refused");
    return newest;
  }
  const fresh: NewPlan = {
    ...{ after: newest?.seq ?? 0, planId: fileId, fileId, way: "start", by: "start" },
    keepSince: newest?.keepSince ?? new Date(0),
    document: writePlan(plan),
  };
  return putOrTake(store, fresh, now);
}

/** Two nodes that start at once: one writes the first plan, the other one takes it. */
async function putOrTake(store: Store, fresh: NewPlan, now: Date): Promise<StoredPlan> {
  try {
    return await store.putPlan(fresh, now);
  } catch (error) {
    const newest = await store.newestPlan();
    if (newest && newest.seq > fresh.after) return newest;
    throw error;
  }
}
