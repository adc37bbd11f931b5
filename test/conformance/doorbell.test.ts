import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Log } from "../../src/bridge/contract.ts";
import { createBullmqDoorbell } from "../../src/doorbell/bullmq.ts";
import type { Doorbell } from "../../src/doorbell/doorbell.ts";
import { createMemoryDoorbell } from "../../src/doorbell/memory.ts";
import { newId } from "../../src/model/id.ts";
import { describeWith, useRedis } from "../support/services/index.ts";
import { doorbellConformance, until, Visits } from "./doorbell.ts";

const redis = await useRedis();
const durable = await useRedis({ appendOnly: true });
const evicting = await useRedis({ args: ["--maxmemory-policy", "allkeys-lru"] });
const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

doorbellConformance("memory", () =>
  Promise.resolve({
    create: (options) => createMemoryDoorbell(options),
    dispose: () => Promise.resolve(),
  }),
);

describeWith("Redis", redis, ({ url }) => {
  doorbellConformance("BullMQ", () => {
    const prefix = `{${newId()}}`;
    return Promise.resolve({
      create: (options) => createBullmqDoorbell({ ...options, url, prefix, log: silent }),
      dispose: () => Promise.resolve(),
    });
  });
});

describeWith("the doorbell of several nodes", durable, (server) => {
  const nodes: Doorbell[] = [];
  let prefix: string;
  let admin: Redis;
  beforeEach(() => {
    prefix = `{${newId()}}`;
    admin = new Redis(server.url);
    admin.on("error", () => undefined);
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop(1_000)));
    admin.disconnect();
  });

  function node(options: { concurrency?: number } = {}): Doorbell {
    const { concurrency = 4 } = options;
    const doorbell = createBullmqDoorbell({ url: server.url, concurrency, prefix, log: silent });
    nodes.push(doorbell);
    return doorbell;
  }
  const healthy = (doorbell: Doorbell) =>
    expect.poll(() => doorbell.health(), { timeout: 20_000 }).toEqual({ ok: true });

  test("one of them takes the lane; a ring by another one during the run comes after it", async () => {
    const [one, two] = [node(), node()];
    const visits = new Visits({ hold: true });
    await Promise.all([one.start(visits.handler), two.start(visits.handler)]);
    one.ring("l-1");
    await until("it runs", () => visits.count("l-1") === 1);
    two.ring("l-1");
    one.ring("l-1");
    two.ring("l-2");
    await until("the other lane", () => visits.count("l-2") === 1);
    expect(visits.count("l-1")).toBe(1);
    visits.release("l-1");
    await until("the second run", () => visits.count("l-1") === 2);
    expect(visits.overlaps).toBe(0);
  });

  test("shares the work", async () => {
    const busy = new Visits({ hold: true });
    const free = new Visits({ hold: false });
    const [one, two] = [node({ concurrency: 1 }), node({ concurrency: 4 })];
    await one.start(busy.handler);
    one.ring("long");
    await until("it runs", () => busy.count("long") === 1);
    await two.start(free.handler);
    for (let n = 0; n < 10; n += 1) one.ring(`l-${String(n)}`);
    await until("the free node does the rest", () => free.begun.length === 10);
  });

  test("puts nothing into Redis but lane ids", async () => {
    const one = node();
    await one.start(() => new Promise(() => undefined));
    one.ring("l-abc");
    const jobs = async () => {
      const keys = await admin.keys(`${prefix}:lanes:*`);
      const ids = keys.filter((key) => /:[0-9a-f-]+$/.test(key));
      const data = await Promise.all(ids.map((key) => admin.hget(key, "data").catch(() => null)));
      return data.filter((text) => text !== null);
    };
    await expect.poll(jobs).toEqual(['{"lane":"l-abc"}']);
  });

  test("keeps ringing after FLUSHALL, during a run, too", async () => {
    const one = node();
    const visits = new Visits({ hold: true });
    await one.start(visits.handler);
    one.ring("l-1");
    await until("it runs", () => visits.count("l-1") === 1);
    await admin.flushall();
    visits.release("l-1");
    await until("it has ended", () => !visits.running.has("l-1"));
    one.ring("l-1");
    one.ring("l-2");
    await until("both", () => visits.count("l-1") === 2 && visits.count("l-2") === 1);
  });

  test("rings the lane here when Redis is gone, and through Redis when it is back", async () => {
    const one = node({ concurrency: 2 });
    const visits = new Visits({ hold: true });
    await one.start(visits.handler);
    await server.kill("SIGKILL");
    await expect.poll(() => one.health()).toMatchObject({ ok: false });
    one.ring("meanwhile");
    one.ring("later", new Date(Date.now() + 20));
    await until("both run, and fill this node", () => visits.running.size === 2);
    await server.restart();
    await healthy(one);
    const other = node();
    const others = new Visits({ hold: false });
    await other.start(others.handler);
    for (let n = 0; n < 20; n += 1) one.ring(`l-${String(n)}`);
    // The first node takes as many from Redis as it may, however many it runs by itself; they are held, too.
    await until("all of them", () => visits.begun.length - 2 + others.begun.length === 20);
    expect(others.begun.length).toBeGreaterThanOrEqual(18);
  });

  test("a run that lasts longer than an outage does not block its lane", async () => {
    const one = node();
    const visits = new Visits({ hold: true });
    await one.start(visits.handler);
    one.ring("l-1");
    await until("it runs", () => visits.count("l-1") === 1);
    await server.kill("SIGKILL");
    await server.restart();
    await healthy(one);
    visits.release("l-1");
    await until("it has ended", () => !visits.running.has("l-1"));
    one.ring("l-1");
    await until("the second run", () => visits.count("l-1") === 2);
  });

  test("a node that was stopped in order leaves no lane locked", async () => {
    const one = node();
    const visits = new Visits({ hold: true });
    await one.start(visits.handler);
    one.ring("l-1");
    await until("it runs", () => visits.count("l-1") === 1);
    await one.stop(5_000);
    const two = node();
    const next = new Visits({ hold: false });
    await two.start(next.handler);
    two.ring("l-1");
    await until("the next node has it", () => next.count("l-1") >= 1);
  });

  test("starts, rings and stops without Redis", async () => {
    const lonely = createBullmqDoorbell({
      ...{ url: "redis://127.0.0.1:1", concurrency: 2, prefix },
      log: silent,
    });
    nodes.push(lonely);
    const visits = new Visits({ hold: false });
    lonely.ring("early");
    await lonely.start(visits.handler);
    lonely.ring("l-1");
    await until("both", () => visits.begun.length === 2);
    expect((await lonely.health()).ok).toBe(false);
  });
});

describeWith("a Redis that may forget jobs", evicting, (server) => {
  test("is refused at start", async () => {
    const doorbell = createBullmqDoorbell({ url: server.url, concurrency: 1, log: silent });
    const starting = doorbell.start(() => Promise.resolve());
    await expect(starting).rejects.toMatchObject({
      code: "DOORBELL_REFUSED",
      message: expect.stringContaining("allkeys-lru") as unknown,
    });
    expect((await doorbell.health()).ok).toBe(false);
    await doorbell.stop(100);
  });

  test("is refused where CONFIG is forbidden, too", async () => {
    const admin = new Redis(server.url);
    await admin.call("ACL", "SETUSER", "tenant", "on", ">pass", "~*", "&*", "+@all", "-config");
    const url = server.url.replace("redis://", "redis://tenant:pass@");
    const doorbell = createBullmqDoorbell({ url, concurrency: 1, log: silent });
    const starting = doorbell.start(() => Promise.resolve());
    await expect(starting).rejects.toMatchObject({ code: "DOORBELL_REFUSED" });
    await doorbell.stop(100);
    await admin.config("SET", "maxmemory-policy", "noeviction");
    const allowed = createBullmqDoorbell({ url, concurrency: 1, log: silent });
    await allowed.start(() => Promise.resolve());
    expect(await allowed.health()).toEqual({ ok: true });
    await allowed.stop(100);
    admin.disconnect();
  });
});
