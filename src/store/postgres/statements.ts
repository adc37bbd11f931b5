import pg from "pg";
import { digestOf } from "../../model/id.ts";
import type { Row, SqlValue, Transaction } from "../sql/database.ts";

/** Our texts are few and fixed; each is prepared once per connection under a name of its own. */
const MAX_TEXTS = 1_000;
const texts = new Map<string, { readonly name: string; readonly text: string }>();

type TextParser = (value: string) => unknown;

/** 64-bit numbers (object id 20) arrive as numbers: milliseconds and counters stay far below 2^53. */
export const numbersNotStrings: pg.CustomTypesConfig = {
  getTypeParser(id, format): TextParser {
    if (Number(id) === 20 && format !== "binary") return Number;
    return pg.types.getTypeParser(id, format) as TextParser;
  },
};

/** The common contract over one connection, or over a pool for single statements. */
export function connect(client: pg.Pool | pg.PoolClient): Transaction {
  const query = (sql: string, values: readonly SqlValue[]) =>
    client.query<Record<string, SqlValue>>({ ...prepared(sql), values: values.map(storable) });
  return {
    run: async (sql, parameters) => (await query(sql, parameters)).rowCount ?? 0,
    get: async (sql, parameters): Promise<Row | undefined> =>
      (await query(sql, parameters)).rows[0],
    all: async (sql, parameters): Promise<readonly Row[]> => (await query(sql, parameters)).rows,
    script: async (sql) => void (await client.query(sql)),
    lockLanes: (lanes) => lockLanes(client, lanes),
    lockGlobally: (name) => lockGlobally(client, name),
  };
}

/**
 * Creates and locks the rows one by one in byte order. The update changes nothing: it is there because, unlike
 * DO NOTHING, it waits for and then holds the lock of a row that somebody else has just inserted.
 */
async function lockLanes(client: pg.Pool | pg.PoolClient, lanes: readonly string[]): Promise<void> {
  const ordered = [...new Set(lanes)].sort((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  const text = `INSERT INTO lanes (lane) SELECT unnest($1::text[])
                ON CONFLICT (lane) DO UPDATE SET lane = excluded.lane`;
  await client.query({ name: "lock-lanes", text, values: [ordered] });
}

/** Numbers of our own for advisory locks: "pfb" and a count. */
const LOCK_NUMBERS = { audit: 0x706662_01, migration: 0x706662_02 } as const;

async function lockGlobally(
  client: pg.Pool | pg.PoolClient,
  name: keyof typeof LOCK_NUMBERS,
): Promise<void> {
  // Another node's migration may take long; waiting for it is right.
  if (name === "migration")
    await client.query("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0");
  await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK_NUMBERS[name]]);
}

/** PostgreSQL cannot store the character NUL; an id that holds one must not stop everything that came with it. */
function storable(value: SqlValue): SqlValue {
  return typeof value === "string" && value.includes("\0")
    ? value.replaceAll("\0", "\uFFFD")
    : value;
}

/** `?` → `$1`, `$2`, …; no text of ours holds a question mark otherwise. */
function prepared(sql: string): { name: string; text: string } {
  const known = texts.get(sql);
  if (known) return known;
  if (texts.size >= MAX_TEXTS) texts.clear();
  let count = 0;
  const text = sql.replaceAll("?", () => `$${String((count += 1))}`);
  const entry = { name: digestOf(sql).slice(0, 32), text };
  texts.set(sql, entry);
  return entry;
}
