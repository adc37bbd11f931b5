import { letterIntoMailbox, letterIntoMatrix, letterPassedOn } from "./bundid.ts";
import { clerksShareADesk } from "./desk.ts";
import { courtAndAuthority } from "./egvp.ts";
import { acrossTheCountry } from "./fink.ts";
import { twoReadOneMailbox } from "./guardian.ts";
import { historyMoves } from "./history.ts";
import type { Journey } from "./steps.ts";
import { pilotMoves } from "./transition.ts";

/** What the demonstration plays, in this order; a new journey belongs here, and demo and tests play it. */
export const JOURNEYS: readonly PlannedJourney[] = [
  { what: "a letter comes into Matrix, its answer goes back", play: letterIntoMatrix },
  { what: "a letter goes into the mailbox, its answer comes back", play: letterIntoMailbox },
  { what: "a letter for somebody else passes through unchanged", play: letterPassedOn },
  {
    what: "a court writes, a clerk gives a receipt with legal effect and answers",
    play: courtAndAuthority,
  },
  { what: "a letter crosses the country between two service accounts", play: acrossTheCountry },
  {
    what: "a pilot group moves step by step and one step back, with letters under way",
    play: pilotMoves,
    isLong: true,
  },
  { what: "two clerks share a function mailbox, a deputy comes and goes", play: clerksShareADesk },
  { what: "a history moves, is killed in the middle, and is whole", play: historyMoves },
  { what: "two people read one mailbox, one of them for a while", play: twoReadOneMailbox },
];

interface PlannedJourney {
  readonly what: string;
  play(journey: Journey): Promise<void>;
  /** Takes minutes on a slow machine. */
  readonly isLong?: boolean;
}

/** Everything that JOURNEYS need, as options of `startStack`. */
export const WHOLE_STACK = { egvp: {}, fink: true, pilot: true, desk: true } as const;
