import { describe, expect, it } from "vitest";
import { nextAttemptAt } from "../../../src/pipeline/backoff.ts";

const policy = { firstRetry: 1_000, maxRetry: 60_000, giveUpAfter: 600_000 };
const started = 1_000_000;

function pauseAfter(n: number, random = 0, retryAfterMs?: number): number | undefined {
  const at = nextAttemptAt(policy, { n, firstAttemptAt: started, retryAfterMs }, started, random);
  return at === undefined ? undefined : at - started;
}

describe("backoff", () => {
  it("doubles from the first retry up to the longest pause", () => {
    expect([1, 2, 3, 4, 6, 7, 30, 1_000].map((n) => pauseAfter(n))).toEqual([
      1_000, 2_000, 4_000, 8_000, 32_000, 60_000, 60_000, 60_000,
    ]);
  });

  it("varies by at most a quarter, upwards only", () => {
    expect(pauseAfter(1, 0.999999)).toBe(1_250);
    expect(pauseAfter(7, 0.5)).toBe(67_500);
  });

  it("never tries earlier than the other side asked for", () => {
    expect(pauseAfter(1, 0, 30_000)).toBe(30_000);
    expect(pauseAfter(7, 0, 5)).toBe(60_000);
  });

  it("gives up exactly when the time is over", () => {
    const attempt = { n: 3, firstAttemptAt: started };
    expect(nextAttemptAt(policy, attempt, started + 599_999, 0)).toBe(started + 603_999);
    expect(nextAttemptAt(policy, attempt, started + 600_000, 0)).toBeUndefined();
  });
});
