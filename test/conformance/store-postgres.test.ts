import { describe, expect, test } from "vitest";
import { createSealer } from "../../src/store/sealer.ts";
import { createPostgresStore } from "../../src/store/postgres/store.ts";
import { describeWith, usePostgres } from "../support/services/index.ts";
import { letter, postgresStores, storeAt, T0, TEST_KEYS } from "../support/stores.ts";

const postgres = await usePostgres();
const unsafe = await usePostgres({ args: ["-c", "fsync=off"] });
const eager = await usePostgres({ args: ["-c", "synchronous_commit=off"] });
const unavailable = { code: "STORE_UNAVAILABLE" };

describeWith("PostgreSQL comes and goes", postgres, (server) => {
  test("while it is down every call says so; when it is back they work, without a restart of ours", async () => {
    const db = await postgresStores(server.url).create();
    const store = await db.open();
    const [before, during] = [letter(), letter()];
    await store.accept([before], T0);
    await server.kill("SIGKILL");
    await expect(store.accept([during], T0)).rejects.toMatchObject(unavailable);
    await expect(store.message(before.message.id)).rejects.toMatchObject(unavailable);
    await expect(store.trace(before.message.id)).rejects.toMatchObject(unavailable);
    await expect(store.probe()).rejects.toMatchObject(unavailable);
    await expect(storeAt(db.address).open()).rejects.toMatchObject(unavailable);
    await server.restart();
    await expect
      .poll(
        () =>
          store.probe().then(
            () => "writes",
            () => "not yet",
          ),
        { timeout: 20_000 },
      )
      .toBe("writes");
    expect((await store.message(before.message.id))?.message).toEqual(before.message);
    expect(await store.message(during.message.id)).toBeUndefined();
    expect((await store.accept([during], T0))[0]?.outcome).toBe("stored");
    await db.dispose();
  });

  test("calls under way when it dies fail, and leave nothing half done", async () => {
    const db = await postgresStores(server.url).create();
    const store = await db.open();
    const items = Array.from({ length: 200 }, (_, n) =>
      letter({ conversationId: `c${String(n)}` }),
    );
    const acknowledged: string[] = [];
    const calls = items.map(async (item) => {
      await store.accept([item], T0);
      acknowledged.push(item.message.id);
      if (acknowledged.length === 20) await server.kill("SIGKILL");
    });
    const outcomes = await Promise.allSettled(calls);
    const reasons = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason as unknown] : [],
    );
    expect(reasons.length).toBeGreaterThan(0);
    for (const reason of reasons) expect(reason).toMatchObject(unavailable);
    await server.restart();
    await expect
      .poll(
        () =>
          store.probe().then(
            () => "writes",
            () => "not yet",
          ),
        { timeout: 20_000 },
      )
      .toBe("writes");
    for (const id of acknowledged) expect(await store.message(id)).toBeDefined();
    const again = await store.accept(items, T0);
    expect(again.every(({ outcome }) => outcome !== "conflict")).toBe(true);
    expect((await store.stats(T0)).messages).toMatchObject([{ count: 200 }]);
    await db.dispose();
  });
});

describeWith("PostgreSQL with fsync=off", unsafe, ({ url }) => {
  test("is refused: what it acknowledges may be lost", async () => {
    await expect(
      postgresStores(url)
        .create()
        .then((db) => db.open()),
    ).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringContaining("fsync=off") as unknown,
    });
  });
});

describeWith("PostgreSQL with synchronous_commit=off", eager, ({ url }) => {
  test("is told to write before it answers", async () => {
    const db = await postgresStores(url).create();
    const store = await db.open();
    // Killed at once after the answer: without the write in between, the letter would be gone.
    const item = letter();
    await store.accept([item], T0);
    await eagerKill();
    await expect
      .poll(
        () =>
          store.probe().then(
            () => "writes",
            () => "not yet",
          ),
        { timeout: 20_000 },
      )
      .toBe("writes");
    expect(await store.message(item.message.id)).toBeDefined();
    await db.dispose();
  });
});

async function eagerKill(): Promise<void> {
  if (!eager.available) return;
  await eager.kill("SIGKILL");
  await eager.restart();
}

describe("a PostgreSQL that is not there", () => {
  test("is reported without the password", async () => {
    const url = "postgres://user:Geheim9@127.0.0.1:1/none";
    const store = createPostgresStore({ url, poolSize: 2, sealer: createSealer(TEST_KEYS) });
    const error = await store.open().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject(unavailable);
    expect(String(error)).not.toContain("Geheim9");
  });
});
