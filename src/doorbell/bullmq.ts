import { Queue, Worker, type Job } from "bullmq";
import { Redis } from "ioredis";
import { GatewayError, describeError } from "../model/errors.ts";
import type { Log } from "../bridge/contract.ts";
import type { Doorbell } from "./doorbell.ts";

const QUEUE = "lanes";
/** Hash tag, so that all keys live in one slot of a Redis cluster. */
const PREFIX = "{pfb}";
/** How long a worker's claim on a lane lives without renewal, milliseconds; the database lease is what really counts. */
const LOCK_MS = 30_000;
/** A stalled ring is taken up again this often; more is nothing but noise, the sweep rings anyway. */
const MAX_STALLED = 100;
/** Delayed rings further away than this are left to the sweep: due lanes are found there in time. */
const MAX_DELAY_MS = 60_000;

export interface BullmqOptions {
  readonly url: string;
  readonly concurrency: number;
  readonly log: Log;
  /** Tests run several doorbells on one Redis. */
  readonly prefix?: string;
}

/**
 * The doorbell of several nodes. A job carries a lane id and nothing else. At most one job per lane waits and at most
 * one runs (`deduplication` with `keepLastIfActive`: a ring during the run is kept for afterwards). Redis may be empty,
 * slow or gone at any time: ringing then does nothing, and the sweep finds the lane.
 */
export function createBullmqDoorbell(options: BullmqOptions): Doorbell {
  const prefix = options.prefix ?? PREFIX;
  const producer = connect(options, { enableOfflineQueue: false, maxRetriesPerRequest: 1 });
  const consumer = connect(options, { maxRetriesPerRequest: null });
  const queue = new Queue(QUEUE, { connection: producer, prefix });
  queue.on("error", () => undefined); // reported once by the connection
  const aborted = new AbortController();
  let worker: Worker | undefined;
  let stopping = false;

  async function add(lane: string, delay: number): Promise<void> {
    await queue.add(
      "ring",
      { lane },
      {
        ...(delay > 0 ? { delay } : { deduplication: { id: lane, keepLastIfActive: true } }),
        removeOnComplete: true,
        removeOnFail: 1_000,
      },
    );
  }

  return {
    async start(handler) {
      await refuseEviction(producer);
      const handle = (job: Job<{ lane: string }>) => handler(job.data.lane, aborted.signal);
      worker = new Worker<{ lane: string }>(QUEUE, handle, {
        connection: consumer,
        prefix,
        concurrency: options.concurrency,
        lockDuration: LOCK_MS,
        maxStalledCount: MAX_STALLED,
      });
      worker.on("error", () => undefined);
    },
    ring(lane, at) {
      if (stopping) return;
      const delay = at ? Math.max(0, at.getTime() - Date.now()) : 0;
      if (delay > MAX_DELAY_MS) return;
      void add(lane, delay).catch((error: unknown) => {
        options.log.debug({ lane, error: describeError(error) }, "ring-lost");
      });
    },
    async stop(graceMs) {
      stopping = true;
      aborted.abort(new Error("the gateway stops"));
      const limit = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
      await Promise.race([worker?.close(), limit]);
      await Promise.race([worker?.close(true), limit]);
      await queue.close().catch(() => undefined);
      producer.disconnect();
      consumer.disconnect();
    },
    async health() {
      if (producer.status !== "ready") return { ok: false, detail: `Redis is ${producer.status}` };
      try {
        await producer.ping();
        return { ok: true };
      } catch (error) {
        return { ok: false, detail: describeError(error) };
      }
    },
  };
}

function connect(options: BullmqOptions, settings: Record<string, unknown>): Redis {
  const redis = new Redis(options.url, {
    ...settings,
    retryStrategy: (n) => Math.min(n * 100, 2_000),
  });
  let down = false;
  redis.on("error", (error: Error) => {
    if (!down) options.log.warn({ error: describeError(error) }, "redis-down");
    down = true;
  });
  redis.on("ready", () => {
    if (down) options.log.info({}, "redis-back");
    down = false;
  });
  return redis;
}

/** Throws DOORBELL_REFUSED when this Redis may evict keys, STORE_UNAVAILABLE when it does not answer at start. */
async function refuseEviction(redis: Redis): Promise<void> {
  const policy = await evictionPolicy(redis);
  if (policy !== "noeviction")
    throw new GatewayError("DOORBELL_REFUSED", `Redis has maxmemory-policy ${policy}`);
}

async function evictionPolicy(redis: Redis): Promise<string> {
  await becomeReady(redis);
  const info = await redis.info("memory");
  return /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? "unknown";
}

const READY_MS = 10_000;

async function becomeReady(redis: Redis): Promise<void> {
  if (redis.status === "ready") return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new GatewayError("STORE_UNAVAILABLE", "Redis does not answer")),
      READY_MS,
    );
    redis.once("ready", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
