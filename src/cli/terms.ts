import { userInfo } from "node:os";
import { styleText } from "node:util";
import { ConfigError, formatProblem, loadConfig, type LoadedConfig } from "../config/load.ts";
import { ERRORS, GatewayError, describeError, type ErrorCode } from "../model/errors.ts";
import { openStorage, type Storage } from "../store/open.ts";

/** What the command line promises to scripts; printed by --help and in docs/cli.md. */
export const EXIT = {
  ok: 0,
  failed: 1,
  refused: 2,
  notFound: 3,
  notAllowed: 4,
  usage: 64,
  unavailable: 69,
} as const;

const EXIT_OF: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: EXIT.refused,
  SECRET_UNREADABLE: EXIT.refused,
  KEY_MISMATCH: EXIT.refused,
  INPUT_INVALID: EXIT.refused,
  INPUT_HOSTILE: EXIT.refused,
  SIGNATURE_INVALID: EXIT.refused,
  CERTIFICATE_INVALID: EXIT.refused,
  NOT_FOUND: EXIT.notFound,
  NOT_ALLOWED: EXIT.notAllowed,
  STORE_UNAVAILABLE: EXIT.unavailable,
  STORE_NEWER: EXIT.unavailable,
  REMOTE_UNAVAILABLE: EXIT.unavailable,
};

/** Where a command prints, and the options that all commands share. */
export interface CliIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Colour only for a person at a terminal. */
  readonly colour: boolean;
  /** Set by a command that ends without an error but not with 0. */
  exitCode: number;
}

export interface GlobalOptions {
  readonly config: string;
  readonly json?: boolean;
}

export function loadFor(options: GlobalOptions): Promise<LoadedConfig> {
  return loadConfig(options.config);
}

/** Opens what the configuration names for one command, and closes it again. */
export async function withStorage<T>(
  options: GlobalOptions,
  work: (storage: Storage, loaded: LoadedConfig) => Promise<T>,
): Promise<T> {
  const loaded = await loadFor(options);
  const storage = await openStorage(loaded.config);
  try {
    return await work(storage, loaded);
  } finally {
    await storage.close();
  }
}

/** Who acts, for the audit log. */
export function actor(): string {
  return `cli:${userInfo().username}`;
}

export function printJson(io: CliIo, value: unknown): void {
  io.out(`${JSON.stringify(value, undefined, 2)}\n`);
}

export function style(io: CliIo, format: Parameters<typeof styleText>[0], text: string): string {
  return io.colour ? styleText(format, text) : text;
}

/** Columns as wide as their widest cell; the last one keeps its length. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, n) => (n === row.length - 1 ? cell : cell.padEnd(widths[n] ?? 0))).join("  ");
  return `${rows.map((row) => line(row).trimEnd()).join("\n")}\n`;
}

/** Says what went wrong and what to do; returns the exit code. */
export function reportFailure(io: CliIo, error: unknown, json: boolean): number {
  if (error instanceof ConfigError) {
    if (json) io.err(`${JSON.stringify({ code: "CONFIG_INVALID", problems: error.problems })}\n`);
    else for (const problem of error.problems) io.err(`${formatProblem(problem)}\n`);
    return EXIT.refused;
  }
  if (error instanceof GatewayError) {
    const { meaning, next } = ERRORS[error.code];
    const { code, message } = error;
    if (json) io.err(`${JSON.stringify({ code, message, meaning, next })}\n`);
    else io.err(`${code}: ${message}\n  what to do: ${next}\n`);
    return EXIT_OF[code] ?? EXIT.failed;
  }
  const message = describeError(error);
  if (json) io.err(`${JSON.stringify({ code: "INTERNAL", message })}\n`);
  else io.err(`${message}\n`);
  return EXIT.failed;
}
