import { describeWith, usePostgres } from "../support/services/index.ts";
import { postgresStores, sqliteStores } from "../support/stores.ts";
import { storeProcesses } from "./store-processes.ts";
import { storeConformance } from "./store.ts";

const postgres = await usePostgres();

storeConformance("SQLite", sqliteStores);
storeProcesses("SQLite", sqliteStores);
describeWith("PostgreSQL", postgres, ({ url }) => {
  storeConformance("PostgreSQL", postgresStores(url));
  storeProcesses("PostgreSQL", postgresStores(url));
});
