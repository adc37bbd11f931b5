import { GatewayError } from "../../model/errors.ts";
import type { Store } from "../store.ts";
import { boundedLimit, type StoreCore } from "./core.ts";
import type { Connection } from "./database.ts";
import { bytesOf, textOf } from "./rows.ts";

/** Greater than every key that begins with the same prefix, in byte order. */
const AFTER_ALL = "\u{10FFFF}";
const PUT = `INSERT INTO facts (scope, name, value) VALUES (?, ?, ?)
  ON CONFLICT (scope, name) DO UPDATE SET value = excluded.value`;

type FactMethods = Pick<
  Store,
  "fact" | "putFact" | "claimFact" | "removeFact" | "listFacts" | "probe"
>;

export function factMethods(core: StoreCore): FactMethods {
  const { db } = core;
  return {
    fact: (scope, key) => db.read((connection) => readFact(core, connection, scope, key)),
    putFact: (scope, key, value) => db.write((tx) => writeFact(core, tx, scope, key, value)),
    claimFact: (scope, key, value) =>
      db.write(async (tx) => {
        const sealed = core.seals.seal(value, placeOf(scope, key));
        await tx.run(
          "INSERT INTO facts (scope, name, value) VALUES (?, ?, ?) ON CONFLICT (scope, name) DO NOTHING",
          [scope, key, sealed],
        );
        const kept = await readFact(core, tx, scope, key);
        if (kept === undefined) throw new GatewayError("INTERNAL", "a claimed fact is not there");
        return kept;
      }),
    removeFact: (scope, key) =>
      db.write(async (tx) => {
        await tx.run("DELETE FROM facts WHERE scope = ? AND name = ?", [scope, key]);
      }),
    listFacts: (scope, prefix, options) => listFacts(core, scope, prefix, options),
    probe: () =>
      db.write((tx) => writeFact(core, tx, "gateway", "probe", new Date().toISOString())),
  };
}

export async function readFact(
  core: StoreCore,
  connection: Connection,
  scope: string,
  key: string,
): Promise<string | undefined> {
  const sql = "SELECT value FROM facts WHERE scope = ? AND name = ?";
  const row = await connection.get(sql, [scope, key]);
  return row && core.seals.open(bytesOf(row, "value"), placeOf(scope, key));
}

export async function writeFact(
  core: StoreCore,
  connection: Connection,
  scope: string,
  key: string,
  value: string,
): Promise<void> {
  await connection.run(PUT, [scope, key, core.seals.seal(value, placeOf(scope, key))]);
}

async function listFacts(
  core: StoreCore,
  scope: string,
  prefix: string,
  options: { after?: string; limit: number },
): Promise<readonly { key: string; value: string }[]> {
  const rows = await core.db.read((connection) =>
    connection.all(
      `SELECT name, value FROM facts
       WHERE scope = ? AND name >= ? AND name < ? AND name > ? ORDER BY name LIMIT ?`,
      [scope, prefix, prefix + AFTER_ALL, options.after ?? "", boundedLimit(options.limit)],
    ),
  );
  return rows.map((row) => {
    const key = textOf(row, "name");
    return { key, value: core.seals.open(bytesOf(row, "value"), placeOf(scope, key)) };
  });
}

function placeOf(scope: string, key: string): string {
  return `facts/${scope}/${key}/value`;
}
