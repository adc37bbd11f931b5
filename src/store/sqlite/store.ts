import type { Sealer } from "../keys.ts";
import { createSqlStore } from "../sql/sql-store.ts";
import type { Store } from "../store.ts";
import { createSqliteDatabase, type SqliteOptions } from "./database.ts";

/** One node: a file, no service. Several processes may use it at once (the command line beside the gateway). */
export function createSqliteStore(options: SqliteOptions & { readonly sealer: Sealer }): Store {
  const { sealer, ...database } = options;
  return createSqlStore(createSqliteDatabase(database), sealer);
}
