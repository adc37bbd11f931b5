import type { Side } from "../model/message.ts";
import { addDays, dayOf, spokenDay, type Day } from "./berlin.ts";
import { nextWorkingDay } from "./holidays.ts";
import { basisOf, ruleFor, type ClockRule } from "./legal-table.ts";

/** Something that happened to a letter on one side. */
export interface ChannelEvent {
  readonly side: Side;
  readonly at: Date;
}

export interface ClockFacts {
  /** As the letter writes it. */
  readonly legalBasis: string;
  /** The one side that counts (`PHASES[…].clock`); whatever happens on the other one changes nothing. */
  readonly side: Side;
  /** Made available: the positive receipt of the mailbox, once or again. */
  readonly available: readonly ChannelEvent[];
  readonly retrieved: readonly ChannelEvent[];
  /** The user was told that something is there. */
  readonly notified?: Date;
  /** The user objected to electronic notification (§ 9 Abs. 1 OZG, L1): nothing is deemed. */
  readonly objected?: boolean;
}

export type ClockState =
  /** No rule for this legal basis: the gateway says nothing about it. */
  | { readonly state: "no-rule" }
  /** Not made available yet, or the user objected. */
  | { readonly state: "not-started"; readonly why: "not-available" | "objected" }
  /** Counts from the retrieval, which is still possible until `until` (inclusive). */
  | { readonly state: "waits"; readonly until: Day | undefined; readonly rule: ClockRule }
  | {
      readonly state: "deemed";
      readonly day: Day;
      readonly by: "fiction" | "first-retrieval";
      readonly rule: ClockRule;
      /** Told at the latest on the day it was made available? (L6) undefined: nothing is known about it. */
      readonly noticeInTime: boolean | undefined;
    }
  /** The ten days are over without retrieval: not notified, to be provided again or otherwise (L8). */
  | { readonly state: "not-notified"; readonly since: Day; readonly rule: ClockRule };

export interface ClockOptions {
  readonly table: readonly ClockRule[];
  /** Days of rest beside the national holidays, `2026-06-04`. */
  readonly holidays?: ReadonlySet<string>;
}

/** From when on a letter counts as notified. Pure; days are calendar days in Germany. */
export function legalClock(facts: ClockFacts, options: ClockOptions, now: Date): ClockState {
  const ours = (events: readonly ChannelEvent[]) =>
    events
      .filter(({ side }) => side === facts.side)
      .map(({ at }) => at)
      .sort((a, b) => a.getTime() - b.getTime());
  const available = ours(facts.available);
  const [first] = available;
  const last = available.at(-1);
  if (!first || !last) return { state: "not-started", why: "not-available" };
  const rule = ruleFor(options.table, basisOf(facts.legalBasis), dayOf(last));
  if (!rule) return { state: "no-rule" };
  if (facts.objected) return { state: "not-started", why: "objected" };
  const [retrieved] = ours(facts.retrieved).filter((at) => at >= first);
  const noticeInTime = facts.notified && dayOf(facts.notified) <= dayOf(last);
  if (rule.start === "retrieved")
    return fromRetrieval(rule, { last, retrieved, noticeInTime }, options, now);
  const fiction = end(rule, dayOf(last), options);
  const again = available.length > 1;
  const earlier = rule.firstRetrieval && again && retrieved ? dayOf(retrieved) : undefined;
  if (earlier !== undefined && earlier < fiction)
    return { state: "deemed", day: earlier, by: "first-retrieval", rule, noticeInTime };
  return { state: "deemed", day: fiction, by: "fiction", rule, noticeInTime };
}

interface Seen {
  readonly last: Date;
  readonly retrieved: Date | undefined;
  readonly noticeInTime: boolean | undefined;
}

function fromRetrieval(
  rule: ClockRule,
  { last, retrieved, noticeInTime }: Seen,
  options: ClockOptions,
  now: Date,
): ClockState {
  const { watchdogDays } = rule;
  const until = watchdogDays === undefined ? undefined : addDays(dayOf(last), watchdogDays);
  if (retrieved && (until === undefined || dayOf(retrieved) <= until)) {
    const day = end(rule, dayOf(retrieved), options);
    return { state: "deemed", day, by: "fiction", rule, noticeInTime };
  }
  if (until !== undefined && dayOf(now) > until)
    return { state: "not-notified", since: addDays(until, 1), rule };
  return { state: "waits", until, rule };
}

function end(rule: ClockRule, start: Day, { holidays }: ClockOptions): Day {
  const day = addDays(start, rule.days);
  return rule.shiftNonWorking ? nextWorkingDay(day, holidays) : day;
}

/** The line that the room and the console show; German. undefined: nothing to say. */
export function clockLine(clock: ClockState): string | undefined {
  switch (clock.state) {
    case "deemed": {
      const why =
        clock.by === "first-retrieval"
          ? `${clock.rule.text}; früherer erster Abruf`
          : clock.rule.text;
      const late = clock.noticeInTime === false ? " Benachrichtigung nicht am selben Tag." : "";
      return `Gilt als bekannt gegeben am ${spokenDay(clock.day)} (${why}).${late}`;
    }
    case "waits":
      return clock.until === undefined
        ? `Noch nicht bekannt gegeben (${clock.rule.text}).`
        : `Noch nicht bekannt gegeben (${clock.rule.text}); abrufbar bis ${spokenDay(clock.until)}.`;
    case "not-notified":
      return `Nicht bekannt gegeben: bis ${spokenDay(addDays(clock.since, -1))} nicht abgerufen (${clock.rule.text}). Erneut oder auf anderem Weg bekannt geben.`;
    case "not-started":
      return clock.why === "objected"
        ? "Keine Bekanntgabefiktion: der elektronischen Bekanntgabe wurde widersprochen."
        : undefined;
    case "no-rule":
      return undefined;
  }
}

/** Open legal questions behind the rules that can still decide something after `now`. */
export function openQuestions(table: readonly ClockRule[], now: Date): readonly string[] {
  const today = dayOf(now);
  const bases = [...new Set(table.map(({ basis }) => basis))];
  const used = bases.flatMap((basis) => ruleFor(table, basis, today) ?? []);
  return [...new Set(used.flatMap(({ openQuestion }) => openQuestion ?? []))];
}
