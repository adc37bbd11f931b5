import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Directory } from "../pipeline/directory.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Store } from "../store/store.ts";
import { acceptanceOf } from "./convert.ts";
import { HistoryFault, type HistorySource, type Place } from "./source.ts";
import type { Survey } from "./survey.ts";

/** Facts: "<account> <source>" → how far this export was moved. */
export const MIGRATE_SCOPE = "migrate";
/** After so many letters the place is written down; after a kill at most these are looked at a second time. */
const CHECKPOINT = 50;
/** Letters of the account that may wait for the gateway: live traffic never queues behind more than these. */
export const WINDOW = 200;
/** So many places of the window must be free before it is filled again. */
const REFILL = 10;
const LOOK_MS = 250;

export const runSchema = z.object({
  source: z.string(),
  digest: z.string(),
  total: z.int(),
  done: z.int(),
  stored: z.int(),
  known: z.int(),
  conflicts: z.int(),
  held: z.int(),
  quarantined: z.int(),
  startedAt: z.coerce.date(),
  finishedAt: z.coerce.date().optional(),
});
export type MigrationRun = Readonly<z.output<typeof runSchema>>;

export interface FeedDeps {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly directory: Pick<Directory, "seatsOf">;
  readonly account: string;
  readonly attachmentBytes: number;
  /** Letters per second at most. */
  readonly rate: number;
  readonly now: () => Date;
  onProgress?(run: MigrationRun): void;
}

export async function readRun(
  store: Pick<Store, "fact">,
  account: string,
  source: string,
): Promise<MigrationRun | undefined> {
  const known = await store.fact(MIGRATE_SCOPE, keyOf(account, source));
  return known === undefined ? undefined : runSchema.parse(JSON.parse(known));
}

/** Every run of the account, at most `limit`. */
export async function listRuns(
  store: Pick<Store, "listFacts">,
  account: string,
  limit: number,
): Promise<readonly MigrationRun[]> {
  const facts = await store.listFacts(MIGRATE_SCOPE, `${account} `, { limit });
  return facts.map(({ value }) => runSchema.parse(JSON.parse(value)));
}

/**
 * Brings the surveyed letters into the store, oldest first; the running gateway hands them over. May be killed at any
 * point and run again: the place is durable, and a letter that was stored after it is known by its id. When `signal` asks
 * to stop, the letter at hand is finished and the place written down before the signal's reason is thrown.
 */
export async function feedLetters(
  deps: FeedDeps,
  source: HistorySource,
  survey: Survey,
  signal: AbortSignal,
): Promise<MigrationRun> {
  const { store, account, now } = deps;
  let run = await beginRun(deps, source, survey);
  const save = async (next: MigrationRun) => {
    run = next;
    await store.putFact(MIGRATE_SCOPE, keyOf(account, source.name), JSON.stringify(run));
    deps.onProgress?.(run);
  };
  if (run.done === 0) {
    for (const { place, code, detail } of survey.faulty)
      await setAside(deps, source, place, { code, detail });
    await save({ ...run, quarantined: survey.faulty.length });
  }
  const pace = paceOf(deps.rate);
  const whole = new AbortController().signal;
  let room = 0;
  try {
    for (let next = run.done; next < survey.order.length; next += 1) {
      const place = survey.order[next];
      if (place === undefined) break;
      signal.throwIfAborted();
      if (room === 0) room = await waitForRoom(deps, signal);
      await pace(signal);
      run = await moveOne(deps, source, place, run, whole);
      room -= 1;
      if (run.done % CHECKPOINT === 0) await save(run);
    }
  } catch (error) {
    if (signal.aborted) await save(run);
    throw error;
  }
  await save({ ...run, finishedAt: run.finishedAt ?? now() });
  return run;
}

/** A changed export has another digest: it is gone through from its beginning, and what is known stays as it is. */
async function beginRun(
  { store, account, now }: FeedDeps,
  source: HistorySource,
  { report }: Survey,
): Promise<MigrationRun> {
  const known = await readRun(store, account, source.name);
  if (known?.digest === report.digest && known.total === report.letters) return known;
  return {
    ...{ source: source.name, digest: report.digest, total: report.letters },
    ...{ done: 0, stored: 0, known: 0, conflicts: 0, held: 0, quarantined: 0 },
    startedAt: now(),
  };
}

async function moveOne(
  deps: FeedDeps,
  source: HistorySource,
  place: Place,
  run: MigrationRun,
  signal: AbortSignal,
): Promise<MigrationRun> {
  const { store, blobs, attachmentBytes, now } = deps;
  const next = { ...run, done: run.done + 1 };
  try {
    const keep = (body: Parameters<BlobStore["put"]>[0]) =>
      blobs.put(body, attachmentBytes, signal);
    const letter = await source.read(place, keep, signal);
    const item = await acceptanceOf({ ...deps, source: source.name }, letter, now());
    const [result] = await store.accept([item], now());
    if (result && result.outcome !== "conflict") await letter.remember?.(result.id);
    if (result?.outcome === "duplicate") return { ...next, known: run.known + 1 };
    if (result?.outcome === "conflict") return { ...next, conflicts: run.conflicts + 1 };
    return { ...next, stored: run.stored + 1, held: run.held + (item.hold ? 1 : 0) };
  } catch (error) {
    if (!(error instanceof HistoryFault)) throw error;
    await setAside(deps, source, place, { code: error.code, detail: error.message });
    return { ...next, quarantined: run.quarantined + 1 };
  }
}

/** Its bytes are kept as they lie there, as far as the limit for one file allows. */
async function setAside(
  { store, blobs, account, attachmentBytes, now }: FeedDeps,
  source: HistorySource,
  place: Place,
  { code, detail }: Pick<HistoryFault, "code"> & { readonly detail: string },
): Promise<void> {
  const raw = place.bytes > attachmentBytes ? undefined : await source.raw(place);
  const original = raw && (await blobs.put(raw, attachmentBytes));
  const sourceId = `${source.name} ${place.key}${original ? ` ${original.digest}` : ""}`;
  const item = { account, side: "legacy" as const, sourceId, code, detail };
  await store.quarantine({ ...item, ...(original ? { original } : {}) }, now());
}

/** The history waits, never live traffic. Answers how many letters may be given now; never more than WINDOW wait. */
async function waitForRoom(
  { store, account, now }: FeedDeps,
  signal: AbortSignal,
): Promise<number> {
  for (;;) {
    const { messages } = await store.stats(now());
    const waiting = messages
      .filter((one) => one.account === account && one.origin === "legacy")
      .filter(({ state }) => state === "pending" || state === "sending")
      .reduce((sum, { count }) => sum + count, 0);
    if (waiting <= WINDOW - REFILL) return WINDOW - waiting;
    await sleep(LOOK_MS, undefined, { signal });
  }
}

/** Evenly spread; time that was lost is not caught up in a burst. */
function paceOf(rate: number): (signal: AbortSignal) => Promise<void> {
  let next = performance.now();
  return async (signal) => {
    const now = performance.now();
    next = Math.max(next, now - 1_000) + 1_000 / rate;
    if (next - now > 15) await sleep(next - now, undefined, { signal });
  };
}

function keyOf(account: string, source: string): string {
  return `${account} ${source}`;
}
