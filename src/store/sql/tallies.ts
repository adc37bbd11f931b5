import { randomInt } from "node:crypto";
import type { Side } from "../../model/message.ts";
import { MESSAGE_STATES, type MessageState } from "../../model/state.ts";
import type { StoreCore } from "./core.ts";
import { type Connection, type Dialect, type Transaction, valueRows } from "./database.ts";
import { numberOf, sideOf, textOf, wordOf } from "./rows.ts";

/** Rows that one number is spread over, where transactions run side by side. */
const SHARDS: Readonly<Record<Dialect, number>> = { sqlite: 1, postgres: 16 };

export interface Tally {
  readonly account: string;
  readonly origin: Side;
  readonly state: MessageState;
  readonly count: number;
}

/** A transaction that brings letters into being or changes their state, and therefore counts them. */
export interface LetterTransaction extends Transaction {
  count(letter: { account: string; origin: Side }, state: MessageState, change: 1 | -1): void;
}

/**
 * `write` for everything that touches the state of letters. The counts are written at the very end, in one order, so
 * that two transactions never wait for each other in a circle.
 */
export function writeLetters<T>(
  core: StoreCore,
  work: (tx: LetterTransaction) => Promise<T>,
): Promise<T> {
  return core.db.write(async (inner) => {
    const changes = new Map<string, Tally>();
    const value = await work({
      ...inner,
      count({ account, origin }, state, change) {
        const key = JSON.stringify([account, origin, state]);
        const count = (changes.get(key)?.count ?? 0) + change;
        changes.set(key, { account, origin, state, count });
      },
    });
    await addChanges(inner, [...changes].sort(byKey), SHARDS[core.db.dialect]);
    return value;
  });
}

function byKey([a]: [string, Tally], [b]: [string, Tally]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function addChanges(
  tx: Transaction,
  sorted: readonly [string, Tally][],
  shards: number,
): Promise<void> {
  const changes = sorted.map(([, change]) => change).filter(({ count }) => count !== 0);
  if (changes.length === 0) return;
  const shard = randomInt(shards);
  await tx.run(
    `INSERT INTO tallies (account, origin, state, shard, amount) VALUES ${valueRows(changes.length, 5)}
     ON CONFLICT (account, origin, state, shard) DO UPDATE SET amount = tallies.amount + excluded.amount`,
    changes.flatMap(({ account, origin, state, count }) => [account, origin, state, shard, count]),
  );
}

export async function readTallies(connection: Connection): Promise<readonly Tally[]> {
  const rows = await connection.all(
    `SELECT account, origin, state, CAST(SUM(amount) AS BIGINT) AS amount FROM tallies
     GROUP BY account, origin, state HAVING SUM(amount) <> 0 ORDER BY account, origin, state`,
    [],
  );
  return rows.map((row) => ({
    account: textOf(row, "account"),
    origin: sideOf(row, "origin"),
    state: wordOf(row, "state", MESSAGE_STATES),
    count: numberOf(row, "amount"),
  }));
}
