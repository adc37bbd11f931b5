import { afterEach, beforeEach } from "vitest";
import type { Store } from "../../src/store/store.ts";
import type { StoreFactory, TestDatabase } from "../support/stores.ts";

/** The database of the running test. */
export interface Bench {
  /** The first node. */
  readonly store: Store;
  readonly db: TestDatabase;
  /** Another node on the same database. */
  another(): Promise<Store>;
}

export function usingStore(factory: StoreFactory): Bench {
  let db: TestDatabase | undefined;
  let store: Store | undefined;
  beforeEach(async () => {
    db = await factory.create();
    store = await db.open();
  });
  afterEach(async () => {
    await db?.dispose();
    db = store = undefined;
  });
  const use = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error("the bench is used outside of a test");
    return value;
  };
  return {
    get store() {
      return use(store);
    },
    get db() {
      return use(db);
    },
    another: () => use(db).open(),
  };
}
