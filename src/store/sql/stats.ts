import { setImmediate as nextTick } from "node:timers/promises";
import type { Side } from "../../model/message.ts";
import { MESSAGE_STATES, type MessageState, UNFINISHED } from "../../model/state.ts";
import type { Store, StoreStats } from "../store.ts";
import type { StoreCore } from "./core.ts";
import type { Connection, Row } from "./database.ts";
import { DUE } from "./lanes.ts";
import { numberOf, sideOf, textOf, timeOf, wordOf } from "./rows.ts";

/** Rows counted in one statement: SQLite blocks the process for some 10 ms with it. */
const COUNT_SLICE = 50_000;
/** Push may take this long before an event that the sweep brought counts as missed, milliseconds. */
const PUSH_GRACE_MS = 60_000;

interface Tally {
  readonly account: string;
  readonly origin: Side;
  readonly state: MessageState;
  count: number;
}

/** Derived from the rows each time, so that no counter can drift; cheap because only indexes are read, in slices. */
export function statsMethods(core: StoreCore): Pick<Store, "stats"> {
  return { stats: (now) => collectStats(core, now) };
}

async function collectStats(core: StoreCore, now: Date): Promise<StoreStats> {
  const tallies = await countMessages(core);
  const time = now.getTime();
  return core.db.read(async (connection) => ({
    messages: tallies,
    oldestUnfinished: await findOldest(connection, tallies),
    quarantineOpen: await count(connection, "quarantine WHERE state = 'open'", []),
    lanesDue: await count(connection, `lanes WHERE ${DUE}`, [time, time]),
    lanesWaitingForOperator: await count(connection, WAITING_LANES, []),
    sweptOnly: await count(
      connection,
      "events WHERE swept_at IS NOT NULL AND pushed_at IS NULL AND recorded_at < ?",
      [time - PUSH_GRACE_MS],
    ),
  }));
}

const WAITING_LANES = `(SELECT DISTINCT lane FROM messages
  WHERE state = 'unknown' AND on_unknown = 'wait' AND next_at IS NULL) waiting`;

/** Walks the index (state, account, origin, seq) in slices, so that nobody waits long for a count of a million. */
async function countMessages(core: StoreCore): Promise<readonly Tally[]> {
  const tallies: Tally[] = [];
  let after: readonly [string, string, string, number] = ["", "", "", 0];
  for (;;) {
    const position = after;
    const rows = await core.db.read((connection) =>
      connection.all(COUNT_SQL, [...position, COUNT_SLICE]),
    );
    for (const row of rows) addTo(tallies, row);
    const last = rows.at(-1);
    if (!last || sumOf(rows) < COUNT_SLICE) return tallies;
    after = [
      textOf(last, "state"),
      textOf(last, "account"),
      textOf(last, "origin"),
      numberOf(last, "last_seq"),
    ];
    await nextTick();
  }
}

const COUNT_SQL = `SELECT account, origin, state, COUNT(*) AS amount, MAX(seq) AS last_seq
  FROM (
    SELECT state, account, origin, seq FROM messages
    WHERE (state, account, origin, seq) > (?, ?, ?, ?)
    ORDER BY state, account, origin, seq LIMIT ?
  ) slice
  GROUP BY account, origin, state ORDER BY state, account, origin`;

function addTo(tallies: Tally[], row: Row): void {
  const account = textOf(row, "account");
  const origin = sideOf(row, "origin");
  const state = wordOf(row, "state", MESSAGE_STATES);
  const amount = numberOf(row, "amount");
  const last = tallies.at(-1);
  if (last?.account === account && last.origin === origin && last.state === state)
    last.count += amount;
  else tallies.push({ account, origin, state, count: amount });
}

function sumOf(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + numberOf(row, "amount"), 0);
}

/** The lowest number in each state is the oldest: one look into the index per account, side and state. */
async function findOldest(
  connection: Connection,
  tallies: readonly Tally[],
): Promise<StoreStats["oldestUnfinished"]> {
  const oldest = new Map<string, { account: string; origin: Side; at: Date }>();
  for (const { account, origin, state } of tallies) {
    if (!UNFINISHED.includes(state)) continue;
    const row = await connection.get(
      `SELECT accepted_at FROM messages WHERE account = ? AND origin = ? AND state = ?
       ORDER BY seq LIMIT 1`,
      [account, origin, state],
    );
    if (!row) continue;
    const at = timeOf(row, "accepted_at");
    const key = JSON.stringify([account, origin]);
    const known = oldest.get(key);
    if (!known || at < known.at) oldest.set(key, { account, origin, at });
  }
  return [...oldest.values()];
}

async function count(
  connection: Connection,
  what: string,
  parameters: readonly number[],
): Promise<number> {
  const row = await connection.get(`SELECT COUNT(*) AS amount FROM ${what}`, parameters);
  return row ? numberOf(row, "amount") : 0;
}
