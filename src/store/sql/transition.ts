import { GatewayError } from "../../model/errors.ts";
import { MESSAGE_STATES } from "../../model/state.ts";
import type {
  Binding,
  Leftovers,
  LetterDecision,
  LetterOutline,
  NewPlan,
  Sighting,
  Store,
  StoredPlan,
  StoredSighting,
  TimeSpan,
} from "../store.ts";
import { PLAN_WAYS } from "../transition-records.ts";
import { writeAudit } from "./audit.ts";
import { boundedLimit, MAX_LISTED, type StoreCore } from "./core.ts";
import type { Connection, Row, SqlValue } from "./database.ts";
import { decisionOf } from "./letter-rows.ts";
import { bytesOf, given, numberOf, optionalTime, sideOf, textOf, timeOf, wordOf } from "./rows.ts";
import { HISTORY_RULE } from "../../model/history.ts";

const PLAN_COLUMNS = "seq, plan_id, file_id, way, applied_by, applied_at, keep_since, document";
const SIGHTING_COLUMNS = "account, source_id, digest, rule, seen_at, last_seen_at";
const OUTLINE_COLUMNS =
  "seq, id, account, source_id, conversation_id, origin, destination, state, digest, accepted_at, " +
  "settled_at, phase, rule, copy_of";

type TransitionMethods = Pick<
  Store,
  | "putPlan"
  | "newestPlan"
  | "listPlans"
  | "lastDecision"
  | "recordSighting"
  | "listSightings"
  | "listOutlines"
  | "copiesOf"
  | "leftovers"
>;

export function transitionMethods(core: StoreCore): TransitionMethods {
  const { db } = core;
  const select = async (sql: string, parameters: readonly SqlValue[]) =>
    db.read((connection) => connection.all(sql, parameters));
  return {
    putPlan: (plan, at) => putPlan(core, plan, at),
    newestPlan: () => db.read((connection) => readNewest(core, connection)),
    async listPlans({ before = Number.MAX_SAFE_INTEGER, limit }) {
      const sql = `SELECT ${PLAN_COLUMNS} FROM plans WHERE seq < ? ORDER BY seq DESC LIMIT ?`;
      const rows = await select(sql, [before, boundedLimit(limit)]);
      return rows.map((row) => planOf(core, row));
    },
    lastDecision: (conversationId, binding) =>
      db.read((connection) => readLastDecision(connection, conversationId, binding)),
    recordSighting: (sighting, at) => recordSighting(core, sighting, at),
    async listSightings(span, { after, limit }) {
      const from: SqlValue[] = after
        ? [after.seenAt.getTime(), after.sourceId]
        : [span.since.getTime(), ""];
      const rows = await select(
        `SELECT ${SIGHTING_COLUMNS} FROM sightings
         WHERE account = ? AND (seen_at, source_id) > (?, ?) AND seen_at < ?
         ORDER BY seen_at, source_id LIMIT ?`,
        [span.account, ...from, span.until.getTime(), boundedLimit(limit)],
      );
      return rows.map(sightingOf);
    },
    listOutlines: (span, page) => listOutlines(core, span, page),
    copiesOf: (ids) => readCopies(core, ids),
    leftovers: (account) => db.snapshot((connection) => countLeftovers(connection, account)),
  };
}
/** Letters in one statement. */
const COPIES_PAGE = 100;

function recordSighting(core: StoreCore, sighting: Sighting, at: Date): Promise<boolean> {
  const { account, sourceId, digest, rule } = sighting;
  return core.db.write(async (tx) => {
    const added = await tx.run(
      `INSERT INTO sightings (${SIGHTING_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (account, source_id) DO NOTHING`,
      [account, sourceId, digest, rule, at.getTime(), at.getTime()],
    );
    if (added === 1) return true;
    const sql = "UPDATE sightings SET last_seen_at = ? WHERE account = ? AND source_id = ?";
    await tx.run(sql, [at.getTime(), account, sourceId]);
    return false;
  });
}

async function readCopies(
  core: StoreCore,
  ids: readonly string[],
): Promise<readonly LetterOutline[]> {
  const found: LetterOutline[] = [];
  for (let n = 0; n < ids.length; n += COPIES_PAGE) {
    const some = ids.slice(n, n + COPIES_PAGE);
    const marks = some.map(() => "?").join(", ");
    const sql = `SELECT ${OUTLINE_COLUMNS} FROM messages WHERE copy_of IN (${marks})`;
    const rows = await core.db.read((connection) => connection.all(sql, some));
    found.push(...rows.map(outlineOf));
  }
  return found;
}

async function putPlan(core: StoreCore, plan: NewPlan, at: Date): Promise<StoredPlan> {
  const { after, planId, fileId, way, by, keepSince, document } = plan;
  const seq = after + 1;
  return core.db.write(async (tx) => {
    // The lock of the audit log also puts plans in one line.
    const detail = { plan: planId, way, replaces: after };
    const entry = { actor: by, action: "plan-applied", subject: "plan", detail };
    await writeAudit(core, tx, entry, at);
    const newest = await readNewest(core, tx);
    if ((newest?.seq ?? 0) !== after)
      throw new GatewayError(
        "NOT_ALLOWED",
        `plan ${newest?.planId ?? ""} was applied meanwhile by ${newest?.by ?? "somebody"}; look at the difference again`,
      );
    await tx.run(`INSERT INTO plans (${PLAN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, [
      ...[seq, planId, fileId, way, by, at.getTime(), keepSince.getTime()],
      core.seals.seal(document, placeOf(seq)),
    ]);
    return { seq, planId, fileId, way, by, keepSince, document, appliedAt: at };
  });
}

async function readNewest(
  core: StoreCore,
  connection: Connection,
): Promise<StoredPlan | undefined> {
  const sql = `SELECT ${PLAN_COLUMNS} FROM plans ORDER BY seq DESC LIMIT 1`;
  const row = await connection.get(sql, []);
  return row && planOf(core, row);
}

export async function readLastDecision(
  connection: Connection,
  conversationId: string,
  { origin, since }: Binding,
): Promise<Pick<LetterDecision, "phase" | "rule"> | undefined> {
  const byOrigin = origin === undefined ? "" : "AND origin = ?";
  const row = await connection.get(
    `SELECT phase, rule, copy_of FROM messages
     WHERE conversation_id = ? AND accepted_at >= ? AND phase NOT IN ('off', 'drain')
       AND (rule IS NULL OR rule <> ?) ${byOrigin}
     ORDER BY seq DESC LIMIT 1`,
    // A letter of the past says nothing about where the conversation stands today.
    [conversationId, since.getTime(), HISTORY_RULE, ...(origin === undefined ? [] : [origin])],
  );
  if (!row) return undefined;
  const { phase, rule = "" } = decisionOf(row);
  return phase && { phase, rule };
}

async function listOutlines(
  core: StoreCore,
  { account, since, until }: TimeSpan,
  { after = 0, limit }: { after?: number; limit: number },
): Promise<readonly LetterOutline[]> {
  const found: LetterOutline[] = [];
  const wanted = boundedLimit(limit);
  for (let last = after; found.length < wanted;) {
    const rows = await core.db.read((connection) =>
      connection.all(
        `SELECT ${OUTLINE_COLUMNS} FROM messages WHERE account = ? AND seq > ? ORDER BY seq LIMIT ?`,
        [account, last, MAX_LISTED],
      ),
    );
    for (const row of rows) {
      last = numberOf(row, "seq");
      const outline = outlineOf(row);
      if (outline.acceptedAt >= since && outline.acceptedAt < until) found.push(outline);
      if (found.length === wanted) break;
    }
    if (rows.length < MAX_LISTED) break;
  }
  return found;
}

async function countLeftovers(connection: Connection, account: string): Promise<Leftovers> {
  const count = async (what: string, ...parameters: readonly string[]) => {
    const given = parameters.length === 0 ? [account] : parameters;
    const row = await connection.get(`SELECT COUNT(*) AS amount FROM ${what}`, given);
    return row ? numberOf(row, "amount") : 0;
  };
  return {
    noticesDue: await count(
      `receipts r JOIN messages m ON m.id = r.message_id
       WHERE r.notice_state = 'due' AND m.account = ?`,
    ),
    eventsOpen: await count(
      `events e JOIN conversations c ON c.room_id = e.room_id
       WHERE e.state = 'new' AND c.account = ?`,
    ),
    sightings: await count(
      `sightings s WHERE s.account = ? AND NOT EXISTS
       (SELECT 1 FROM messages m WHERE m.account = s.account AND m.source_id = s.source_id)`,
    ),
    mirrored: await count(
      `messages WHERE account = ? AND origin = 'legacy' AND destination = 'matrix'
       AND phase IN ('observe', 'mirror') AND copy_of IS NULL AND COALESCE(rule, '') <> ?`,
      ...[account, HISTORY_RULE],
    ),
    links: await count("links WHERE account = ?"),
    records: await count("facts WHERE scope = ?", `bridge:${account}`),
  };
}

function outlineOf(row: Row): LetterOutline {
  return {
    seq: numberOf(row, "seq"),
    id: textOf(row, "id"),
    account: textOf(row, "account"),
    sourceId: textOf(row, "source_id"),
    conversationId: textOf(row, "conversation_id"),
    origin: sideOf(row, "origin"),
    destination: sideOf(row, "destination"),
    state: wordOf(row, "state", MESSAGE_STATES),
    digest: textOf(row, "digest"),
    acceptedAt: timeOf(row, "accepted_at"),
    ...given({ settledAt: optionalTime(row, "settled_at"), ...decisionOf(row) }),
  };
}

function planOf(core: StoreCore, row: Row): StoredPlan {
  const seq = numberOf(row, "seq");
  return {
    seq,
    planId: textOf(row, "plan_id"),
    fileId: textOf(row, "file_id"),
    way: wordOf(row, "way", PLAN_WAYS),
    by: textOf(row, "applied_by"),
    appliedAt: timeOf(row, "applied_at"),
    keepSince: timeOf(row, "keep_since"),
    document: core.seals.open(bytesOf(row, "document"), placeOf(seq)),
  };
}

function sightingOf(row: Row): StoredSighting {
  return {
    account: textOf(row, "account"),
    sourceId: textOf(row, "source_id"),
    digest: textOf(row, "digest"),
    rule: textOf(row, "rule"),
    seenAt: timeOf(row, "seen_at"),
    lastSeenAt: timeOf(row, "last_seen_at"),
  };
}

function placeOf(seq: number): string {
  return `plans/${seq}/document`;
}
