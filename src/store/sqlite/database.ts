import { mkdir } from "node:fs/promises";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTick, setTimeout as pause } from "node:timers/promises";
import { describeError, GatewayError } from "../../model/errors.ts";
import type { Connection, Database, Transaction } from "../sql/database.ts";
import { createGroupCommit } from "./group-commit.ts";
import { isBusy, storeError } from "./failures.ts";
import { connect } from "./statements.ts";

export interface SqliteOptions {
  /** Path of the database file; its folder is created. */
  readonly file: string;
  /** The file never grows past this; then writes fail with STORE_UNAVAILABLE. Default: as far as the disk goes. */
  readonly maxBytes?: number;
  /** How long another process may hold the database before STORE_UNAVAILABLE, milliseconds. Default: 10 s. */
  readonly busyMs?: number;
}

const BUSY_MS = 10_000;
/** SQLite itself waits this long, blocking the process; the rest is waited for without blocking. */
const BLOCKING_WAIT_MS = 20;
const BUSY_PAUSE_MS = 10;
/** Pages after which the log is copied into the database: fewer, longer copies the higher it is. */
const CHECKPOINT_PAGES = 2_000;
/** The write-ahead log is cut back to this size after a burst, bytes. */
const JOURNAL_LIMIT = 64 * 1024 * 1024;

/**
 * One file, several processes: writes go through one connection, in groups with one fsync each (WAL,
 * synchronous=FULL); reads go through a second one and so never see what is not yet committed.
 */
export function createSqliteDatabase(options: SqliteOptions): Database {
  let writer: Opened | undefined;
  let reader: Opened | undefined;
  let reads: Promise<unknown> = Promise.resolve();
  const busyMs = options.busyMs ?? BUSY_MS;
  const writes = createGroupCommit(() => use(writer), {
    begin: () => patiently(busyMs, () => use(writer).db.exec("BEGIN IMMEDIATE")),
  });

  /** Reads take turns: a snapshot must not be seen by others, nor they end it. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = reads.then(work, work);
    reads = turn.catch(() => undefined);
    return turn;
  }

  return {
    dialect: "sqlite",
    async open() {
      if (writer) return;
      await makeFolder(path.dirname(options.file));
      writer = await patiently(busyMs, () => openConnection(options));
      reader = await patiently(busyMs, () => openConnection(options));
      reader.db.exec("PRAGMA query_only = ON");
    },
    async close() {
      await reads;
      await writes.drain();
      reader?.db.close();
      writer?.db.close();
      reader = writer = undefined;
    },
    read: (work) => inTurn(() => work(busyTolerant(busyMs, use(reader).connection))),
    snapshot: (work) =>
      inTurn(async () => {
        const { db, connection } = use(reader);
        db.exec("BEGIN");
        try {
          return await work(busyTolerant(busyMs, connection));
        } finally {
          db.exec("COMMIT");
        }
      }),
    write: (work) => writes.add(work),
  };
}

export interface Opened {
  readonly db: DatabaseSync;
  readonly connection: Transaction;
}

function openConnection(options: SqliteOptions): Opened {
  const db = new DatabaseSync(options.file, { timeout: BLOCKING_WAIT_MS });
  try {
    db.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
       PRAGMA journal_size_limit = ${String(JOURNAL_LIMIT)};
       PRAGMA wal_autocheckpoint = ${String(CHECKPOINT_PAGES)};`,
    );
    if (options.maxBytes !== undefined) limitSize(db, options.maxBytes);
    return { db, connection: connect(db) };
  } catch (error) {
    db.close();
    throw error;
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const message = `the folder of the database cannot be made: ${describeError(cause)}`;
    throw new GatewayError("STORE_UNAVAILABLE", message, { cause });
  }
}

function limitSize(db: DatabaseSync, maxBytes: number): void {
  const pageSize = Number(db.prepare("PRAGMA page_size").get()?.["page_size"]);
  db.exec(`PRAGMA max_page_count = ${String(Math.max(1, Math.floor(maxBytes / pageSize)))}`);
}

/** Repeats what another process's lock prevents, without blocking this one. */
async function patiently<T>(limitMs: number, step: () => T): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      return step();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw storeError(error);
      await pause(BUSY_PAUSE_MS * (1 + Math.random()));
    }
  }
}

/** In WAL mode a reader meets a lock only while another process recovers or closes the file. */
function busyTolerant(limitMs: number, connection: Connection): Connection {
  const retried = async <T>(step: () => Promise<T>): Promise<T> => {
    const deadline = performance.now() + limitMs;
    for (;;) {
      try {
        return await step();
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw storeError(error);
        await nextTick();
      }
    }
  };
  return {
    run: (sql, parameters) => retried(() => connection.run(sql, parameters)),
    get: (sql, parameters) => retried(() => connection.get(sql, parameters)),
    all: (sql, parameters) => retried(() => connection.all(sql, parameters)),
  };
}

function use(opened: Opened | undefined): Opened {
  if (!opened) throw new GatewayError("STORE_UNAVAILABLE", "the database is not open");
  return opened;
}
