import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import pg from "pg";
import type { CoreConfig } from "../config/schema.ts";
import { GatewayError } from "../model/errors.ts";
import { DATABASE_FILE } from "../store/open.ts";
import { readMigrations } from "../store/sql/migrate.ts";

const CONNECT_MS = 5_000;
const QUERY = "SELECT max(version) AS version FROM schema_version";

export interface SchemaState {
  /** Number of the last migration in the database; 0: none. */
  readonly found: number;
  /** Number of the last migration that this version knows. */
  readonly known: number;
}

/** Looks at the database without creating, migrating or locking anything. Throws STORE_UNAVAILABLE, STORE_NEWER. */
export async function schemaState(config: CoreConfig): Promise<SchemaState> {
  const known = (await readMigrations()).at(-1)?.version ?? 0;
  const found = await lastMigration(config);
  if (found > known)
    throw new GatewayError(
      "STORE_NEWER",
      `the database has schema ${found}, this version knows ${known}`,
    );
  return { found, known };
}

async function lastMigration(config: CoreConfig): Promise<number> {
  try {
    if (config.store.kind === "sqlite") return readSqlite(join(config.data, DATABASE_FILE));
    return await readPostgres(config.store.url.reveal());
  } catch (cause) {
    const message = `the database cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new GatewayError("STORE_UNAVAILABLE", message, { cause });
  }
}

function readSqlite(file: string): number {
  if (!existsSync(file)) return 0;
  // Without a log beside it nobody has the file open: `immutable` then leaves no trace in the folder.
  const url = pathToFileURL(file);
  if (!existsSync(`${file}-wal`)) url.searchParams.set("immutable", "1");
  const database = new DatabaseSync(url, { readOnly: true, timeout: CONNECT_MS });
  try {
    const exists = database
      .prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'")
      .get();
    return exists ? Number(database.prepare(QUERY).get()?.["version"] ?? 0) : 0;
  } finally {
    database.close();
  }
}

async function readPostgres(connectionString: string): Promise<number> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: CONNECT_MS,
    application_name: "postfach-bridge check",
  });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ table: string | null }>(
      "SELECT to_regclass('schema_version') AS table",
    );
    if ((rows[0]?.table ?? null) === null) return 0;
    const last = await client.query<{ version: string | null }>(QUERY);
    return Number(last.rows[0]?.version ?? 0);
  } finally {
    await client.end();
  }
}
