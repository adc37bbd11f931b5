import { expect } from "vitest";
import type { Timeline } from "../../deploy/demo/timeline.ts";

/** The demo's journeys as tests: every claim is an assertion, nothing is printed. */
export function silentTimeline(): Timeline {
  let checks = 0;
  return {
    chapter: () => undefined,
    say: () => undefined,
    show: () => undefined,
    check(what, ok, found) {
      checks += 1;
      expect(ok, `${what}${found === undefined ? "" : ` (${found})`}`).toBe(true);
    },
    get checks() {
      return checks;
    },
  };
}
