import { readFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { inDialect, valueRows } from "../../../src/store/sql/database.ts";
import { createSqliteDatabase } from "../../../src/store/sqlite/database.ts";
import { readMigrations } from "../../../src/store/sql/migrate.ts";
import { sqliteStores } from "../../support/stores.ts";

const schema = await readFile(new URL("../../../src/store/schema.sql", import.meta.url), "utf8");

/** What SQLite has understood, without the spacing. */
function structureOf(db: DatabaseSync): readonly string[] {
  const sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'";
  const rows = db.prepare(sql).all();
  return rows.map((row) => String(row["sql"]).replace(/\s+/g, "")).sort();
}

test("schema.sql says what all migrations together make", async () => {
  const documented = new DatabaseSync(":memory:");
  documented.exec(inDialect(schema, "sqlite"));
  const db = await sqliteStores.create();
  await (await db.open()).close();
  if (db.address.kind !== "sqlite") throw new Error("not SQLite");
  const migrated = new DatabaseSync(db.address.file);
  expect(structureOf(migrated)).toEqual(structureOf(documented));
  expect(structureOf(documented).length).toBeGreaterThan(20);
  migrated.close();
  documented.close();
  await db.dispose();
});

test("migrations are numbered without gaps and carry a digest", async () => {
  const migrations = await readMigrations();
  expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, n) => n + 1));
  for (const { digest } of migrations) expect(digest).toMatch(/^[0-9a-f]{64}$/);
});

test("the words of a schema become the types of the database; comments are dropped", () => {
  const common = "CREATE TABLE t (id SERIAL, at TIME, body BYTES, name TEXT) STRICT; -- TEXT\n";
  expect(inDialect(common, "sqlite").trim()).toBe(
    "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER, body BLOB, name TEXT) STRICT;",
  );
  expect(inDialect(common, "postgres").trim()).toBe(
    'CREATE TABLE t (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at BIGINT, body BYTEA, name TEXT COLLATE "C") ;',
  );
  expect(valueRows(2, 3)).toBe("(?, ?, ?), (?, ?, ?)");
});

test("SQLite writes every commit to disk before it answers", async () => {
  const db = await sqliteStores.create();
  const file = db.address.kind === "sqlite" ? db.address.file : "";
  const database = createSqliteDatabase({ file });
  await database.open();
  const settings = await database.write(async (tx) => [
    await tx.get("PRAGMA journal_mode", []),
    await tx.get("PRAGMA synchronous", []),
    await tx.get("PRAGMA foreign_keys", []),
  ]);
  const full = 2;
  expect(settings).toMatchObject([
    { journal_mode: "wal" },
    { synchronous: full },
    { foreign_keys: 1 },
  ]);
  await database.close();
  await db.dispose();
});
