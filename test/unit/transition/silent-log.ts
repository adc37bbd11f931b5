import type { Log } from "../../../src/bridge/contract.ts";

/** Keeps `<level> <event>` of every line. */
export function createSilentLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (_fields: Record<string, unknown>, event: string) =>
    void lines.push(`${level} ${event}`);
  const log = {
    debug: keep("debug"),
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
  };
  return { log, lines };
}
