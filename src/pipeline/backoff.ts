export interface BackoffPolicy {
  /** Milliseconds. */
  readonly firstRetry: number;
  readonly maxRetry: number;
  readonly giveUpAfter: number;
}

/**
 * When to try again after the n-th failed attempt (n ≥ 1): doubling pauses with up to 25 % jitter so that lanes do not
 * march in step after an outage; never earlier than the other side asked for. undefined: give up.
 * Pure: `now`, `firstAttemptAt` and `random` (0 ≤ random < 1) come from outside. Times in milliseconds since the epoch.
 */
export function nextAttemptAt(
  policy: BackoffPolicy,
  attempt: { n: number; firstAttemptAt: number; retryAfterMs?: number | undefined },
  now: number,
  random: number,
): number | undefined {
  if (now - attempt.firstAttemptAt >= policy.giveUpAfter) return undefined;
  const doubled = policy.firstRetry * 2 ** Math.min(attempt.n - 1, 30);
  const pause = Math.min(doubled, policy.maxRetry) * (1 + random / 4);
  return Math.round(now + Math.max(pause, attempt.retryAfterMs ?? 0));
}
