import type { PlanReview } from "../transition/review.ts";
import type { ReviewDocument } from "./plan-schema.ts";

/** The document of `--json` and of the admin API: no list of mailboxes, only counts and a few examples. */
export function reviewDocument(review: PlanReview): ReviewDocument {
  const { before, after, planId, difference, conflicts, effect, questions } = review;
  return {
    plan: planId,
    ...(before ? { replaces: { seq: before.seq, plan: before.planId } } : {}),
    order: after.cohorts.map(({ name, phase }) => ({ name, phase })),
    difference,
    conflicts,
    effect: { ...effect, inFlight: Object.fromEntries(effect.inFlight) },
    questions,
  };
}
