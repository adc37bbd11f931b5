import { Redis } from "ioredis";
import { Client } from "pg";
import { expect, test } from "vitest";
import { describeWith, usePostgres, useRedis } from "../support/services/index.ts";

// What every other test of this lane relies on: the service is ours, clean, and can be killed and restarted.
const redis = await useRedis();
const postgres = await usePostgres();

describeWith("Redis for tests", redis, (service) => {
  test("evicts nothing, and forgets everything when it is killed", async () => {
    const client = new Redis(service.url, { lazyConnect: true });
    client.on("error", () => undefined);
    await client.connect();
    expect(await client.config("GET", "maxmemory-policy")).toEqual([
      "maxmemory-policy",
      "noeviction",
    ]);
    await client.set("a", "1");
    await service.kill();
    await service.restart();
    expect(await client.get("a")).toBeNull();
    client.disconnect();
  });
});

describeWith("PostgreSQL for tests", postgres, (service) => {
  test("syncs, sorts by bytes, and keeps what was committed when it is killed", async () => {
    const url = await service.createDatabase("kept");
    const before = await connect(url);
    const settings =
      "SELECT current_setting('fsync') AS fsync, current_setting('lc_collate') AS sort";
    expect((await before.query(settings)).rows).toEqual([{ fsync: "on", sort: "C" }]);
    await before.query("CREATE TABLE letter AS SELECT 'ä' AS text");
    await service.kill();
    await service.restart();
    const after = await connect(url);
    expect((await after.query("SELECT text FROM letter")).rows).toEqual([{ text: "ä" }]);
    await after.end();
  });
});

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined); // its server is killed on purpose
  await client.connect();
  return client;
}
