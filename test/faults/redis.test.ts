import { rmSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { pause } from "../../deploy/demo/reader.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import { describeWith, usePostgres, useRedis } from "../support/services/index.ts";
import {
  arrivedInMailbox,
  arrivedInMatrix,
  numbers,
  openCase,
  sendFromLegacy,
  sendFromMatrix,
  waitForAll,
} from "./traffic.ts";

const postgres = await usePostgres();
const redis = await useRedis();
const both =
  postgres.available && redis.available
    ? { available: true as const, postgres, redis }
    : { available: false as const, reason: postgres.available ? "no Redis" : "no PostgreSQL" };
const LETTERS = 12;
const FLUSHES = 20;

describeWith("PostgreSQL and Redis", both, (services) => {
  const dir = makeTemporaryFolder("redis");
  let stack: Stack;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    stack = await startStack({
      dir: join(dir, "stack"),
      homeserver: "simulated",
      sweepEvery: "1s",
      firstRetry: "500ms",
      postgresUrl: await services.postgres.createDatabase("gateway"),
      redisUrl: services.redis.url,
    });
    gateway = await stack.startGateway();
  });
  afterAll(async () => {
    await stack.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function expectAllOnceInOrder(reference: string): Promise<void> {
    const inMatrix = await waitForAll(async () => {
      await stack.clara.look();
      return arrivedInMatrix(stack, reference);
    }, LETTERS);
    const inMailbox = await waitForAll(() => arrivedInMailbox(stack, reference), LETTERS);
    expect(inMatrix).toEqual(numbers(LETTERS));
    expect(inMailbox).toEqual(numbers(LETTERS));
  }

  test("FLUSHALL again and again while letters travel: none lost, doubled or reordered", async () => {
    const reference = "Az-flushall";
    const roomId = await openCase(stack, gateway, reference);
    const client = new Redis(services.redis.url);
    const flush = async () => {
      for (let n = 0; n < FLUSHES; n += 1) {
        await client.flushall();
        await pause(100);
      }
      client.disconnect();
    };
    await Promise.all([
      flush(),
      sendFromLegacy(stack, reference, LETTERS),
      sendFromMatrix(stack, roomId, reference, LETTERS),
    ]);
    await expectAllOnceInOrder(reference);
  });

  test("Redis is killed and the gateway too: the database knows everything", async () => {
    const reference = "Az-redis-kill";
    const roomId = await openCase(stack, gateway, reference);
    const traffic = Promise.all([
      sendFromLegacy(stack, reference, LETTERS),
      sendFromMatrix(stack, roomId, reference, LETTERS),
    ]);
    await services.redis.kill("SIGKILL");
    await pause(1_000);
    await gateway.kill();
    await services.redis.restart();
    gateway = await stack.startGateway();
    await traffic;
    await expectAllOnceInOrder(reference);
  });
});
