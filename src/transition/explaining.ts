import type { Directory } from "../pipeline/directory.ts";
import type { Store, StoredMessage } from "../store/store.ts";
import { GatewayError } from "../model/errors.ts";
import type { LevelPolicy } from "../config/people-schema.ts";
import { decideLevel, type LevelDecision } from "../people/levels.ts";
import type { Message } from "../model/message.ts";
import type { ActivePlan } from "./active.ts";
import { explain, type Direction, type LetterFacts, type Step } from "./cohorts.ts";
import { createDecider, type BoundDecision } from "./deciding.ts";
import { clockLine, type ClockOptions } from "./legal-clock.ts";
import { clockOfLetter } from "./letter-clock.ts";
import { PHASES } from "./phases.ts";

/** Why a mailbox, or a letter, stands where it stands. */
export interface Explanation {
  readonly account: string;
  readonly mailbox: string;
  readonly direction: Direction;
  readonly readers: number;
  readonly plan: { readonly seq: number; readonly id: string };
  readonly steps: readonly Step[];
  /** What a new letter would be decided now. */
  readonly now: Pick<BoundDecision, "phase" | "rule" | "keptFrom">;
  readonly meaning: string;
  /** Up to which trust level rooms show letters, and what becomes of the others; "all" without a policy. */
  readonly levels: LevelPolicy | "all";
  /** What was decided when the letter was accepted; it keeps that. */
  readonly letter?: {
    readonly id: string;
    readonly phase?: string;
    readonly rule?: string;
    readonly copyOf?: string;
    readonly acceptedAt: Date;
    readonly destination: string;
    /** Whether a room may show it, and why. */
    readonly level: LevelDecision;
    /** From when on it counts as notified, by the evidence; German. Absent: no legal basis, no rule, or a copy. */
    readonly clock?: string;
  };
}

export interface ExplainDeps {
  readonly store: Store;
  readonly directory: Directory;
  readonly active: ActivePlan;
  readonly clock: ClockOptions;
  levelsOf?(account: string): LevelPolicy | undefined;
  readonly now: Date;
}

export async function explainMailbox(
  { store, directory, active, now, levelsOf }: ExplainDeps,
  place: { account: string; mailbox: string; direction: Direction; service?: string },
  conversationId?: string,
): Promise<Explanation> {
  const { account, mailbox, direction } = place;
  if (!active.plan.accounts.some(({ name }) => name === account))
    throw new GatewayError("NOT_FOUND", `there is no account ${account} in the plan in force`);
  const users = await directory.readersOf(account, mailbox);
  const facts: LetterFacts = { ...place, users };
  const decider = createDecider({
    ...{ store, directory, now: () => now },
    plans: { current: () => active },
  });
  const { phase, rule, keptFrom } = await decider.decide(facts, conversationId);
  return {
    ...{ account, mailbox, direction, readers: users.length },
    plan: { seq: active.seq, id: active.planId },
    steps: explain(active.plan, facts, now),
    now: { phase, rule, ...(keptFrom ? { keptFrom } : {}) },
    meaning: PHASES[phase].meaning,
    levels: levelsOf?.(account) ?? "all",
  };
}

/** Throws NOT_FOUND. */
export async function explainLetter(deps: ExplainDeps, id: string): Promise<Explanation> {
  const trace = await deps.store.trace(id);
  if (!trace) throw new GatewayError("NOT_FOUND", `there is no letter ${id}`);
  const { stored, receipts } = trace;
  const state = clockOfLetter(stored, receipts, deps.clock, deps.now);
  const clock = state && clockLine(state);
  const place = await placeOf(deps.store, stored);
  const explanation = await explainMailbox(deps, place, stored.conversationId);
  const { phase, rule, copyOf, acceptedAt, destination } = stored;
  return {
    ...explanation,
    letter: {
      ...{ id, acceptedAt, destination },
      level: decideLevel(stored.message, deps.levelsOf?.(explanation.account)),
      ...(phase === undefined ? {} : { phase }),
      ...(rule === undefined ? {} : { rule }),
      ...(copyOf === undefined ? {} : { copyOf }),
      ...(clock === undefined ? {} : { clock }),
    },
  };
}

async function placeOf(store: Store, { message, origin, conversationId }: StoredMessage) {
  const direction: Direction = origin === "legacy" ? "inbound" : "outbound";
  const local = (await store.conversation(conversationId))?.local.address;
  return { account: message.account, mailbox: local ?? ownOf(message, direction), direction };
}

function ownOf({ to, from }: Message, direction: Direction): string {
  return (direction === "inbound" ? to[0]?.address : from.address) ?? "";
}
