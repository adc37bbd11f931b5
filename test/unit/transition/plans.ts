import { planOf, type Cohort, type Participant, type Plan } from "../../../src/transition/plan.ts";
import type { Phase } from "../../../src/bridge/contract.ts";
import type { LetterFacts } from "../../../src/transition/cohorts.ts";

export interface PlanSketch {
  readonly phase?: Phase;
  readonly accounts?: Partial<Plan["accounts"][number]>[];
  readonly cohorts?: Cohort[];
  readonly participants?: Participant[];
  readonly conversations?: Plan["conversations"];
}

/** A plan of one account `first` (Land NW, service Wohngeld), or of those that are given. */
export function sketch(given: PlanSketch = {}): Plan {
  const base = {
    ...{ name: "first", bridge: "sample", phase: given.phase ?? "matrix" },
    ...{ land: "NW", service: "Wohngeld" },
  };
  return {
    version: 1,
    conversations: given.conversations ?? "keep",
    accounts: (given.accounts ?? [{}]).map((account) => ({ ...base, ...account })),
    participants: given.participants ?? [],
    cohorts: given.cohorts ?? [],
  };
}

export function letterTo(mailbox: string, more: Partial<LetterFacts> = {}): LetterFacts {
  return { account: "first", direction: "inbound", mailbox, users: [], ...more };
}

export { planOf };
