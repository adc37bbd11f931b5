/** Lanes that may wait at once; more are left to the sweep. */
const MAX_WAITING = 100_000;

export type LaneHandler = (lane: string, signal: AbortSignal) => Promise<void>;

interface Waiter {
  readonly done: Promise<undefined>;
  readonly resolve: () => void;
  admitted: boolean;
}

/**
 * Who may run now: a lane never twice at the same time, so many lanes at once, first come first served. A lane that
 * rings while it runs is run once more afterwards, however often it rang.
 */
export class Turns {
  readonly #waiting = new Map<string, Waiter>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #concurrency: number;
  /** Running lanes that take a place. */
  #counted = 0;
  #handler: LaneHandler | undefined;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  start(handler: LaneHandler): void {
    this.#handler = handler;
    for (const [lane, { admitted }] of this.#waiting) if (admitted) this.#begin(lane);
    this.#takeNext();
  }

  /** Resolves when a run that began after this call is over (or never will be). */
  ring(lane: string): Promise<unknown> {
    const waiter = this.#wait(lane, false);
    this.#takeNext();
    return waiter?.done ?? Promise.resolve();
  }

  /** The same for a lane that somebody else lets in: it waits for its own earlier run only, and takes nobody's place. */
  admit(lane: string): Promise<unknown> {
    const waiter = this.#wait(lane, true);
    this.#begin(lane);
    return waiter?.done ?? Promise.resolve();
  }

  /** Nothing begins any more; what runs is aborted and awaited, at most `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort(new Error("the gateway stops"));
    for (const waiter of this.#waiting.values()) waiter.resolve();
    this.#waiting.clear();
    await within(graceMs, Promise.all(this.#running.values()));
  }

  #wait(lane: string, admitted: boolean): Waiter | undefined {
    const known = this.#waiting.get(lane);
    if (known) {
      known.admitted ||= admitted;
      return known;
    }
    if (this.#stopping.signal.aborted || this.#waiting.size >= MAX_WAITING) return undefined;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const waiter = { done: promise, resolve: () => resolve(undefined), admitted };
    this.#waiting.set(lane, waiter);
    return waiter;
  }

  /** Looks past lanes that run already; these are few. */
  #takeNext(): void {
    for (const lane of this.#waiting.keys()) {
      if (this.#counted >= this.#concurrency) return;
      this.#begin(lane);
    }
  }

  #begin(lane: string): void {
    const waiter = this.#waiting.get(lane);
    const isFree = waiter && !this.#running.has(lane) && !this.#stopping.signal.aborted;
    if (!this.#handler || !isFree) return;
    this.#waiting.delete(lane);
    if (!waiter.admitted) this.#counted += 1;
    this.#running.set(lane, this.#run(lane, this.#handler, waiter));
  }

  async #run(lane: string, handle: LaneHandler, waiter: Waiter): Promise<void> {
    try {
      await Promise.resolve();
      await handle(lane, this.#stopping.signal);
    } catch {
      // A handler must not throw; if it does, the lane stays due in the database and is rung again.
    } finally {
      this.#running.delete(lane);
      if (!waiter.admitted) this.#counted -= 1;
      waiter.resolve();
      if (this.#waiting.get(lane)?.admitted) this.#begin(lane);
      this.#takeNext();
    }
  }
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
