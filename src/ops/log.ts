import { pino } from "pino";
import type { Log } from "../bridge/contract.ts";

/** Longest text of one field; longer ones are cut, because a log line is no place for content. */
const MAX_TEXT = 1_000;

export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * The log: JSON lines on standard output, one event name per line under `event`. Duty of every caller: ids, sizes,
 * digests and codes only, never content; secrets wear the Secret type, which prints itself as [secret].
 */
export function createLog(
  level: LogLevel,
  destination: { write(line: string): void } = process.stdout,
): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: "event",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: cutTexts },
    },
    destination,
  );
  return {
    debug: (fields, event) => logger.debug(fields, event),
    info: (fields, event) => logger.info(fields, event),
    warn: (fields, event) => logger.warn(fields, event),
    error: (fields, event) => logger.error(fields, event),
  };
}

function cutTexts(fields: Record<string, unknown>): Record<string, unknown> {
  const cut: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields))
    cut[name] =
      typeof value === "string" && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
  return cut;
}
