/** Lanes that may wait at once; more are left to the sweep. */
const MAX_WAITING = 100_000;

export type LaneHandler = (lane: string, signal: AbortSignal) => Promise<void>;

/**
 * Who may run now: a lane never twice at the same time, so many lanes at once, first come first served. A lane that
 * rings while it runs is run once more afterwards, however often it rang.
 */
export interface Turns {
  start(handler: LaneHandler): void;
  /** Resolves when a run that began after this call is over (or never will be). */
  ring(lane: string): Promise<unknown>;
  /** Nothing begins any more; what runs is aborted and awaited, at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

interface Waiter {
  readonly done: Promise<undefined>;
  readonly resolve: () => void;
}

export function createTurns(concurrency: number): Turns {
  const waiting = new Map<string, Waiter>();
  const running = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let handler: LaneHandler | undefined;

  async function run(lane: string, handle: LaneHandler, waiter: Waiter): Promise<void> {
    try {
      await Promise.resolve();
      await handle(lane, stopping.signal);
    } catch {
      // A handler must not throw; if it does, the lane stays due in the database and is rung again.
    } finally {
      running.delete(lane);
      waiter.resolve();
      takeNext();
    }
  }

  /** Looks past lanes that run already; these are at most as many as may run. */
  function takeNext(): void {
    if (!handler || stopping.signal.aborted) return;
    for (const [lane, waiter] of waiting) {
      if (running.size >= concurrency) return;
      if (running.has(lane)) continue;
      waiting.delete(lane);
      running.set(lane, Promise.resolve());
      running.set(lane, run(lane, handler, waiter));
    }
  }

  return {
    start(given) {
      handler = given;
      takeNext();
    },
    ring(lane) {
      const known = waiting.get(lane);
      if (known) return known.done;
      if (stopping.signal.aborted || waiting.size >= MAX_WAITING) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<undefined>();
      waiting.set(lane, { done: promise, resolve: () => resolve(undefined) });
      takeNext();
      return promise;
    },
    async stop(graceMs) {
      stopping.abort(new Error("the gateway stops"));
      for (const waiter of waiting.values()) waiter.resolve();
      waiting.clear();
      await within(graceMs, Promise.all(running.values()));
    },
  };
}

/** Waits for `work`, but not longer than this. */
export async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const limit = setTimeout(() => resolve(undefined), limitMs);
  work.then(
    () => resolve(undefined),
    () => resolve(undefined),
  );
  await promise;
  clearTimeout(limit);
}
