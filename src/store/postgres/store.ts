import type { Sealer } from "../keys.ts";
import { createSqlStore } from "../sql/sql-store.ts";
import type { Store } from "../store.ts";
import { createPostgresDatabase, type PostgresOptions } from "./database.ts";

/** Several nodes: PostgreSQL 15 or later. */
export function createPostgresStore(options: PostgresOptions & { readonly sealer: Sealer }): Store {
  const { sealer, ...database } = options;
  return createSqlStore(createPostgresDatabase(database), sealer);
}
