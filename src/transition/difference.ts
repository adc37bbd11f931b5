import type { Phase } from "../bridge/contract.ts";
import type { Cohort, Plan } from "./plan.ts";

/** What differs between two plans, in words for operators. Pure. */
export interface Difference {
  readonly accounts: readonly AccountChange[];
  readonly cohorts: readonly CohortChange[];
  readonly participants: readonly {
    readonly code: string;
    readonly change: "added" | "removed" | "changed";
  }[];
  readonly conversations?: {
    readonly from: Plan["conversations"];
    readonly to: Plan["conversations"];
  };
}
export interface AccountChange {
  readonly account: string;
  readonly from: Phase | undefined;
  readonly to: Phase | undefined;
  /** Land, participant, service or bridge that changed. */
  readonly also: readonly string[];
}
export interface CohortChange {
  readonly cohort: string;
  readonly change: "added" | "removed" | "changed" | "moved";
  /** Keys that changed; for a share or a list how. */
  readonly detail: string;
}

export function differenceOf(before: Plan | undefined, after: Plan): Difference {
  const { conversations: from = after.conversations } = before ?? {};
  return {
    accounts: accountChanges(before, after),
    cohorts: cohortChanges(before?.cohorts ?? [], after.cohorts),
    participants: participantChanges(before, after),
    ...(from === after.conversations ? {} : { conversations: { from, to: after.conversations } }),
  };
}

export function isSame(difference: Difference): boolean {
  const { accounts, cohorts, participants, conversations } = difference;
  return accounts.length + cohorts.length + participants.length === 0 && !conversations;
}

function accountChanges(before: Plan | undefined, after: Plan): AccountChange[] {
  const old = new Map((before?.accounts ?? []).map((account) => [account.name, account]));
  const now = new Map(after.accounts.map((account) => [account.name, account]));
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((account) => {
    const [one, two] = [old.get(account), now.get(account)];
    const fields = ["bridge", "land", "participant", "service"] as const;
    const also = one && two ? fields.filter((field) => one[field] !== two[field]) : [];
    if (one?.phase === two?.phase && also.length === 0) return [];
    return [{ account, from: one?.phase, to: two?.phase, also }];
  });
}

function cohortChanges(before: readonly Cohort[], after: readonly Cohort[]): CohortChange[] {
  const old = new Map(before.map((cohort) => [cohort.name, cohort]));
  const now = new Map(after.map((cohort) => [cohort.name, cohort]));
  const kept = (list: readonly Cohort[], other: ReadonlyMap<string, Cohort>) =>
    list.filter(({ name }) => other.has(name)).map(({ name }) => name);
  const [orderBefore, orderAfter] = [kept(before, now), kept(after, old)];
  return [
    ...before
      .filter(({ name }) => !now.has(name))
      .map(({ name: cohort }) => ({ cohort, change: "removed", detail: "" }) as const),
    ...after.flatMap((cohort): CohortChange[] => {
      const former = old.get(cohort.name);
      const { name } = cohort;
      if (!former) return [{ cohort: name, change: "added", detail: `phase ${cohort.phase}` }];
      const detail = changedKeys(former, cohort);
      if (detail !== "") return [{ cohort: name, change: "changed", detail }];
      if (orderBefore.indexOf(name) === orderAfter.indexOf(name)) return [];
      return [
        { cohort: name, change: "moved", detail: `now at place ${after.indexOf(cohort) + 1}` },
      ];
    }),
  ];
}

function changedKeys(before: Cohort, after: Cohort): string {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof Cohort>;
  return [...keys]
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .map((key) => `${key}: ${inWords(before[key])} → ${inWords(after[key])}`)
    .join("; ");
}

/** Lists may name people and be long: only how many. */
function inWords(value: Cohort[keyof Cohort]): string {
  if (value === undefined) return "not set";
  if (Array.isArray(value)) return `${value.length} entries`;
  return String(value as string | number);
}

function participantChanges(before: Plan | undefined, after: Plan): Difference["participants"] {
  const old = new Map((before?.participants ?? []).map((it) => [it.code, JSON.stringify(it)]));
  const now = new Map(after.participants.map((it) => [it.code, JSON.stringify(it)]));
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((code) => old.get(code) !== now.get(code))
    .map((code) => ({
      code,
      change: !old.has(code) ? "added" : !now.has(code) ? "removed" : "changed",
    }));
}
