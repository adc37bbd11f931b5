/**
 * "This lane has work." Carries lane ids only, is rung after COMMIT, and may vanish at any time: the sweep repairs that.
 * A lane that rings while its handler runs is handled once more afterwards; the handler never runs twice at the same
 * time for one lane within one node. Two implementations (memory, BullMQ) pass test/conformance/doorbell.ts.
 */
export interface Doorbell {
  /** `handler` must not throw; it is given an aborted signal on stop. */
  start(handler: (lane: string, signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Best effort, never throws. `at` in the future: ring then (the earliest asked-for time wins). */
  ring(lane: string, at?: Date): void;
  /** Stops taking rings, aborts and awaits running handlers, at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
  /** For /ready and metrics: degraded is not down, the sweep still works. */
  health(): Promise<{ ok: boolean; detail?: string }>;
}
