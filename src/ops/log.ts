import { pino } from "pino";
import type { Log } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";

/** Longest text of one field; longer ones are cut, because a log line is no place for content. */
const MAX_TEXT = 1_000;
const MAX_DEPTH = 6;
const MAX_ENTRIES = 100;
/** Fields that carry secrets in every program; a second net below the Secret type, for what libraries hand over. */
const SECRET_FIELD = /(token|secret|password|passphrase|authorization|cookie|private_?key)$|^pin$/i;

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
      formatters: { level: (label) => ({ level: label }), log: cleanFields },
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

function cleanFields(fields: Record<string, unknown>, depth = 0): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, MAX_ENTRIES);
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      SECRET_FIELD.test(name) ? "[secret]" : clean(value, depth + 1),
    ]),
  );
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === "string")
    return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return clean(describeError(value), depth);
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  // Dates, URLs and secrets know how to show themselves.
  if ("toJSON" in value) return value;
  if (depth > MAX_DEPTH) return "…";
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((it) => clean(it, depth + 1));
  return cleanFields(value as Record<string, unknown>, depth);
}
