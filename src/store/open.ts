import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CoreConfig } from "../config/schema.ts";
import type { BlobStore } from "./blob-store.ts";
import { createFolderBlobs } from "./blobs.ts";
import type { Sealer } from "./keys.ts";
import { createPostgresStore } from "./postgres/store.ts";
import { createSealer, openSealer, type SealKey } from "./sealer.ts";
import { createSqliteStore } from "./sqlite/store.ts";
import type { Store } from "./store.ts";

/** Everything that lies on disk, opened. */
export interface Storage {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly sealer: Sealer;
  close(): Promise<void>;
}

/** Name of the SQLite database in the data folder. */
export const DATABASE_FILE = "postfach.sqlite";

/** Opens (and migrates) what the configuration names. `data` is absolute and is created when missing (mode 0700). */
export async function openStorage(core: CoreConfig): Promise<Storage> {
  const dataDir = core.data;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const keys = sealKeys(core);
  const store = createStore(core, dataDir, createSealer(keys));
  await store.open();
  const sealer = await openSealer(store, keys);
  const blobs = await createFolderBlobs({ dir: join(dataDir, "blobs"), sealer });
  return { store, blobs, sealer, close: () => store.close() };
}

function createStore(core: CoreConfig, dataDir: string, sealer: Sealer): Store {
  if (core.store.kind === "sqlite")
    return createSqliteStore({ file: join(dataDir, DATABASE_FILE), sealer });
  const { url, poolSize } = core.store;
  return createPostgresStore({ url: url.reveal(), poolSize, sealer });
}

function sealKeys(core: CoreConfig): readonly SealKey[] {
  return core.keys.map(({ id, secret }) => ({
    id,
    secret: Buffer.from(secret.reveal(), "base64"),
  }));
}
