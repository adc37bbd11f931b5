import type { Side } from "../../model/message.ts";
import { UNFINISHED } from "../../model/state.ts";
import type { Store, StoreStats } from "../store.ts";
import type { StoreCore } from "./core.ts";
import type { Connection } from "./database.ts";
import { DUE } from "./lanes.ts";
import { numberOf, timeOf } from "./rows.ts";
import { readTallies, type Tally } from "./tallies.ts";

/** Push may take this long before an event that the sweep brought counts as missed, milliseconds. */
const PUSH_GRACE_MS = 60_000;

/** Reads counts and small partial indexes only: as fast with a million letters as with none. */
export function statsMethods(core: StoreCore): Pick<Store, "stats"> {
  return { stats: (now) => core.db.snapshot((connection) => collectStats(connection, now)) };
}

async function collectStats(connection: Connection, now: Date): Promise<StoreStats> {
  const time = now.getTime();
  const tallies = await readTallies(connection);
  return {
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
  };
}

/** The second condition lets SQLite find the index of open letters. */
const WAITING_LANES = `(SELECT DISTINCT lane FROM messages
  WHERE state = 'unknown' AND state <> 'delivered' AND on_unknown = 'wait' AND next_at IS NULL) waiting`;

/** The lowest number in each state is the oldest: one look into the index per account, side and state. */
async function findOldest(
  connection: Connection,
  tallies: readonly Tally[],
): Promise<StoreStats["oldestUnfinished"]> {
  const oldest = new Map<string, { account: string; origin: Side; at: Date }>();
  for (const { account, origin, state } of tallies) {
    if (!UNFINISHED.includes(state)) continue;
    const row = await connection.get(
      `SELECT accepted_at FROM messages
       WHERE state = ? AND state <> 'delivered' AND account = ? AND origin = ? ORDER BY seq LIMIT 1`,
      [state, account, origin],
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
