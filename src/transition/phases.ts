import type { Phase } from "../bridge/contract.ts";
import type { Side } from "../model/message.ts";

/**
 * Where an account, or a part of it, stands between the old mailbox and Matrix. This table is the only source: the
 * pipeline asks it, docs/transition.md is compared with it by a test.
 */
export interface PhaseRule {
  /** One sentence for operators. */
  readonly meaning: string;
  /** What becomes of a letter that the legacy side brings: not taken, only counted, or taken as a letter. */
  readonly takes: "nothing" | "sightings" | "letters";
  /** Which side's letter counts: for receipts, for the legal clock, for the sender. undefined: none of ours. */
  readonly authority: Side | undefined;
  /** Which side gets a copy beside it. */
  readonly copyTo: Side | undefined;
  /** May a bridge acknowledge upstream that the letter arrived? */
  readonly acknowledges: boolean;
  /** Is the legacy sender told what became of the letter in Matrix (delivered, retrieved)? */
  readonly receipts: boolean;
  /** Who tells the reader that there is something new: one side only, so that nobody is told twice. */
  readonly notifies: Side | undefined;
  /** Which side's times start the legal clock. */
  readonly clock: Side | undefined;
  /**
   * What becomes of a letter written in Matrix. answers: sent when it answers a letter, else refused. wait: it is taken
   * up again when the phase allows it. Who is refused reads it in the room at once.
   */
  readonly fromMatrix: "send" | "answers" | "refuse" | "wait";
  /** Phases that an account may go to from here in one step. */
  readonly next: readonly Phase[];
}

const still = {
  takes: "nothing",
  authority: undefined,
  copyTo: undefined,
  acknowledges: false,
  receipts: false,
  notifies: undefined,
  clock: undefined,
} as const;

export const PHASES: Readonly<Record<Phase, PhaseRule>> = {
  off: {
    ...still,
    meaning: "Does nothing: nothing is taken, nothing is handed over, what is under way waits.",
    fromMatrix: "wait",
    next: ["observe", "mirror", "matrix", "drain"],
  },
  observe: {
    meaning:
      "The old mailbox works as before; the gateway reads copies and counts them, acknowledges nothing, sends nothing.",
    takes: "sightings",
    authority: "legacy",
    copyTo: undefined,
    acknowledges: false,
    receipts: false,
    notifies: "legacy",
    clock: "legacy",
    fromMatrix: "refuse",
    next: ["off", "mirror", "drain"],
  },
  mirror: {
    meaning: "The old mailbox counts; Matrix gets a copy that can be read and not answered.",
    takes: "letters",
    authority: "legacy",
    copyTo: "matrix",
    acknowledges: false,
    receipts: false,
    notifies: "legacy",
    clock: "legacy",
    fromMatrix: "refuse",
    next: ["off", "observe", "matrix-first", "drain"],
  },
  "matrix-first": {
    meaning: "Matrix counts; the old mailbox gets a copy where its interface allows one.",
    takes: "letters",
    authority: "matrix",
    copyTo: "legacy",
    acknowledges: true,
    receipts: true,
    notifies: "matrix",
    clock: "matrix",
    fromMatrix: "send",
    next: ["off", "mirror", "matrix", "drain"],
  },
  matrix: {
    meaning: "Only Matrix: senders in the old system are still served, readers there no more.",
    takes: "letters",
    authority: "matrix",
    copyTo: undefined,
    acknowledges: true,
    receipts: true,
    notifies: "matrix",
    clock: "matrix",
    fromMatrix: "send",
    next: ["off", "matrix-first", "drain"],
  },
  drain: {
    ...still,
    meaning: "Takes nothing new, finishes what is there: letters under way, receipts, answers.",
    fromMatrix: "answers",
    next: ["off", "matrix-first", "matrix"],
  },
};

export const PHASE_NAMES = Object.keys(PHASES) as readonly Phase[];

/** Standing still is always allowed. */
export function mayGo(from: Phase, to: Phase): boolean {
  return from === to || PHASES[from].next.includes(to);
}

/** The shortest way in allowed steps, both ends included; for advice to the operator. */
export function wayBetween(from: Phase, to: Phase): readonly Phase[] {
  const ways: (readonly Phase[])[] = [[from]];
  for (const way of ways) {
    const last = way.at(-1) ?? from;
    if (last === to) return way;
    // Through `off` nothing is taken for a while: never an advice, unless it is the goal itself.
    for (const next of PHASES[last].next)
      if (
        !way.includes(next) &&
        (next !== "off" || to === "off") &&
        (next !== "drain" || to === "drain")
      )
        ways.push([...way, next]);
  }
  return [from, to];
}

/**
 * A letter of the legacy side that goes to the side that does not count: its receipts are told to nobody, and it is
 * never counted as delivered to the reader. `phase` undefined: decided before there were phases.
 */
export function isCopy(letter: {
  readonly origin: Side;
  readonly destination: Side;
  readonly phase?: Phase;
}): boolean {
  if (letter.origin !== "legacy" || letter.phase === undefined) return false;
  const { authority } = PHASES[letter.phase];
  return authority !== undefined && authority !== letter.destination;
}
