import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { GatewayError } from "../../model/errors.ts";
import type { Database, Transaction } from "../sql/database.ts";
import { isConflict, storeError } from "./failures.ts";
import { connect, numbersNotStrings } from "./statements.ts";

export interface PostgresOptions {
  /** postgres://user:password@host/database */
  readonly url: string;
  /** Connections of this node at most. */
  readonly poolSize: number;
}

const CONNECT_MS = 5_000;
const STATEMENT_MS = 30_000;
/** Longer than the server's own limit: only a connection that is dead without saying so gets there. */
const ANSWER_MS = STATEMENT_MS + 5_000;
const LOCK_MS = 10_000;
/** A node that died in a transaction releases its locks after this time at the latest. */
const ABANDONED_MS = 30_000;
/** How often work that another transaction got in the way of is done again. */
const MAX_CONFLICTS = 8;
const CONFLICT_PAUSE_MS = 10;
const BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED";

/**
 * A pool of connections. Transactions run in READ COMMITTED; what must not run side by side is kept apart by lane locks
 * (`lockLanes`). While the server is away every call fails with STORE_UNAVAILABLE; the next call after its return works.
 */
export function createPostgresDatabase(options: PostgresOptions): Database {
  let pool: pg.Pool | undefined;
  let begin = BEGIN;

  const use = (): pg.Pool => {
    if (!pool) throw new GatewayError("STORE_UNAVAILABLE", "the database is not open");
    return pool;
  };
  const within = async <T>(
    start: string,
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T> => {
    for (let conflicts = 0; ; conflicts += 1) {
      try {
        return await transact(use(), start, work);
      } catch (error) {
        if (!isConflict(error) || conflicts >= MAX_CONFLICTS) throw storeError(error);
        await pause(CONFLICT_PAUSE_MS * 2 ** conflicts * Math.random());
      }
    }
  };

  return {
    dialect: "postgres",
    async open() {
      if (pool) return;
      const opened = createPool(options);
      try {
        begin = await chooseBegin(opened);
        pool = opened;
      } catch (error) {
        await opened.end();
        throw storeError(error);
      }
    },
    async close() {
      const closing = pool;
      pool = undefined;
      await closing?.end();
    },
    async read(work) {
      try {
        return await work(connect(use()));
      } catch (error) {
        throw storeError(error);
      }
    },
    snapshot: (work) => within("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work),
    write: (work) => within(begin, work),
  };
}

function createPool(options: PostgresOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: ANSWER_MS,
    lock_timeout: LOCK_MS,
    idle_in_transaction_session_timeout: ABANDONED_MS,
    application_name: "postfach-bridge",
    keepAlive: true,
    types: numbersNotStrings,
  });
  // A connection that dies while nobody uses it is dropped by the pool; the next call opens another one.
  pool.on("error", () => undefined);
  return pool;
}

/** A server that acknowledges before it writes is told to write first; one that never writes is refused. */
async function chooseBegin(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ fsync: string; commit: string }>(
    "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit",
  );
  if (rows[0]?.fsync === "off") {
    const message = "PostgreSQL runs with fsync=off: what it acknowledges may be lost";
    throw new GatewayError("STORE_UNAVAILABLE", message);
  }
  return rows[0]?.commit === "off" ? `${BEGIN}; SET LOCAL synchronous_commit = on` : BEGIN;
}

async function transact<T>(
  pool: pg.Pool,
  start: string,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on("error", onError);
  try {
    await client.query(start);
    const value = await work(connect(client));
    await client.query("COMMIT");
    return value;
  } catch (error) {
    broken ??= await rollback(client);
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

/** The reason why the connection cannot be used again, or undefined when it is clean. */
async function rollback(client: pg.PoolClient): Promise<Error | undefined> {
  try {
    await client.query("ROLLBACK");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error("rollback failed", { cause: error });
  }
}
