import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createPostgresDatabase } from "../../src/store/postgres/database.ts";
import type { Database } from "../../src/store/sql/database.ts";
import { migrate, readMigrations } from "../../src/store/sql/migrate.ts";
import { createSqliteDatabase } from "../../src/store/sqlite/database.ts";
import {
  after,
  T0,
  type StoreAddress,
  type StoreFactory,
  type TestDatabase,
} from "../support/stores.ts";

/** Version 2 had links without a time, a role or a history, and knew no proofs of possession. */
const BEFORE_PEOPLE = 2;
const row = (mailbox: string, user: string, provenance: string, by: string, at: Date) =>
  `('a', '${mailbox}', '${user}', '${provenance}', '${by}', ${at.getTime()})`;
const OLD_LINKS = [
  row("m2", "@max:o", "import", "op-2", after(2_000)),
  row("m1", "@erika:o", "admin", "op-1", after(1_000)),
  row("m1", "@wanda:o", "config", "file", T0),
].join(", ");

/** A database of an older gateway, with links in it, is taken over by this one. */
export function storeMigrations(name: string, factory: StoreFactory): void {
  describe(`${name}: who is who, from the version before`, () => {
    let db: TestDatabase;
    beforeEach(async () => {
      db = await factory.create();
      const older = databaseAt(db.address);
      await older.open();
      await migrate(older, (await readMigrations()).slice(0, BEFORE_PEOPLE));
      await older.close();
      const columns = "account, mailbox, user_id, provenance, added_by, added_at";
      await db.execute(`INSERT INTO links (${columns}) VALUES ${OLD_LINKS}`);
    });
    afterEach(() => db.dispose());

    test("every link is there as it was, without an end", async () => {
      const store = await db.open();
      expect(await store.listLinks({ limit: 10 })).toEqual([
        { account: "a", mailbox: "m1", user: "@erika:o", provenance: "admin", by: "op-1" },
        { account: "a", mailbox: "m1", user: "@wanda:o", provenance: "config", by: "file" },
        { account: "a", mailbox: "m2", user: "@max:o", provenance: "import", by: "op-2" },
      ]);
      expect((await store.mailboxesOf("a", "@max:o")).map(({ mailbox }) => mailbox)).toEqual([
        "m2",
      ]);
    });

    test("its history begins with who added it when, in that order, and goes on", async () => {
      const store = await db.open();
      await store.removeLink("a", "m2", "@max:o", "op-3", after(3_000));
      const history = await store.linkHistory({ account: "a", limit: 10 });
      expect(history.map(({ change, user, by, at }) => [change, user, by, at])).toEqual([
        ["removed", "@max:o", "op-3", after(3_000)],
        ["added", "@max:o", "op-2", after(2_000)],
        ["added", "@erika:o", "op-1", after(1_000)],
        ["added", "@wanda:o", "file", T0],
      ]);
    });

    test("what is new works on it: a time, a proof; two nodes may start at once", async () => {
      const [store, other] = await Promise.all([db.open(), db.open()]);
      const link = { account: "a", mailbox: "m1", user: "@erika:o", provenance: "admin" } as const;
      const until = after(5_000);
      expect(await store.putLink({ ...link, by: "op-1", until }, after(3_000))).toBe("changed");
      expect(await other.linksTurning(after(4_000), until)).toEqual([
        { account: "a", mailbox: "m1" },
      ]);
      const claim = { id: "c1", account: "a", mailbox: "m9", user: "@nina:o", mac: "x", by: "p" };
      const limits = { since: T0, perMailbox: 1, perUser: 1 };
      await store.openClaim({ ...claim, expiresAt: after(9_000) }, limits, after(3_000));
      const given = { id: "c1", user: "@nina:o", mac: "x", by: "p", maxTries: 1 };
      expect(await other.answerClaim(given, after(4_000))).toBe("linked");
      expect(await store.linksOf("a", "m9")).toMatchObject([{ provenance: "claim" }]);
      expect((await store.linkHistory({ account: "a", limit: 10 })).length).toBe(5);
    });

    test("starting again changes nothing", async () => {
      await (await db.open()).close();
      const store = await db.open();
      expect(await store.linkHistory({ account: "a", limit: 10 })).toHaveLength(3);
      expect(await store.listLinks({ limit: 10 })).toHaveLength(3);
    });
  });
}

function databaseAt(address: StoreAddress): Database {
  return address.kind === "sqlite"
    ? createSqliteDatabase({ file: address.file })
    : createPostgresDatabase({ url: address.url, poolSize: 2 });
}
