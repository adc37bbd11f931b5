import { CommanderError } from "commander";
import { ConfigError } from "../config/load.ts";
import { DeliveryError, GatewayError, type ErrorCode } from "../model/errors.ts";

/** Exit codes of every command; docs/cli.md and `--help` are tested against this list. */
export const EXIT = {
  ok: { code: 0, meaning: "done" },
  failed: { code: 1, meaning: "the operation failed, or a check found something" },
  refused: { code: 2, meaning: "the configuration or the input is not valid, or was refused" },
  notFound: { code: 3, meaning: "there is no such thing" },
  notAllowed: { code: 4, meaning: "not possible in the present state" },
  usage: { code: 64, meaning: "wrong command, argument or option" },
  unavailable: { code: 69, meaning: "a service that is needed does not answer" },
  interrupted: { code: 130, meaning: "stopped by Ctrl-C or SIGTERM; what was done stays" },
} as const;

/** A wrong command line that only the command itself can see; the others are found by the parser. */
export class UsageError extends Error {}

/** Somebody asked the command to stop, and it came to a clean end. The message says how to go on. */
export class Interrupted extends Error {}

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: EXIT.refused.code,
  PLAN_REFUSED: EXIT.refused.code,
  SECRET_UNREADABLE: EXIT.refused.code,
  KEY_MISMATCH: EXIT.refused.code,
  INPUT_INVALID: EXIT.refused.code,
  INPUT_HOSTILE: EXIT.refused.code,
  SIGNATURE_INVALID: EXIT.refused.code,
  CERTIFICATE_INVALID: EXIT.refused.code,
  NOT_FOUND: EXIT.notFound.code,
  NOT_ALLOWED: EXIT.notAllowed.code,
  STORE_NEWER: EXIT.notAllowed.code,
  STORE_UNAVAILABLE: EXIT.unavailable.code,
  REMOTE_UNAVAILABLE: EXIT.unavailable.code,
};
/** Of the system, when a port or a folder cannot be had. */
const SYSTEM_UNAVAILABLE = ["EADDRINUSE", "EADDRNOTAVAIL", "ECONNREFUSED", "ENOSPC", "EROFS"];

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage.code;
  if (error instanceof UsageError) return EXIT.usage.code;
  if (error instanceof Interrupted) return EXIT.interrupted.code;
  if (error instanceof ConfigError) return EXIT.refused.code;
  if (error instanceof GatewayError || error instanceof DeliveryError)
    return BY_CODE[error.code] ?? EXIT.failed.code;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return SYSTEM_UNAVAILABLE.includes(code) ? EXIT.unavailable.code : EXIT.failed.code;
}

export function exitHelp(): string {
  const lines = Object.values(EXIT).map(
    ({ code, meaning }) => `  ${String(code).padEnd(3)} ${meaning}`,
  );
  return ["", "Exit codes:", ...lines].join("\n");
}
