import type { LegacyReader, Phase } from "../bridge/contract.ts";
import type { ErrorCode } from "../model/errors.ts";
import type { Side } from "../model/message.ts";
import type { Directory } from "../pipeline/directory.ts";
import type { Binding, LetterDecision, Store } from "../store/store.ts";
import type { ActivePlan, ActivePlans } from "./active.ts";
import { asksForUsers, decide, isBraked, type Direction, type LetterFacts } from "./cohorts.ts";
import { PHASES } from "./phases.ts";
import type { Plan } from "./plan.ts";

/** What is to become of one letter. Asked once, when it is accepted. */
export interface Decider {
  inbound(letter: InboundLetter): Promise<InboundDecision>;
  outbound(letter: OutboundLetter): Promise<OutboundDecision>;
  /** Phase and rule of any letter with these facts, with what binds its conversation; for `plan explain`. */
  decide(facts: LetterFacts, conversationId: string | undefined): Promise<BoundDecision>;
}

export interface InboundLetter {
  readonly account: string;
  readonly conversationId: string;
  readonly mailbox: string;
  readonly service?: string;
  /** Somebody has decided already where it goes (nobody in Matrix reads the mailbox). */
  readonly fixed?: Side;
  readonly answer: boolean;
  readonly legacyReader: LegacyReader;
}
export type InboundDecision =
  | { readonly take: "refuse"; readonly detail: string }
  | { readonly take: "sighting"; readonly rule: string }
  | {
      readonly take: "letter";
      readonly destination: Side;
      readonly copyTo?: Side;
      readonly decision?: LetterDecision;
    };

export interface OutboundLetter {
  readonly account: string;
  readonly conversationId: string;
  readonly mailbox: string;
  readonly isAnswer: boolean;
}
export type OutboundDecision =
  | { readonly take: "letter"; readonly decision: LetterDecision }
  | { readonly take: "refuse"; readonly refuse: Refused; readonly decision: LetterDecision }
  | { readonly take: "wait"; readonly detail: string };
interface Refused {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly notice: string;
}

/** `binding`: what the store has to find unchanged when it takes the letter. */
export interface BoundDecision {
  readonly phase: Phase;
  readonly rule: string;
  readonly binding?: NonNullable<LetterDecision["binding"]>;
  /** The conversation stays where it was, the plan alone would have said this. */
  readonly keptFrom?: { readonly phase: Phase; readonly rule: string };
}

export interface DeciderDeps {
  readonly plans: Pick<ActivePlans, "current">;
  readonly store: Pick<Store, "lastDecision">;
  readonly directory: Pick<Directory, "readersOf">;
  readonly now: () => Date;
}

export function createDecider(deps: DeciderDeps): Decider {
  const bound = (facts: Omit<LetterFacts, "users">, conversationId: string) =>
    decideBound(deps, facts, conversationId);
  return {
    decide: (facts, conversationId) => decideBound(deps, facts, conversationId),
    async inbound(letter) {
      const { account, mailbox, service, conversationId } = letter;
      const facts = {
        ...{ account, mailbox, direction: "inbound" as Direction },
        ...(service === undefined ? {} : { service }),
      };
      const decision = await bound(facts, conversationId);
      const { phase } = decision;
      if (letter.answer && phase !== "off") return { take: "letter", destination: "matrix" };
      if (PHASES[phase].takes === "nothing")
        return { take: "refuse", detail: `phase ${phase} takes nothing (${decision.rule})` };
      if (letter.fixed !== undefined) return { take: "letter", destination: letter.fixed };
      return inboundBy(decision, letter.legacyReader);
    },
    async outbound({ account, mailbox, conversationId, isAnswer }) {
      const facts = { account, mailbox, direction: "outbound" as Direction };
      const { phase, rule, binding } = await bound(facts, conversationId);
      const decision = { phase, rule, ...(binding ? { binding } : {}) };
      const { fromMatrix } = PHASES[phase];
      if (fromMatrix === "wait")
        return { take: "wait", detail: `the account is ${phase} (${rule})` };
      if (fromMatrix === "send" || (fromMatrix === "answers" && isAnswer))
        return { take: "letter", decision };
      const detail = `phase ${phase} sends nothing (${rule})`;
      const refuse = { code: "NOT_ALLOWED", detail, notice: noticeOf(phase) } as const;
      return { take: "refuse", refuse, decision };
    },
  };
}

/** Where it goes, by phase and by how a reader in the old system would get it (docs/adr/0013-transition.md). */
function inboundBy({ phase, rule, binding }: BoundDecision, reader: LegacyReader): InboundDecision {
  const { authority, takes, copyTo } = PHASES[phase];
  const decision = { phase, rule, ...(binding ? { binding } : {}) };
  if (authority === "legacy") {
    if (reader === "none")
      return { take: "refuse", detail: `phase ${phase} needs a reader in the old system` };
    if (reader === "forward")
      return { take: "letter", destination: "legacy", decision, ...(copyTo ? { copyTo } : {}) };
    if (takes === "sightings") return { take: "sighting", rule };
    // It stays in the old mailbox by itself; what we hold is the copy.
    return { take: "letter", destination: "matrix", decision };
  }
  const copies = copyTo !== undefined && reader === "forward";
  return { take: "letter", destination: "matrix", decision, ...(copies ? { copyTo } : {}) };
}

async function decideBound(
  deps: DeciderDeps,
  given: Omit<LetterFacts, "users"> & { readonly users?: readonly string[] },
  conversationId: string | undefined,
): Promise<BoundDecision> {
  const active = deps.plans.current();
  const users = given.users ?? (await usersFor(deps, active.plan, given));
  const planned = decide(active.plan, { ...given, users }, deps.now());
  if (conversationId === undefined || !active.binds || isBraked(planned)) return planned;
  if (active.plan.conversations === "follow") return planned;
  const asked = bindingOf(active, given.direction);
  const last = await deps.store.lastDecision(conversationId, asked);
  const binding = { ...asked, phase: last?.phase };
  if (!last || PHASES[last.phase].authority === PHASES[planned.phase].authority)
    return { ...planned, binding };
  return { ...last, binding, keptFrom: planned };
}

async function usersFor(
  { directory }: DeciderDeps,
  plan: Plan,
  { account, mailbox }: Pick<LetterFacts, "account" | "mailbox">,
): Promise<readonly string[]> {
  return asksForUsers(plan) ? directory.readersOf(account, mailbox) : [];
}

/** Both directions of a conversation stand on the same side, unless cohorts tell them apart. */
function bindingOf({ plan, keepSince }: ActivePlan, direction: Direction): Binding {
  if (plan.cohorts.every((cohort) => cohort.direction === undefined)) return { since: keepSince };
  return { since: keepSince, origin: direction === "inbound" ? "legacy" : "matrix" };
}

function noticeOf(phase: Phase): string {
  return phase === "drain"
    ? "Dieses Postfach nimmt keine neuen Schreiben mehr an. Es wurde nichts übermittelt."
    : "Für dieses Postfach gilt zurzeit das bisherige System. Bitte antworten Sie dort; hier wurde nichts übermittelt.";
}
