import { setImmediate as nextTurn } from "node:timers/promises";

/** Longest stretch of work of all bulk jobs together between two turns of the event loop, milliseconds. */
export const TURN_MILLISECONDS = 5;

/** Work that can be interrupted: every `yield` is a place where the event loop may be given a turn. */
export type Steps<T> = Generator<undefined, T, undefined>;

// One clock for all jobs: many short ones in a row must not add up to a long one.
let lastTurn = performance.now();

/**
 * Call it between pieces of bulk work: lets the event loop turn when the last turn is `TURN_MILLISECONDS` ago. Throws
 * the signal's reason when it was aborted.
 */
export async function giveWay(signal?: AbortSignal): Promise<void> {
  if (performance.now() - lastTurn < TURN_MILLISECONDS) return;
  await nextTurn();
  lastTurn = performance.now();
  signal?.throwIfAborted();
}

/** Runs all steps without a pause: for input whose size limit is small. */
export function runAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Runs the steps and lets the event loop turn in between. */
export async function runPaced<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await giveWay(signal);
  }
}
