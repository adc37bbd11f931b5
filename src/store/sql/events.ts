import type { EventResult, IncomingEvent, Lease, Store, StoredEvent } from "../store.ts";
import { CURSOR_SCOPE } from "../store.ts";
import type { StoreCore } from "./core.ts";
import { type Row, type Transaction, valueRows } from "./database.ts";
import { writeFact } from "./facts.ts";
import { holdsLane, markDue } from "./lane-rows.ts";
import { bytesOf, numberOf, textOf, timeOf } from "./rows.ts";

export const EVENT_COLUMNS = "seq, event_id, room_id, lane, attempts, recorded_at, raw";
/** Events in one statement. */
const CHUNK = 100;

type EventMethods = Pick<Store, "recordEvents" | "knowsEvent" | "settleEvent">;

export function eventMethods(core: StoreCore): EventMethods {
  return {
    recordEvents: (events, source, at, cursor) =>
      core.db.write(async (tx) => {
        await tx.lockLanes(events.map((event) => event.lane));
        const fresh: string[] = [];
        for (let start = 0; start < events.length; start += CHUNK)
          fresh.push(
            ...(await recordChunk(core, tx, events.slice(start, start + CHUNK), source, at)),
          );
        const lanes = events.filter((event) => fresh.includes(event.eventId));
        for (const lane of new Set(lanes.map((event) => event.lane))) await markDue(tx, lane, at);
        if (cursor) await writeFact(core, tx, CURSOR_SCOPE, cursor.name, cursor.value);
        return fresh;
      }),
    knowsEvent: (eventId) =>
      core.db.read(async (connection) => {
        const sql = "SELECT 1 AS known FROM events WHERE event_id = ?";
        return (await connection.get(sql, [eventId])) !== undefined;
      }),
    settleEvent: (lease, eventId, result, at) =>
      core.db.write((tx) => settleEvent(core, tx, lease, eventId, result, at)),
  };
}

/** Inserts what is new, marks what is known with the way it came now, and returns the ids that were new, in order. */
async function recordChunk(
  core: StoreCore,
  tx: Transaction,
  events: readonly IncomingEvent[],
  source: "push" | "sweep",
  at: Date,
): Promise<readonly string[]> {
  const column = source === "push" ? "pushed_at" : "swept_at";
  const time = at.getTime();
  const inserted = await tx.all(
    `INSERT INTO events (event_id, room_id, lane, state, next_at, recorded_at, ${column}, raw)
     VALUES ${valueRows(events.length, 8)}
     ON CONFLICT (event_id) DO NOTHING RETURNING event_id`,
    events.flatMap(({ eventId, roomId, lane, raw }) => {
      const sealed = core.seals.seal(raw, rawPlace(eventId));
      return [eventId, roomId, lane, "new", time, time, time, sealed];
    }),
  );
  const fresh = new Set(inserted.map((row) => textOf(row, "event_id")));
  const ids = [...new Set(events.map((event) => event.eventId))];
  const known = ids.filter((id) => !fresh.has(id));
  if (known.length > 0)
    await tx.run(
      `UPDATE events SET ${column} = ? WHERE ${column} IS NULL AND event_id IN ${valueRows(1, known.length)}`,
      [time, ...known],
    );
  return ids.filter((id) => fresh.has(id));
}

async function settleEvent(
  core: StoreCore,
  tx: Transaction,
  lease: Lease,
  eventId: string,
  result: EventResult,
  at: Date,
): Promise<boolean> {
  await tx.lockLanes([lease.lane]);
  if (!(await holdsLane(tx, lease))) return false;
  const detail = core.seals.sealOptional(result.detail, `events/${eventId}/detail`);
  const only = "WHERE event_id = ? AND lane = ? AND state = 'new'";
  if (result.outcome === "retry") {
    const sql = `UPDATE events SET attempts = attempts + 1, next_at = ?, detail = ? ${only}`;
    await tx.run(sql, [result.nextAt.getTime(), detail, eventId, lease.lane]);
    return true;
  }
  // What was taken in lives on as a letter; only input that a human has to look at keeps its bytes.
  const raw = result.outcome === "quarantined" ? "raw" : "NULL";
  await tx.run(
    `UPDATE events SET state = ?, attempts = attempts + 1, settled_at = ?, message_id = ?,
       detail = ?, raw = ${raw} ${only}`,
    [result.outcome, at.getTime(), result.messageId ?? null, detail, eventId, lease.lane],
  );
  return true;
}

export function storedEventOf(core: StoreCore, row: Row): StoredEvent {
  const eventId = textOf(row, "event_id");
  return {
    eventId,
    roomId: textOf(row, "room_id"),
    lane: textOf(row, "lane"),
    raw: core.seals.open(bytesOf(row, "raw"), rawPlace(eventId)),
    seq: numberOf(row, "seq"),
    attempts: numberOf(row, "attempts"),
    recordedAt: timeOf(row, "recorded_at"),
  };
}

function rawPlace(eventId: string): string {
  return `events/${eventId}/raw`;
}
