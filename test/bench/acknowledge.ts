import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { PushPlan } from "./acknowledge-worker.ts";
import { openSender } from "./bare.ts";
import { startClock, usageFacts } from "./clock.ts";
import { below, percentile, type Figure } from "./figures.ts";
import { booksOfDoor, speechesOf } from "./flow.ts";
import { AIMS, type Plan } from "./plan.ts";
import type { Ground, Scenario } from "./scenario.ts";
import { startStage, type Stage } from "./stage.ts";
import { until, untilStill } from "./wait.ts";

/** Far above what the simulated homeserver counted so far. */
const FIRST_TXN = 1_000_000;
/** So long nothing may move before the gateway counts as idle, milliseconds. */
const IDLE_MS = 60;
const NEVER = 1_000_000_000;

/** How long the homeserver waits until a transaction is on disk. Every event in it is a letter. */
export const acknowledge: Scenario = {
  name: "acknowledge",
  title: "acknowledgement of transactions, SQLite with full fsync",
  async run(ground) {
    const { plan, dir, env, say } = ground;
    say("starting homeserver and gateway");
    // Without sweeps: a sweep would bring the events before the transactions that are measured.
    const stage = await startStage({ dir, kind: "simulated", plan, env, sweepEvery: "24h" });
    const pusher = await openPusher(stage);
    try {
      return await measureAll(ground, stage, pusher);
    } finally {
      await pusher.close();
      await stage.close();
    }
  },
};

interface Case {
  readonly id: string;
  readonly transactions: number;
  readonly size: number;
  /** Wait until all letters of a transaction have gone their way before the next is sent? */
  readonly quiet: boolean;
}

function casesOf({ acknowledge: counts }: Plan): readonly Case[] {
  return [
    { id: "ackquietone", transactions: counts.quietSingle, size: 1, quiet: true },
    { id: "ackquiethundred", transactions: counts.quietHundred, size: 100, quiet: true },
    { id: "ackbusyone", transactions: counts.busySingle, size: 1, quiet: false },
    { id: "ackbusyhundred", transactions: counts.busyHundred, size: 100, quiet: false },
  ];
}

async function measureAll({ plan, say }: Ground, stage: Stage, pusher: Pusher) {
  const figures: Figure[] = [];
  const sent: Record<string, number> = {};
  for (const one of casesOf(plan)) {
    const { id, transactions, size, quiet } = one;
    const how = quiet ? "each to an idle gateway" : "one right after the other";
    say(`${transactions} transactions of ${size}, ${how}`);
    const before = (await stage.door.progress()).delivered;
    const clock = startClock(stage.gateway.child.pid);
    const times = await pushAll(stage, plan, pusher, one);
    const seconds = clock.since(Date.now());
    const usage = clock.usage();
    await workedOff(stage, before + transactions * size);
    sent[id] = transactions * size;
    const events = size === 1 ? "1 event" : `${size} events`;
    figures.push({
      ...{ id, what: `acknowledgement, ${events}, ${how}, p99`, unit: "ms" },
      ...{ value: percentile(times, 0.99), aim: below(AIMS.acknowledge) },
      facts: {
        p50: percentile(times, 0.5),
        max: percentile(times, 1),
        transactions,
        ...usageFacts([usage], seconds),
      },
    });
  }
  return { figures, books: await booksOfDoor(stage, plan, sent) };
}

async function pushAll(stage: Stage, plan: Plan, pusher: Pusher, one: Case): Promise<number[]> {
  const { id, transactions, size, quiet } = one;
  const events = await writeEvents(stage, plan, id, transactions * size);
  const bodies = Array.from({ length: transactions }, (_, n) =>
    JSON.stringify({ events: events.slice(n * size, (n + 1) * size) }),
  );
  if (!quiet) return pusher.push(bodies);
  const times: number[] = [];
  let delivered = (await stage.door.progress()).delivered;
  for (const body of bodies) {
    times.push(...(await pusher.push([body])));
    delivered += size;
    await workedOff(stage, delivered);
  }
  return times;
}

/** People write real events, which the homeserver has but does not push: pushing is what is measured. */
async function writeEvents(
  stage: Stage,
  plan: Plan,
  series: string,
  count: number,
): Promise<readonly unknown[]> {
  const { simulated, baseUrl } = stage.homeserver;
  if (!simulated) throw new Error("only with the simulated homeserver");
  const sender = openSender(baseUrl);
  const ids = await sender.sendAll(speechesOf(stage, plan, series, count));
  await sender.close();
  const byId = new Map(
    stage.rooms
      .flatMap(({ roomId }) => simulated.observations.events(roomId))
      .map((event) => [event["event_id"], event]),
  );
  // Rooms take turns, each in its order.
  const longest = Math.max(...ids.map(({ length }) => length));
  return Array.from({ length: longest }, (_, n) => ids.map((ofRoom) => ofRoom[n]))
    .flat()
    .filter((id) => id !== undefined)
    .map((id) => byId.get(id));
}

/** All letters are handed over, and every status stands in its room. */
async function workedOff({ door, homeserver }: Stage, delivered: number): Promise<void> {
  await until(
    "the letters of a transaction",
    async () => ((await door.progress()).delivered >= delivered ? true : undefined),
    5,
  );
  const sends = () => homeserver.simulated?.observations.sends ?? 0;
  await untilStill("the statuses", sends, IDLE_MS, 5);
}

interface Pusher {
  /** Milliseconds of each. */
  push(bodies: readonly string[]): Promise<number[]>;
  close(): Promise<void>;
}

async function openPusher({ homeserver, settings }: Stage): Promise<Pusher> {
  homeserver.simulated?.serviceFaults.dropTransactions(NEVER);
  const { appserviceUrl: url, hsToken } = settings;
  const workerData: PushPlan = { url, hsToken, firstTxn: FIRST_TXN };
  const worker = new Worker(new URL("./acknowledge-worker.ts", import.meta.url), { workerData });
  const push = async (bodies: readonly string[]) => {
    worker.postMessage(bodies);
    const [result] = (await once(worker, "message")) as [{ times?: number[]; failed?: string }];
    if (!result.times) throw new Error(result.failed);
    return result.times;
  };
  // A new connection may mean a gap: the gateway sweeps once before it goes on.
  await push([JSON.stringify({ events: [] })]);
  return {
    push,
    async close() {
      await worker.terminate();
    },
  };
}
