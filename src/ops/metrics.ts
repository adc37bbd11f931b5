import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { MatrixCounter } from "../matrix/contract.ts";
import type { Side } from "../model/message.ts";
import type { WatchFigure } from "../transition/watchdog.ts";
import type { Store } from "../store/store.ts";

/** Figures from the database are read again after this time, milliseconds: a scrape must not become a load. */
const STATS_AGE_MS = 5_000;

/** Every metric of the gateway, in one file. Alert on `postfach_oldest_pending_seconds`, not on a queue length. */
export interface Metrics {
  /** Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
  countMatrix(name: MatrixCounter, labels?: Readonly<Record<string, string>>): void;
  observeAttempt(account: string, destination: Side, outcome: string, seconds: number): void;
  /** From acceptance to delivery, seconds. */
  observeDelivery(account: string, destination: Side, seconds: number): void;
  countTaskFailure(account: string): void;
  setCertificateExpiry(account: string, subject: string, notAfter: Date): void;
  setWatched(figures: readonly WatchFigure[]): void;
  /** As set last. */
  watched(): readonly WatchFigure[];
}

const MATRIX_COUNTERS: Readonly<Record<MatrixCounter, string>> = {
  transactions: "Transactions of the homeserver that were recorded",
  transaction_failures: "Transactions answered with 500 because they could not be recorded",
  events_pushed: "Events that push brought first",
  events_swept: "Events that the sweep brought first",
  requests: "Requests to the homeserver",
  rate_limited: "Requests that the homeserver asked to repeat later",
  rooms_created: "Case rooms created",
};

export function createMetrics(store: Store, now: () => Date): Metrics {
  const registers = [new Registry()];
  const [registry] = registers;
  if (!registry) throw new Error("no registry");
  collectDefaultMetrics({ register: registry, prefix: "postfach_" });
  const matrix = new Map(
    Object.entries(MATRIX_COUNTERS).map(([name, help]) => [
      name,
      new Counter({ name: `postfach_matrix_${name}_total`, help, registers }),
    ]),
  );
  const { attempts, deliveries, taskFailures, expiry, watched } = createInstruments(registers);
  let figuresSet: readonly WatchFigure[] = [];
  const readStats = createStatGauges(store, now, registers);
  return {
    async render() {
      await readStats();
      return registry.metrics();
    },
    contentType: registry.contentType,
    countMatrix: (name) => matrix.get(name)?.inc(),
    observeAttempt: (account, destination, outcome, seconds) =>
      attempts.observe({ account, destination, outcome }, seconds),
    observeDelivery: (account, destination, seconds) =>
      deliveries.observe({ account, destination }, seconds),
    countTaskFailure: (account) => taskFailures.inc({ account }),
    setCertificateExpiry: (account, subject, notAfter) =>
      expiry.set({ account, subject }, notAfter.getTime() / 1000),
    watched: () => figuresSet,
    setWatched(figures) {
      figuresSet = figures;
      watched.reset();
      for (const { account, state, count } of figures) watched.set({ account, state }, count);
    },
  };
}

function createInstruments(registers: Registry[]) {
  const attempts = new Histogram({
    name: "postfach_attempt_seconds",
    help: "Attempts to hand a letter over, by outcome",
    labelNames: ["account", "destination", "outcome"],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
    registers,
  });
  const deliveries = new Histogram({
    name: "postfach_delivery_seconds",
    help: "From the acceptance of a letter to its delivery",
    labelNames: ["account", "destination"],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600, 86_400],
    registers,
  });
  const taskFailures = new Counter({
    name: "postfach_task_failures_total",
    help: "Repeated tasks of a bridge (polling) that failed",
    labelNames: ["account"],
    registers,
  });
  const expiry = new Gauge({
    name: "postfach_certificate_expiry_timestamp_seconds",
    help: "When a certificate ends",
    labelNames: ["account", "subject"],
    registers,
  });
  const watched = new Gauge({
    name: "postfach_not_retrieved_letters",
    help: "Letters that count as notified only when they are retrieved in time: waits, due (until tomorrow), over",
    labelNames: ["account", "state"],
    registers,
  });
  return { attempts, deliveries, taskFailures, expiry, watched };
}

/** Gauges that are read from the database when somebody looks, so that they can never drift from it. */
function createStatGauges(store: Store, now: () => Date, registers: Registry[]) {
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `postfach_${name}`, help, labelNames, registers });
  const letters = gauge("letters", "Letters by state", ["account", "origin", "state"]);
  const oldest = gauge(
    "oldest_pending_seconds",
    "Age of the oldest letter that is still owed to somebody",
    ["account", "origin"],
  );
  const quarantine = gauge("quarantine_open", "Things in quarantine");
  const lanes = gauge("lanes_due", "Conversations with work due");
  const waiting = gauge("lanes_parked", "Conversations that wait for an operator");
  const swept = gauge(
    "events_swept_only",
    "Events that push has not brought within a minute: above 0 the homeserver loses traffic",
  );
  const up = gauge("store_up", "1: the figures are of this moment; 0: the database did not answer");
  let readAt = Number.NEGATIVE_INFINITY;
  return async () => {
    const at = now();
    if (Math.abs(at.getTime() - readAt) < STATS_AGE_MS) return;
    readAt = at.getTime();
    const stats = await store.stats(at).catch(() => undefined);
    up.set(stats ? 1 : 0);
    if (!stats) return;
    letters.reset();
    oldest.reset();
    for (const { account, origin, state, count } of stats.messages)
      letters.set({ account, origin, state }, count);
    for (const { account, origin, at: since } of stats.oldestUnfinished)
      oldest.set({ account, origin }, Math.max(0, (at.getTime() - since.getTime()) / 1000));
    quarantine.set(stats.quarantineOpen);
    lanes.set(stats.lanesDue);
    waiting.set(stats.lanesWaitingForOperator);
    swept.set(stats.sweptOnly);
  };
}
