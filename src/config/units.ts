const DURATIONS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;
const SIZES = [
  ["GB", 1_000_000_000],
  ["MB", 1_000_000],
  ["kB", 1_000],
  ["B", 1],
] as const;

/** Milliseconds → the largest whole unit, as it is written in the file: 90000 → 90s. */
export function formatDuration(milliseconds: number): string {
  return inLargestUnit(milliseconds, DURATIONS);
}

/** Bytes → 64MB. */
export function formatSize(bytes: number): string {
  return inLargestUnit(bytes, SIZES);
}

function inLargestUnit(amount: number, units: readonly (readonly [string, number])[]): string {
  const unit = units.find(([, size]) => amount >= size && amount % size === 0) ?? units.at(-1);
  return unit ? `${amount / unit[1]}${unit[0]}` : String(amount);
}
