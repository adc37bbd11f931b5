import { InvalidArgumentError } from "commander";
import { duration } from "../bridge/settings.ts";

export const MAX_LIMIT = 1_000;

export function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new InvalidArgumentError(`must be a number from 1 to ${MAX_LIMIT}.`);
  return limit;
}

/** `2026-11-20`, `2026-11-20T10:00:00Z`, or how long ago: `90m`, `24h`, `7d`. */
export function parseSince(text: string): Date {
  const ago = duration().safeParse(text);
  if (ago.success) return new Date(Date.now() - ago.data);
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : undefined;
  if (at && !Number.isNaN(at.getTime())) return at;
  throw new InvalidArgumentError("must be a date such as 2026-11-20 or a time span such as 24h.");
}

export function parseLevel(text: string): 1 | 2 | 3 | 4 {
  const level = [1, 2, 3, 4] as const;
  const found = level.find((value) => String(value) === text);
  if (found === undefined) throw new InvalidArgumentError("must be 1, 2, 3 or 4.");
  return found;
}
