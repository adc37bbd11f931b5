import { createAlarms } from "./alarms.ts";
import type { Doorbell } from "./doorbell.ts";
import { Turns } from "./turns.ts";

/** The doorbell of a single node: nothing but memory. Lost at a crash, and that is fine: the sweep rings again. */
export function createMemoryDoorbell(options: { readonly concurrency: number }): Doorbell {
  const turns = new Turns(options.concurrency);
  const alarms = createAlarms((lane) => void turns.ring(lane));
  let stopped = false;
  return {
    start(handler) {
      turns.start(handler);
      return Promise.resolve();
    },
    ring(lane, at) {
      if (stopped) return;
      if (at && at.getTime() > Date.now()) alarms.set(lane, at);
      else void turns.ring(lane);
    },
    async stop(graceMs) {
      stopped = true;
      alarms.stop();
      await turns.stop(graceMs);
    },
    health: () => Promise.resolve({ ok: true }),
  };
}
