import { type Job, Queue, Worker } from "bullmq";
import type { Log } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";
import { createAlarms } from "./alarms.ts";
import type { Doorbell } from "./doorbell.ts";
import { createRedisLink, type RedisLink } from "./redis-link.ts";
import { Turns, within } from "./turns.ts";

const QUEUE = "lanes";
/** Hash tag, so that all keys live in one slot of a Redis cluster. */
const PREFIX = "{pfb}";
/**
 * A node that died holds up the lanes it was working on for about this long plus one interval, milliseconds: not longer
 * than its leases in the database do, which are what really counts.
 */
const LOCK_MS = 15_000;
const STALLED_CHECK_MS = 10_000;
/** A ring is never given up because nodes died under it. */
const MAX_STALLED = 1_000;
/** Pause before BullMQ reports the end of a job again after a lost connection. */
const REPORT_AGAIN_MS = 500;
const KEPT_FAILURES = 1_000;
const KEPT_EVENTS = 1_000;
/** Time for BullMQ to write down that the last jobs are done, after their handlers have ended. */
const CLOSING_MS = 2_000;

export interface BullmqOptions {
  /** redis://user:password@host:6379/0, or rediss:// with TLS. */
  readonly url: string;
  /** Lanes that this node works on at once. */
  readonly concurrency: number;
  readonly log: Log;
  /** Tests run several gateways on one Redis. */
  readonly prefix?: string;
}

/**
 * The doorbell of several nodes: whichever is free takes the lane. A job carries a lane id and nothing else; at most one
 * per lane waits and one runs (`deduplication` with `keepLastIfActive`: a ring during the run comes after it). Redis may
 * be empty, slow or gone at any time: then the node that rings runs the lane itself. Leases in the database keep two
 * nodes from doing so at once, and the sweep finds every lane that nobody was told about.
 */
export function createBullmqDoorbell(options: BullmqOptions): Doorbell {
  const { log, concurrency } = options;
  const prefix = options.prefix ?? PREFIX;
  const link = createRedisLink(options.url, log);
  const queue = new Queue(QUEUE, {
    ...{ connection: link.producer, prefix },
    streams: { events: { maxLen: KEPT_EVENTS } },
  });
  queue.on("error", (error) => log.debug({ error: describeError(error) }, "doorbell-error"));
  const turns = new Turns(concurrency);
  const sender = createSender(link, queue, turns, log);
  const alarms = createAlarms(sender.ring);
  let worker: Worker | undefined;
  let stopped = false;

  return {
    async start(handler) {
      await link.connect();
      turns.start(handler);
      worker = startWorker(link, turns, { concurrency, prefix, log });
    },
    ring(lane, at) {
      if (stopped) return;
      if (at && at.getTime() > Date.now()) alarms.set(lane, at);
      else sender.ring(lane);
    },
    async stop(graceMs) {
      stopped = true;
      alarms.stop();
      await turns.stop(graceMs);
      // Redis must learn that the jobs are over, or their lanes stand still until the locks expire.
      if (worker) await within(CLOSING_MS, worker.close(!link.isUsable()));
      await within(CLOSING_MS, queue.close());
      link.disconnect();
    },
    health: () => link.health(),
  };
}

function startWorker(
  link: RedisLink,
  turns: Turns,
  options: { concurrency: number; prefix: string; log: Log },
): Worker {
  const handle = async ({ data }: Job<unknown>) => {
    const lane = laneOf(data);
    // BullMQ has counted it already. Waiting here behind lanes that were rung while Redis was away would keep it from
    // nodes that are free.
    if (lane !== undefined) await turns.admit(lane);
  };
  const worker = new Worker<unknown>(QUEUE, handle, {
    connection: link.consumer,
    prefix: options.prefix,
    concurrency: options.concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: MAX_STALLED,
    runRetryDelay: REPORT_AGAIN_MS,
  });
  worker.on("error", (error) =>
    options.log.debug({ error: describeError(error) }, "doorbell-error"),
  );
  return worker;
}

/** One call to Redis per lane at a time: what rings meanwhile is sent once more afterwards. */
function createSender(link: RedisLink, queue: Queue, turns: Turns, log: Log) {
  const sending = new Map<string, { again: boolean }>();

  async function send(lane: string, state: { again: boolean }): Promise<void> {
    try {
      do {
        state.again = false;
        await queue.add(
          "ring",
          { lane },
          {
            deduplication: { id: lane, keepLastIfActive: true },
            removeOnComplete: true,
            removeOnFail: { count: KEPT_FAILURES },
          },
        );
      } while (state.again);
    } catch (error) {
      log.debug({ lane, error: describeError(error) }, "ring-not-sent");
      void turns.ring(lane);
    } finally {
      sending.delete(lane);
    }
  }

  return {
    ring(lane: string): void {
      const known = sending.get(lane);
      if (known) {
        known.again = true;
      } else if (link.isUsable()) {
        const state = { again: false };
        sending.set(lane, state);
        void send(lane, state);
      } else {
        void turns.ring(lane);
      }
    },
  };
}

function laneOf(data: unknown): string | undefined {
  if (typeof data !== "object" || data === null || !("lane" in data)) return undefined;
  return typeof data.lane === "string" ? data.lane : undefined;
}
