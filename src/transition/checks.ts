import type { LegacyReader, Phase } from "../bridge/contract.ts";
import { isBraked } from "./cohorts.ts";
import { mayGo, PHASES, wayBetween } from "./phases.ts";
import {
  accountIn,
  type Cohort,
  type Participant,
  type Plan,
  type PlannedAccount,
} from "./plan.ts";

/** What speaks against a plan. refuse: it is not applied. jump: only when asked for. warn: the operator should know. */
export interface Conflict {
  readonly kind: "refuse" | "jump" | "warn";
  readonly about: string;
  readonly text: string;
  readonly next: string;
}

/** What the plan of the file stands on, beside the plan itself. */
export interface CheckedAgainst {
  /** The plan in force; undefined: there is none yet. */
  readonly before: Plan | undefined;
  /** By account of the file. */
  readonly legacyReaders: ReadonlyMap<string, LegacyReader>;
  /** Letters that are not finished, by account. */
  readonly unfinished: ReadonlyMap<string, number>;
}

export function findConflicts(plan: Plan, against: CheckedAgainst): readonly Conflict[] {
  return [
    ...plan.accounts.flatMap((account) => [
      ...ofSteps(account, against),
      ...ofParticipant(plan, account),
      ...ofBridge(plan, account, against),
    ]),
    ...ofParticipants(plan),
    ...ofLostAccounts(plan, against),
    ...ofCohortSteps(plan, against),
    ...ofCohorts(plan),
  ];
}

/** Phases that can decide a letter of this account. */
export function phasesOf(plan: Plan, account: PlannedAccount): readonly Phase[] {
  if (isBraked(account)) return [account.phase];
  const cohorts = plan.cohorts.filter((cohort) => canReach(cohort, account));
  return [...new Set([account.phase, ...cohorts.map(({ phase }) => phase)])];
}

/** Can a letter of this account come into that cohort? */
export function canReach(
  { accounts, lands, participants }: Cohort,
  account: PlannedAccount,
): boolean {
  return (
    !isBraked(account) &&
    holds(accounts, account.name) &&
    holds(lands, account.land) &&
    holds(participants, account.participant)
  );
}

function holds(list: readonly string[] | undefined, value: string | undefined): boolean {
  return list === undefined || (value !== undefined && list.includes(value));
}

function ofSteps(account: PlannedAccount, { before, unfinished }: CheckedAgainst): Conflict[] {
  const { name, phase } = account;
  const from = before && accountIn(before, name)?.phase;
  if (from === undefined || from === phase) return [];
  if (!mayGo(from, phase)) {
    const way = wayBetween(from, phase).join(" → ");
    const text = `${from} → ${phase} is not one step`;
    return [{ kind: "jump", about: name, text, next: `go ${way}, or apply with --jump` }];
  }
  const open = unfinished.get(name) ?? 0;
  if (phase !== "off" || open === 0) return [];
  const text = `${open} letters are not finished; they wait until the account is on again`;
  return [{ kind: "warn", about: name, text, next: "go through drain first" }];
}

function ofParticipant(plan: Plan, account: PlannedAccount): Conflict[] {
  const { name, participant: code } = account;
  if (code === undefined) return [];
  const participant = plan.participants.find((it) => it.code === code);
  if (!participant) {
    const text = `nothing is known of participant ${code}`;
    return [{ kind: "warn", about: name, text, next: "describe it under transition.participants" }];
  }
  const phases = phasesOf(plan, account).filter((phase) => phase !== "off" && phase !== "drain");
  if (phases.length === 0) return [];
  return [...ofAgreement(name, participant, phases), ...ofRetirement(name, participant)];
}

/** Production needs an agreement or a letter of intent (bundid-fink.md §6.1); who only observes moves nothing. */
function ofAgreement(name: string, participant: Participant, phases: readonly Phase[]): Conflict[] {
  const { agreement, mailbox, code } = participant;
  const moves = phases.filter((phase) => PHASES[phase].takes === "letters");
  if (agreement !== "none" || moves.length === 0) return [];
  const text = `participant ${code} has neither agreement nor letter of intent, but letters move (${moves.join(", ")})`;
  const next = "set transition.participants[].agreement once it is there, or stay in observe";
  return [{ kind: mailbox === "pilot" ? "warn" : "refuse", about: name, text, next }];
}

function ofRetirement(
  name: string,
  { code, account, mailbox, successor }: Participant,
): Conflict[] {
  if (account !== "retired" && mailbox !== "retired") return [];
  const to = successor === undefined ? "" : `; its successor is ${successor}`;
  const text = `participant ${code} is retired${to}`;
  return [{ kind: "refuse", about: name, text, next: "set the account to drain or off" }];
}

/** Coupled: account and mailbox go into production on one day (bundid-fink.md §6.1). */
function ofParticipants(plan: Plan): Conflict[] {
  return plan.participants.flatMap((participant): Conflict[] => {
    const { code, coupled, account, mailbox, agreement, successor } = participant;
    const found: Conflict[] = [];
    if (coupled && (account === "production") !== (mailbox === "production")) {
      const text = `is coupled, but its account is ${account} and its mailbox is ${mailbox}`;
      found.push({
        kind: "refuse",
        about: code,
        text,
        next: "bring both into production together",
      });
    }
    if (agreement === "none" && mailbox === "production") {
      const text = "its mailbox is in production without agreement or letter of intent";
      found.push({ kind: "refuse", about: code, text, next: "set its agreement" });
    }
    const isGone = account === "retired" || mailbox === "retired";
    if (isGone && successor === undefined) {
      const text = "is retired and names no successor";
      found.push({
        kind: "warn",
        about: code,
        text,
        next: "name one, or provide for letters by post",
      });
    }
    return found;
  });
}

function ofBridge(
  plan: Plan,
  account: PlannedAccount,
  { legacyReaders }: CheckedAgainst,
): Conflict[] {
  const reader = legacyReaders.get(account.name);
  if (reader === undefined) return [];
  const phases = phasesOf(plan, account);
  const about = account.name;
  const needs = phases.filter((phase) => PHASES[phase].authority === "legacy");
  if (needs.length > 0 && reader === "none") {
    const text = `its settings of bridge ${account.bridge} leave no letters to readers in the old system (${needs.join(", ")})`;
    return [
      {
        kind: "refuse",
        about,
        text,
        next: "use matrix, drain or off; when a cohort says it, name its `accounts`",
      },
    ];
  }
  if (!phases.includes("matrix-first") || reader === "forward") return [];
  const text = `its settings of bridge ${account.bridge} put no copy into the old mailbox; matrix-first works like matrix`;
  return [
    { kind: "warn", about, text, next: "nothing, if readers there are not to go on reading" },
  ];
}

function ofLostAccounts(plan: Plan, { before, unfinished }: CheckedAgainst): Conflict[] {
  return (before?.accounts ?? [])
    .filter(({ name }) => accountIn(plan, name) === undefined)
    .map(({ name, phase }) => {
      const open = unfinished.get(name) ?? 0;
      const kind = open > 0 || !isBraked({ phase }) ? "jump" : "warn";
      const text = `is no longer in the file; ${open} of its letters are not finished`;
      return { kind, about: name, text, next: "drain it, then decommission it, then remove it" };
    });
}

/** A cohort goes step by step like an account does: what it leaves out nobody has looked at. */
function ofCohortSteps(plan: Plan, { before }: CheckedAgainst): Conflict[] {
  return plan.cohorts.flatMap(({ name, phase }): Conflict[] => {
    const from = before?.cohorts.find((cohort) => cohort.name === name)?.phase;
    if (from === undefined || mayGo(from, phase)) return [];
    const text = `${from} → ${phase} is not one step`;
    const way = wayBetween(from, phase).join(" → ");
    return [
      {
        kind: "jump",
        about: `cohort ${name}`,
        text,
        next: `go ${way}, or apply with --jump`,
      },
    ];
  });
}

/** Cohorts that no letter can reach, and such that decide nothing while the account stands still. */
function ofCohorts(plan: Plan): Conflict[] {
  const found: Conflict[] = [];
  const open = plan.cohorts.findIndex(matchesAll);
  const hidden = open < 0 ? [] : plan.cohorts.slice(open + 1);
  for (const { name } of hidden) {
    const text = `is never asked: cohort ${plan.cohorts[open]?.name ?? ""} before it matches every letter`;
    found.push({ kind: "warn", about: name, text, next: "change the order" });
  }
  for (const { name, phase } of plan.cohorts)
    if (isBraked({ phase })) {
      const text = `takes nothing (${phase}): letters of its mailboxes stay with their senders`;
      found.push({ kind: "warn", about: name, text, next: "nothing, if that is meant" });
    }
  return found;
}

function matchesAll(cohort: Plan["cohorts"][number]): boolean {
  return Object.entries(cohort).every(
    ([key, value]) =>
      ["name", "phase", "seed"].includes(key) ||
      value === undefined ||
      (key === "share" && value === 100),
  );
}
