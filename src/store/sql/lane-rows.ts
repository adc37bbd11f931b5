import type { Lease } from "../store.ts";
import type { Connection, Transaction } from "./database.ts";
import { numberOf, textOf } from "./rows.ts";

/** The lane has work at this time; an earlier time that is already noted stays. */
export async function markDue(tx: Transaction, lane: string, at: Date): Promise<void> {
  await tx.run(
    `INSERT INTO lanes (lane, next_at) VALUES (?, ?)
     ON CONFLICT (lane) DO UPDATE SET next_at =
       CASE WHEN lanes.next_at IS NULL OR lanes.next_at > excluded.next_at
       THEN excluded.next_at ELSE lanes.next_at END`,
    [lane, at.getTime()],
  );
}

/** Is this still the lease under which the lane is worked on? An expired one is, until somebody else takes the lane. */
export async function holdsLane(connection: Connection, lease: Lease): Promise<boolean> {
  const sql = "SELECT owner, fence FROM lanes WHERE lane = ? AND owner IS NOT NULL";
  const row = await connection.get(sql, [lease.lane]);
  if (!row) return false;
  return numberOf(row, "fence") === lease.fence && textOf(row, "owner") === lease.owner;
}
