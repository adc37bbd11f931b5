import { describeWith, usePostgres } from "../support/services/index.ts";
import { postgresStores, sqliteStores } from "../support/stores.ts";
import { storeMigrations } from "./store-migrations.ts";

const postgres = await usePostgres();

storeMigrations("SQLite", sqliteStores);
describeWith("PostgreSQL", postgres, ({ url }) => {
  storeMigrations("PostgreSQL", postgresStores(url));
});
