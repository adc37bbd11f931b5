import type { Doorbell } from "./doorbell.ts";

/** Longest time a timer of Node can count, milliseconds. A later ring is looked at again then. */
const MAX_TIMER_MS = 2_147_483_647;
/** Lanes that may be known at once; more are left to the sweep. */
const MAX_LANES = 100_000;

type Handler = (lane: string, signal: AbortSignal) => Promise<void>;

interface Running {
  /** Rung again while its handler runs: handled once more afterwards. */
  again: boolean;
}

/** The doorbell of a single node: timers and a queue in memory. Lost at a crash, and that is fine: the sweep rings again. */
export function createMemoryDoorbell(options: { concurrency: number }): Doorbell {
  const waiting = new Set<string>();
  const running = new Map<string, Running>();
  const timers = new Map<string, { at: number; timer: NodeJS.Timeout }>();
  const aborted = new AbortController();
  let handler: Handler | undefined;
  let stopping = false;
  let idle: (() => void) | undefined;

  function start(lane: string, handle: Handler): void {
    const state: Running = { again: false };
    running.set(lane, state);
    void handle(lane, aborted.signal).finally(() => {
      running.delete(lane);
      if (state.again) waiting.add(lane);
      if (running.size === 0) idle?.();
      takeNext();
    });
  }

  function takeNext(): void {
    if (!handler || stopping) return;
    for (const lane of waiting) {
      if (running.size >= options.concurrency) return;
      waiting.delete(lane);
      start(lane, handler);
    }
  }

  function ringNow(lane: string): void {
    clearTimeout(timers.get(lane)?.timer);
    timers.delete(lane);
    const active = running.get(lane);
    if (active) active.again = true;
    else if (waiting.size < MAX_LANES) waiting.add(lane);
    takeNext();
  }

  function ringAt(lane: string, at: number): void {
    const planned = timers.get(lane);
    if (planned && planned.at <= at) return;
    if (!planned && timers.size >= MAX_LANES) return;
    clearTimeout(planned?.timer);
    const wait = Math.min(Math.max(0, at - Date.now()), MAX_TIMER_MS);
    const timer = setTimeout(() => ringNow(lane), wait);
    timer.unref();
    timers.set(lane, { at, timer });
  }

  return {
    start(given) {
      handler = given;
      takeNext();
      return Promise.resolve();
    },
    ring(lane, at) {
      if (stopping) return;
      if (at && at.getTime() > Date.now()) ringAt(lane, at.getTime());
      else ringNow(lane);
    },
    async stop(graceMs) {
      stopping = true;
      for (const { timer } of timers.values()) clearTimeout(timer);
      timers.clear();
      waiting.clear();
      aborted.abort(new Error("the gateway stops"));
      if (running.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      idle = resolve;
      const limit = setTimeout(resolve, graceMs);
      await promise;
      clearTimeout(limit);
    },
    health: () => Promise.resolve({ ok: true }),
  };
}
