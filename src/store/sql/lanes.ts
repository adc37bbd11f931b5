import type { Lease, Store } from "../store.ts";
import { boundedLimit, type StoreCore } from "./core.ts";
import type { Row, Transaction } from "./database.ts";
import { holdsLane } from "./lane-rows.ts";
import { numberOf, optionalNumber, textOf } from "./rows.ts";

/** Due, and nobody with a living lease works on it. Parameters: now, now. */
export const DUE = `next_at IS NOT NULL AND next_at <= ? AND (lease_until IS NULL OR lease_until <= ?)`;

type LaneMethods = Pick<
  Store,
  "dueLanes" | "acquireLane" | "renewLane" | "breakLeases" | "releaseLane"
>;

export function laneMethods(core: StoreCore): LaneMethods {
  const { db } = core;
  return {
    dueLanes: (now, limit) =>
      db.read(async (connection) => {
        const sql = `SELECT lane FROM lanes WHERE ${DUE} ORDER BY next_at, lane LIMIT ?`;
        const parameters = [now.getTime(), now.getTime(), boundedLimit(limit)];
        return (await connection.all(sql, parameters)).map((row) => textOf(row, "lane"));
      }),
    acquireLane: (lane, owner, now, until) =>
      db.write(async (tx) => {
        const row = await tx.get(
          `UPDATE lanes SET owner = ?, fence = fence + 1, lease_until = ?
           WHERE lane = ? AND ${DUE} RETURNING fence`,
          [owner, until.getTime(), lane, now.getTime(), now.getTime()],
        );
        return row && { lane, owner, fence: numberOf(row, "fence") };
      }),
    renewLane: (lease, until) =>
      db.write(async (tx) => {
        const sql = "UPDATE lanes SET lease_until = ? WHERE lane = ? AND owner = ? AND fence = ?";
        return (await tx.run(sql, [until.getTime(), lease.lane, lease.owner, lease.fence])) === 1;
      }),
    breakLeases: () =>
      db.write(async (tx) => {
        const sql = `UPDATE lanes SET owner = NULL, lease_until = NULL, fence = fence + 1
                     WHERE lease_until IS NOT NULL`;
        await tx.run(sql, []);
      }),
    releaseLane: (lease, now) => db.write((tx) => releaseLane(tx, lease, now)),
  };
}

/** What is left decides when the lane is due next; nothing that came in meanwhile is missed, the lane is locked. */
async function releaseLane(tx: Transaction, lease: Lease, now: Date): Promise<Date | undefined> {
  await tx.lockLanes([lease.lane]);
  if (!(await holdsLane(tx, lease))) return undefined;
  const next = await nextDue(tx, lease.lane, now);
  await tx.run("UPDATE lanes SET owner = NULL, lease_until = NULL, next_at = ? WHERE lane = ?", [
    next ?? null,
    lease.lane,
  ]);
  return next === undefined ? undefined : new Date(next);
}

async function nextDue(tx: Transaction, lane: string, now: Date): Promise<number | undefined> {
  const times = [
    await tx.get(
      "SELECT next_at FROM events WHERE lane = ? AND state = 'new' ORDER BY seq LIMIT 1",
      [lane],
    ),
    await tx.get(
      "SELECT MIN(next_at) AS next_at FROM receipts WHERE lane = ? AND notice_state = 'due'",
      [lane],
    ),
  ].map((row) => row && optionalNumber(row, "next_at"));
  const head = await tx.get(HEAD_OF_LINE, [lane]);
  times.push(head && headDue(head, now), await nextQuestion(tx, lane, head));
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** The first letter that the ones behind it wait for. */
const HEAD_OF_LINE = `SELECT seq, state, next_at FROM messages
  WHERE lane = ? AND state IN ('pending', 'sending', 'unknown')
    AND NOT (state = 'unknown' AND on_unknown = 'continue')
  ORDER BY seq LIMIT 1`;

/** An attempt that is still open has to be settled at once. */
function headDue(head: Row, now: Date): number | undefined {
  return textOf(head, "state") === "sending" ? now.getTime() : optionalNumber(head, "next_at");
}

/** Letters in doubt that others may overtake are asked about in their turn, so only those before the head count. */
async function nextQuestion(
  tx: Transaction,
  lane: string,
  head: Row | undefined,
): Promise<number | undefined> {
  const row = await tx.get(
    `SELECT MIN(next_at) AS next_at FROM messages
     WHERE lane = ? AND state IN ('pending', 'sending', 'unknown')
       AND state = 'unknown' AND on_unknown = 'continue' AND seq < ?`,
    [lane, head ? numberOf(head, "seq") : Number.MAX_SAFE_INTEGER],
  );
  return row && optionalNumber(row, "next_at");
}
