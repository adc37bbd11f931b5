import pg from "pg";
import { describeError, GatewayError } from "../../model/errors.ts";

/** SQLSTATE of PostgreSQL, Appendix A of its manual. */
const SERIALIZATION = "40001";
const DEADLOCK = "40P01";
const UNIQUE = "23505";
/** Connection, resources, operator intervention, system: the server cannot be used for now. */
const UNUSABLE_CLASSES = ["08", "53", "57", "58", "XX"];
const LOCK_TIMEOUT = "55P03";
const READ_ONLY = "25006";
const IDLE_TIMEOUTS = ["25P03", "25P04"];
const LOGIN_REFUSED_CLASS = "28";

/** Two transactions got into each other's way; the same work done again will do. */
export function isConflict(error: unknown): boolean {
  const state = sqlState(error);
  return state === SERIALIZATION || state === DEADLOCK || state === UNIQUE;
}

/** STORE_UNAVAILABLE for a server that cannot be used, INTERNAL for a statement that it refused. */
export function storeError(error: unknown): unknown {
  if (error instanceof GatewayError) return error;
  const state = sqlState(error);
  if (state === undefined && !isConnectionFailure(error)) return error;
  const code = state === undefined || isUnusableState(state) ? "STORE_UNAVAILABLE" : "INTERNAL";
  return new GatewayError(code, `PostgreSQL: ${describeError(error)}`, { cause: error });
}

function isUnusableState(state: string): boolean {
  return (
    UNUSABLE_CLASSES.includes(state.slice(0, 2)) ||
    state.startsWith(LOGIN_REFUSED_CLASS) ||
    [LOCK_TIMEOUT, READ_ONLY, ...IDLE_TIMEOUTS].includes(state)
  );
}

/** The driver reports these as plain errors: system errors with a `code`, and a few texts of its own. */
function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("syscall" in error || error instanceof AggregateError) return true;
  return /connection|timeout|timed out|terminat|not queryable/i.test(error.message);
}

function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}
