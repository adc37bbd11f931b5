import { describeError, GatewayError } from "../../model/errors.ts";

/** Primary result codes (sqlite.org/rescode.html) after which the database cannot be used for now. */
const BUSY = 5;
const LOCKED = 6;
const UNUSABLE = new Set([
  BUSY,
  LOCKED,
  7, // NOMEM
  8, // READONLY
  10, // IOERR
  11, // CORRUPT
  13, // FULL
  14, // CANTOPEN
  26, // NOTADB
]);

export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === BUSY || code === LOCKED;
}

/** The whole database cannot be used, not just this statement. */
export function isUnusable(error: unknown): boolean {
  const code = primaryCode(error);
  return code !== undefined && UNUSABLE.has(code);
}

/** STORE_UNAVAILABLE for what makes the database unusable, INTERNAL for a statement that it refused. */
export function storeError(error: unknown): unknown {
  if (primaryCode(error) === undefined) return error;
  const code = isUnusable(error) ? "STORE_UNAVAILABLE" : "INTERNAL";
  return new GatewayError(code, `SQLite: ${describeError(error)}`, { cause: error });
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}
