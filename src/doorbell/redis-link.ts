import { Redis } from "ioredis";
import type { Log } from "../bridge/contract.ts";
import { describeError, GatewayError } from "../model/errors.ts";
import { within } from "./turns.ts";

/** How long a command may take: a Redis that hangs is treated like one that is gone, milliseconds. */
const COMMAND_MS = 2_000;
/** How long `start` waits for Redis; then it goes on without. */
const READY_MS = 5_000;
const MAX_RECONNECT_PAUSE_MS = 2_000;

/** The connections to one Redis, and whether it may be used. */
export interface RedisLink {
  /** Fails at once while Redis is away, and after COMMAND_MS when it hangs. */
  readonly producer: Redis;
  /** Waits for Redis to come back, as BullMQ's worker needs it. */
  readonly consumer: Redis;
  /** Waits a while for Redis. Throws DOORBELL_REFUSED when it is there and may forget jobs. */
  connect(): Promise<void>;
  /** May it be rung through Redis now? */
  isUsable(): boolean;
  health(): Promise<{ ok: boolean; detail?: string }>;
  /** At once, with everything that was duplicated from the consumer. */
  disconnect(): void;
}

export function createRedisLink(url: string, log: Log): RedisLink {
  const retryStrategy = (times: number) => Math.min(times * 100, MAX_RECONNECT_PAUSE_MS);
  const producer = new Redis(url, {
    ...{ retryStrategy, enableOfflineQueue: false, maxRetriesPerRequest: 0 },
    commandTimeout: COMMAND_MS,
  });
  const consumer = new Redis(url, { retryStrategy, maxRetriesPerRequest: null });
  const connections = [producer, consumer];
  keepDuplicates(consumer, connections);
  reportOutages(producer, log);
  consumer.on("error", () => undefined); // the producer reports the same outage

  const policy = watchPolicy(producer, log);

  return {
    producer,
    consumer,
    async connect() {
      await within(READY_MS, whenReady(producer));
      const refusal = await policy.verdict();
      if (refusal) throw refusal;
    },
    isUsable: () => producer.status === "ready" && policy.isAccepted(),
    async health() {
      const refusal = policy.refusal();
      if (refusal) return { ok: false, detail: refusal.message };
      if (producer.status !== "ready") return { ok: false, detail: `Redis is ${producer.status}` };
      if (!policy.isAccepted()) return { ok: false, detail: "Redis is being checked" };
      try {
        await producer.ping();
        return { ok: true };
      } catch (error) {
        return { ok: false, detail: `Redis: ${describeError(error)}` };
      }
    },
    disconnect() {
      for (const connection of connections) connection.disconnect();
    },
  };
}

/** Checked at every connection: a Redis may come back with another configuration. */
function watchPolicy(redis: Redis, log: Log) {
  let refusal: GatewayError | undefined;
  let isChecked = false;
  let checking: Promise<void> = Promise.resolve();

  async function check(): Promise<void> {
    isChecked = false;
    try {
      refusal = await findRefusal(redis);
      isChecked = true;
      if (refusal) log.error({ error: refusal.message }, "redis-refused");
    } catch (error) {
      log.warn({ error: describeError(error) }, "redis-not-checked");
      redis.disconnect(true); // a new connection is checked anew
    }
  }

  redis.on("ready", () => {
    checking = check();
  });
  return {
    /** Of the check that is under way, if there is one. */
    async verdict(): Promise<GatewayError | undefined> {
      await checking;
      return refusal;
    },
    refusal: () => refusal,
    isAccepted: () => isChecked && refusal === undefined,
  };
}

/** BullMQ makes a connection of its own out of the consumer; without this nobody could end it while Redis is away. */
function keepDuplicates(source: Redis, connections: Redis[]): void {
  const duplicate = source.duplicate.bind(source);
  source.duplicate = (override) => {
    const copy = duplicate(override);
    copy.on("error", () => undefined);
    connections.push(copy);
    return copy;
  };
}

function reportOutages(redis: Redis, log: Log): void {
  let isDown = false;
  redis.on("error", (error: Error) => {
    if (!isDown) log.warn({ error: describeError(error) }, "redis-down");
    isDown = true;
  });
  redis.on("ready", () => {
    if (isDown) log.info({}, "redis-back");
    isDown = false;
  });
}

function whenReady(redis: Redis): Promise<void> {
  if (redis.status === "ready") return Promise.resolve();
  return new Promise((resolve) => redis.once("ready", () => resolve()));
}

/** Under any other policy Redis deletes jobs when its memory is full (anchors: BullMQ, "Going to production"). */
async function findRefusal(redis: Redis): Promise<GatewayError | undefined> {
  const policy = await evictionPolicy(redis);
  if (policy === "noeviction") return undefined;
  const found = policy === undefined ? "cannot be read" : `is ${policy}`;
  const message = `maxmemory-policy of Redis ${found}; it must be noeviction`;
  return new GatewayError("DOORBELL_REFUSED", message);
}

async function evictionPolicy(redis: Redis): Promise<string | undefined> {
  const byInfo = async () => {
    const info = await redis.info("memory");
    return /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  };
  try {
    const answer: unknown = await redis.config("GET", "maxmemory-policy");
    const policy: unknown = Array.isArray(answer) ? answer[1] : undefined;
    return typeof policy === "string" ? policy : await byInfo();
  } catch (error) {
    // Providers of Redis forbid CONFIG; a connection that broke fails in the same way once more.
    if (error instanceof Error && error.name === "ReplyError") return byInfo();
    throw error;
  }
}
