import type { Log } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";
import type { Store } from "../store/store.ts";

const SWEEP_MS = 1_000;
const LANES_PER_SWEEP = 1_000;

export interface SweepDeps {
  readonly store: Store;
  readonly log: Log;
  readonly now: () => Date;
  ring(lane: string): void;
}

/**
 * The safety net: once a second it rings every lane that is due. Whatever a doorbell lost, a crash left behind, or
 * another process (the command line) changed in the database is found here.
 */
export function startSweep(deps: SweepDeps): { stop(): Promise<void> } {
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  const sweep = async () => {
    try {
      for (const lane of await deps.store.dueLanes(deps.now(), LANES_PER_SWEEP)) deps.ring(lane);
    } catch (error) {
      deps.log.error({ error: describeError(error) }, "sweep-failed");
    }
  };
  const timer = setInterval(() => {
    if (!stopped) running = running.then(sweep);
  }, SWEEP_MS);
  running = sweep();
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
