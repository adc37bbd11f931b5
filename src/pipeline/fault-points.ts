/**
 * The places where a crash could lose, double or reorder a letter. The fault tests start the gateway with
 * POSTFACH_FAULT_POINT=<point>[:<n>] and it kills itself (SIGKILL) when it passes that place for the n-th time; without
 * the variable this does nothing. test/faults/crash.test.ts walks the whole list.
 */
export const FAULT_POINTS = [
  "before-record-events",
  "after-record-events",
  "before-accept-commit",
  "after-accept-commit",
  "after-begin-attempt",
  "after-deliver",
  "after-settle",
  "after-notify",
  "after-event-taken",
  "after-event-settled",
] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

const [armed, count] = (process.env["POSTFACH_FAULT_POINT"] ?? "").split(":");
let left = Number(count ?? "1");

export function passPoint(point: FaultPoint): void {
  if (armed !== point) return;
  left -= 1;
  if (left <= 0) process.kill(process.pid, "SIGKILL");
}
