import { digestOf } from "../model/id.ts";

/** One bucket is a hundredth of a percent. */
export const BUCKETS = 10_000;

/** In which bucket a key always falls, 0 … 9999. `seed` separates rules that shall not select the same people. */
export function bucketOf(seed: string, key: string): number {
  // 48 bits of a SHA-256: even over 10 000 buckets no bucket is favoured by more than one part in 10^10.
  const drawn = Number.parseInt(digestOf("share", seed, key).slice(0, 12), 16);
  return drawn % BUCKETS;
}

/** Monotone: whoever is in at 10 percent is in at 20 percent, too. */
export function inShare(seed: string, key: string, percent: number): boolean {
  return bucketOf(seed, key) < Math.round((percent * BUCKETS) / 100);
}
