/** Longest time that a timer of Node can count, milliseconds; a later alarm is wound up again then. */
const MAX_TIMER_MS = 2_147_483_647;
/** Lanes with an alarm at once; more are left to the sweep. */
const MAX_ALARMS = 100_000;

/**
 * Rings a lane at a later time, once; of several times the earliest counts. Kept in the memory of the node that asked,
 * for both doorbells: an alarm that dies with its node is nothing but a lane that the sweep finds when it is due.
 */
export interface Alarms {
  set(lane: string, at: Date): void;
  stop(): void;
}

export function createAlarms(ring: (lane: string) => void, limit = MAX_ALARMS): Alarms {
  const alarms = new Map<string, { at: number; timer: NodeJS.Timeout }>();

  function wind(lane: string, at: number): void {
    const wait = Math.min(Math.max(0, at - Date.now()), MAX_TIMER_MS);
    const timer = setTimeout(() => fire(lane, at), wait);
    timer.unref();
    alarms.set(lane, { at, timer });
  }

  function fire(lane: string, at: number): void {
    if (Date.now() < at) return wind(lane, at);
    alarms.delete(lane);
    ring(lane);
  }

  return {
    set(lane, at) {
      const known = alarms.get(lane);
      if (known ? known.at <= at.getTime() : alarms.size >= limit) return;
      clearTimeout(known?.timer);
      wind(lane, at.getTime());
    },
    stop() {
      for (const { timer } of alarms.values()) clearTimeout(timer);
      alarms.clear();
    },
  };
}
