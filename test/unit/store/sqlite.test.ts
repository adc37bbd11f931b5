import { writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSealer } from "../../../src/store/sealer.ts";
import { createSqliteStore } from "../../../src/store/sqlite/store.ts";
import type { Store } from "../../../src/store/store.ts";
import { letter, sqliteStores, T0, TEST_KEYS, type TestDatabase } from "../../support/stores.ts";

const unavailable = { code: "STORE_UNAVAILABLE" };
let db: TestDatabase;
let file: string;
const opened: Store[] = [];

beforeEach(async () => {
  db = await sqliteStores.create();
  file = db.address.kind === "sqlite" ? db.address.file : "";
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  await db.dispose();
});

async function open(options: { maxBytes?: number; busyMs?: number } = {}): Promise<Store> {
  const store = createSqliteStore({ file, sealer: createSealer(TEST_KEYS), ...options });
  opened.push(store);
  await store.open();
  return store;
}

describe("a full disk", () => {
  test("refuses to take letters in, acknowledges nothing it does not have, and recovers", async () => {
    const store = await open({ maxBytes: 600_000 });
    const items = Array.from({ length: 400 }, () =>
      letter({ message: { text: "x".repeat(2_000) } }),
    );
    const outcomes = await Promise.allSettled(items.map((item) => store.accept([item], T0)));
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject(unavailable);
    for (const [n, item] of items.entries()) {
      const isThere = (await store.message(item.message.id)) !== undefined;
      expect(isThere).toBe(outcomes[n]?.status === "fulfilled");
    }
    const roomy = await open();
    const results = await roomy.accept(items, T0);
    expect(results.filter(({ outcome }) => outcome === "stored")).toHaveLength(refused.length);
  });
});

describe("another process holds the database", () => {
  test("waits for it without blocking this process", async () => {
    const store = await open();
    const other = new DatabaseSync(file);
    other.exec("BEGIN IMMEDIATE");
    const item = letter();
    const accepting = store.accept([item], T0);
    let turns = 0;
    const turn = setInterval(() => (turns += 1), 1);
    await expect.poll(() => turns).toBeGreaterThan(3);
    clearInterval(turn);
    // Reading goes on meanwhile.
    expect(await store.message(item.message.id)).toBeUndefined();
    other.exec("COMMIT");
    expect((await accepting)[0]?.outcome).toBe("stored");
    other.close();
  });

  test("gives up after its time, and works again afterwards", async () => {
    const store = await open({ busyMs: 100 });
    const other = new DatabaseSync(file);
    other.exec("BEGIN IMMEDIATE");
    const item = letter();
    await expect(store.accept([item], T0)).rejects.toMatchObject(unavailable);
    other.exec("ROLLBACK");
    other.close();
    expect((await store.accept([item], T0))[0]?.outcome).toBe("stored");
  });
});

describe("writes that are committed together", () => {
  test("fail one by one", async () => {
    const store = await open();
    const bad = letter({ account: "b", conversation: { account: "b" } });
    await store.accept([letter()], T0);
    const outcomes = await Promise.allSettled(
      [letter(), bad, letter(), bad, letter()].map((item) => store.accept([item], T0)),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(await store.listMessages({ limit: 10 })).toHaveLength(4);
  });

  test("are not seen by others before they are on disk", async () => {
    const store = await open();
    const items = Array.from({ length: 50 }, () => letter());
    const accepting = Promise.all(items.map((item) => store.accept([item], T0)));
    const seen = await Promise.all(items.map((item) => store.message(item.message.id)));
    const other = new DatabaseSync(file);
    const { amount } = other.prepare("SELECT COUNT(*) AS amount FROM messages").get() ?? {};
    expect(seen.filter((found) => found !== undefined).length).toBeLessThanOrEqual(Number(amount));
    other.close();
    await accepting;
    expect(await store.listMessages({ limit: 100 })).toHaveLength(50);
  });

  test("are finished before the store closes", async () => {
    const store = await open();
    const items = Array.from({ length: 200 }, () => letter());
    const accepting = Promise.all(items.map((item) => store.accept([item], T0)));
    await store.close();
    expect(await accepting).toHaveLength(200);
    await expect(store.accept([letter()], T0)).rejects.toMatchObject(unavailable);
    await expect(store.stats(T0)).rejects.toMatchObject(unavailable);
    expect(await (await open()).listMessages({ limit: 1_000 })).toHaveLength(200);
  });
});

test("a folder that cannot be made is reported as such", async () => {
  await writeFile(file, "in the way");
  const below = `${file}/folder/postfach.db`;
  const store = createSqliteStore({ file: below, sealer: createSealer(TEST_KEYS) });
  await expect(store.open()).rejects.toMatchObject(unavailable);
});

test("a file that is no database is reported as such", async () => {
  await writeFile(file, "this is a text file, and longer than a header ".repeat(100));
  await expect(open()).rejects.toMatchObject(unavailable);
});
