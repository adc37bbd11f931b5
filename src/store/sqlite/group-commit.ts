import { setImmediate as nextTick } from "node:timers/promises";
import { GatewayError } from "../../model/errors.ts";
import type { Transaction } from "../sql/database.ts";
import type { Opened } from "./database.ts";
import { isUnusable, storeError } from "./failures.ts";

/** Transactions that share one fsync. */
const MAX_GROUP = 64;
/** Waiting transactions; more means that callers do not wait for their answers. */
const MAX_WAITING = 100_000;

interface Job {
  readonly work: (transaction: Transaction) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

export interface GroupCommit {
  add<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>;
}

/**
 * Whatever asks to write within one turn of the event loop is committed together: each job in a savepoint of its own,
 * so that one can fail without the others, and all of them answered only after the common COMMIT is on disk.
 */
export function createGroupCommit(
  opened: () => Opened,
  steps: { begin: () => Promise<void> },
): GroupCommit {
  const waiting: Job[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    await nextTick();
    while (waiting.length > 0) {
      await commitGroup(waiting.splice(0, MAX_GROUP), opened, steps.begin);
      await nextTick();
    }
    running = undefined;
  }

  return {
    add<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
      if (waiting.length >= MAX_WAITING)
        return Promise.reject(new GatewayError("STORE_UNAVAILABLE", "too many writes are waiting"));
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      waiting.push({ work, resolve: (value) => resolve(value as T), reject });
      running ??= run();
      return promise;
    },
    drain: () => running ?? Promise.resolve(),
  };
}

async function commitGroup(
  jobs: readonly Job[],
  opened: () => Opened,
  begin: () => Promise<void>,
): Promise<void> {
  const answers: (() => void)[] = [];
  try {
    await begin();
    for (const job of jobs) answers.push(await runJob(job, opened()));
    opened().db.exec("COMMIT");
  } catch (error) {
    undo(opened);
    for (const job of jobs) job.reject(storeError(error));
    return;
  }
  for (const answer of answers) answer();
}

/** The answer to give once the group is on disk. Throws when the whole group is lost. */
async function runJob(job: Job, { db, connection }: Opened): Promise<() => void> {
  db.exec("SAVEPOINT job");
  try {
    const value = await job.work(connection);
    db.exec("RELEASE job");
    return () => job.resolve(value);
  } catch (error) {
    if (isUnusable(error) || !db.isTransaction) throw error;
    db.exec("ROLLBACK TO job; RELEASE job");
    return () => job.reject(storeError(error));
  }
}

function undo(opened: () => Opened): void {
  try {
    const { db } = opened();
    if (db.isTransaction) db.exec("ROLLBACK");
  } catch {
    // The connection is gone, and the transaction with it.
  }
}
