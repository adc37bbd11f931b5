import { readdir, readFile } from "node:fs/promises";
import { GatewayError } from "../../model/errors.ts";
import { digestOf } from "../../model/id.ts";
import { type Database, inDialect, type Transaction } from "./database.ts";
import { numberOf, textOf } from "./rows.ts";

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly digest: string;
  readonly sql: string;
}

const folder = new URL("../migrations/", import.meta.url);
const fileName = /^(\d{4})-[a-z0-9-]+\.sql$/;
const versionTable = `
CREATE TABLE IF NOT EXISTS schema_version (
  version NUMBER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  applied_at TIME NOT NULL
) STRICT;`;

/**
 * Brings the database to this gateway's schema: all missing migrations in one transaction under a lock, so that two
 * gateways may start at once. Throws STORE_NEWER when the database knows a migration that we do not know, or another
 * one under the same number; nothing was changed then.
 */
export async function migrate(db: Database, migrations?: readonly Migration[]): Promise<void> {
  const known = migrations ?? (await readMigrations());
  await db.write(async (tx) => {
    await tx.lockGlobally("migration");
    await tx.script(inDialect(versionTable, db.dialect));
    const applied = await checkApplied(tx, known);
    for (const migration of known.filter(({ version }) => version > applied)) {
      await tx.script(inDialect(migration.sql, db.dialect));
      const { version, name, digest } = migration;
      await tx.run(
        "INSERT INTO schema_version (version, name, digest, applied_at) VALUES (?, ?, ?, ?)",
        [version, name, digest, Date.now()],
      );
    }
  });
}

/** The files of `migrations/` in order; they are numbered 0001, 0002, … without gaps. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => fileName.test(name)).sort();
  return Promise.all(names.map(readMigration));
}

async function readMigration(name: string, index: number): Promise<Migration> {
  const version = Number(fileName.exec(name)?.[1]);
  if (version !== index + 1)
    throw new GatewayError("INTERNAL", `migration '${name}' is out of line`);
  const sql = (await readFile(new URL(name, folder), "utf8")).replaceAll("\r\n", "\n");
  return { version, name, digest: digestOf(sql), sql };
}

/** The number of the last migration that ran. */
async function checkApplied(tx: Transaction, known: readonly Migration[]): Promise<number> {
  const rows = await tx.all(
    "SELECT version, name, digest FROM schema_version ORDER BY version",
    [],
  );
  for (const row of rows) {
    const version = numberOf(row, "version");
    const name = textOf(row, "name");
    const ours = known.find((migration) => migration.version === version);
    if (!ours || ours.digest !== textOf(row, "digest"))
      throw new GatewayError(
        "STORE_NEWER",
        `the database has schema ${String(version)} (${name}), which this gateway does not know in that form`,
      );
  }
  return rows.length;
}
