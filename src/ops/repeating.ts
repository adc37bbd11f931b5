import { pause } from "../bridge/context.ts";
import type { Log } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";

export interface Repeated {
  /** Pause between two rounds, milliseconds. */
  readonly everyMs: number;
  /** Event that is logged when a round fails; the next one tries again. */
  readonly failure: string;
  readonly log: Log;
  task(): Promise<void>;
}

/** At once, and again after each pause. `stop` waits for the round that runs. */
export function startRepeating({ everyMs, failure, log, task }: Repeated): {
  stop(): Promise<void>;
} {
  const stopping = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        await task();
      } catch (error) {
        if (!stopping.signal.aborted) log.warn({ error: describeError(error) }, failure);
      }
      await pause(everyMs, stopping.signal);
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort(new Error("the gateway stops"));
      await running;
    },
  };
}
