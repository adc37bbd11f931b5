import { z } from "zod";
import type { Log } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";
import { CURSOR_SCOPE, type Store } from "../store/store.ts";
import type { Client } from "./client.ts";
import { TAKEN_TYPES } from "./events.ts";
import type { Ghosts } from "./ghosts.ts";
import { readAnswer, refusedWith } from "./homeserver-error.ts";
import { path } from "./http.ts";
import type { Recorder } from "./record.ts";
import { createWatch } from "./watch.ts";

const CURSOR = "matrix-sweep";
/** Events per room that one `/sync` brings; what is between them and the last sweep is fetched page by page. */
const TIMELINE = 100;
const PAGE = 100;
/** Pages per room and sweep: 50 000 events. More is logged loudly and left. */
const MAX_PAGES = 500;

export interface SweeperDeps {
  readonly client: Client;
  readonly store: Store;
  readonly ghosts: Ghosts;
  readonly record: Recorder;
  readonly log: Log;
  readonly every: number;
  readonly now: () => Date;
}

/**
 * The second channel: `/sync` by the keeper, who is in every room, from a stored position. It finds what push lost: a
 * homeserver that is killed forgets its queue, and never sends receipts twice (matrix.md §2.2).
 */
export interface Sweeper {
  start(): void;
  /** One sweep that begins after this call. Throws what the homeserver answers. */
  sweep(signal: AbortSignal): Promise<void>;
  /** Milliseconds since the last sweep that succeeded was begun. */
  age(): number;
  stop(): Promise<void>;
}

const idle = { not_types: ["*"] };
const filter = {
  presence: idle,
  account_data: idle,
  room: {
    account_data: idle,
    state: idle,
    timeline: { types: TAKEN_TYPES, limit: TIMELINE },
    ephemeral: { types: ["m.receipt"] },
  },
};
/** No rooms at all: only the present position is wanted. */
const positionOnly = { presence: idle, account_data: idle, room: { rooms: [] } };

const joinedRoom = z.object({
  timeline: z
    .object({
      events: z.array(z.record(z.string(), z.unknown())).optional(),
      limited: z.boolean().optional(),
      prev_batch: z.string().optional(),
    })
    .optional(),
  ephemeral: z.object({ events: z.array(z.record(z.string(), z.unknown())).optional() }).optional(),
});
const syncAnswer = z.object({
  next_batch: z.string(),
  rooms: z.object({ join: z.record(z.string(), joinedRoom).optional() }).optional(),
});
type JoinedRoom = z.infer<typeof joinedRoom>;
const pageAnswer = z.object({
  chunk: z.array(z.record(z.string(), z.unknown())),
  end: z.string().optional(),
});

export function createSweeper(deps: SweeperDeps): Sweeper {
  const stopped = new AbortController();
  const watch = createWatch(deps);
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let lastBegun = Number.NEGATIVE_INFINITY;

  const sweep: Sweeper["sweep"] = (signal) => {
    const limited = AbortSignal.any([signal, stopped.signal]);
    const begin = () => {
      next = undefined;
      const begun = deps.now().getTime();
      running = sweepOnce(deps, limited)
        .then(() => {
          lastBegun = begun;
        })
        .finally(() => {
          running = undefined;
        });
      return running;
    };
    // Who asks while a sweep runs needs the next one: the running one may have asked too early.
    if (!running) return begin();
    next ??= running.catch(() => undefined).then(begin);
    return next;
  };
  const turn = async () => {
    try {
      await sweep(stopped.signal);
      await watch.look(stopped.signal);
    } catch (error) {
      if (!stopped.signal.aborted)
        deps.log.warn({ error: describeError(error) }, "homeserver-sweep-failed");
    }
    if (!stopped.signal.aborted) timer = setTimeout(() => void turn(), deps.every);
  };
  return {
    start: () => void turn(),
    sweep,
    age() {
      const age = deps.now().getTime() - lastBegun;
      // A clock that was put back tells nothing.
      return age < 0 ? Number.POSITIVE_INFINITY : age;
    },
    async stop() {
      stopped.abort(new Error("stopping"));
      clearTimeout(timer);
      await Promise.allSettled([running, next]);
    },
  };
}

async function sweepOnce(deps: SweeperDeps, signal: AbortSignal): Promise<void> {
  const since = await deps.store.fact(CURSOR_SCOPE, CURSOR);
  if (since === undefined) return begin(deps, signal);
  const keeper = await deps.ghosts.keeper(signal);
  let answer: z.infer<typeof syncAnswer>;
  try {
    answer = await sync(deps, keeper, filter, since, signal);
  } catch (error) {
    if (!refusedWith(error, 400)) throw error;
    // The homeserver was restored from a backup, or is another one. All rooms are looked at anew.
    deps.log.error({ error: describeError(error) }, "sweep-position-refused");
    answer = await sync(deps, keeper, filter, undefined, signal);
    return take(deps, keeper, answer, undefined, signal);
  }
  await take(deps, keeper, answer, since, signal);
}

/**
 * The very first time there is nothing to find: no room is ours yet, and the years before this gateway are no business
 * of it. Only the position is kept, so that nothing after it is missed.
 */
async function begin(deps: SweeperDeps, signal: AbortSignal): Promise<void> {
  const keeper = await deps.ghosts.keeper(signal);
  const { next_batch: position } = await sync(deps, keeper, positionOnly, undefined, signal);
  const cursor = { name: CURSOR, value: position };
  await deps.record({ events: [], ephemeral: [] }, "sweep", cursor);
}

async function sync(
  deps: SweeperDeps,
  keeper: string,
  wanted: object,
  since: string | undefined,
  signal: AbortSignal,
): Promise<z.infer<typeof syncAnswer>> {
  const query = { filter: JSON.stringify(wanted), since, timeout: 0, set_presence: "offline" };
  const request = { method: "GET" as const, path: "/_matrix/client/v3/sync", query };
  return readAnswer(syncAnswer, await deps.client.call(request, { as: keeper, signal }), "sync");
}

/** Gaps first, in their order, then the newest events together with the new position, in one transaction. */
async function take(
  deps: SweeperDeps,
  keeper: string,
  answer: z.infer<typeof syncAnswer>,
  since: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const events: unknown[] = [];
  const ephemeral: unknown[] = [];
  for (const [roomId, room] of Object.entries(answer.rooms?.join ?? {})) {
    if (room.timeline?.limited) await fillGap(deps, keeper, roomId, room, since, signal);
    for (const event of room.timeline?.events ?? []) events.push({ ...event, room_id: roomId });
    for (const event of room.ephemeral?.events ?? []) ephemeral.push({ ...event, room_id: roomId });
  }
  await deps.record({ events, ephemeral }, "sweep", { name: CURSOR, value: answer.next_batch });
}

/**
 * Backwards from the timeline to the position of the last sweep. Not merely to the first known event: push goes on with
 * newer events after it lost older ones. Without a position (it was refused) until a whole page is known.
 */
async function fillGap(
  deps: SweeperDeps,
  keeper: string,
  roomId: string,
  room: JoinedRoom,
  since: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const wanted = JSON.stringify({ types: TAKEN_TYPES });
  const pages: unknown[][] = [];
  let from = room.timeline?.prev_batch;
  while (from !== undefined && pages.length < MAX_PAGES) {
    const request = {
      method: "GET" as const,
      path: path`/_matrix/client/v3/rooms/${roomId}/messages`,
      query: { dir: "b", limit: PAGE, filter: wanted, from, to: since },
    };
    const answer = await deps.client.call(request, { as: keeper, signal });
    const { chunk, end } = readAnswer(pageAnswer, answer, "messages");
    pages.push(chunk.map((event) => ({ ...event, room_id: roomId })).reverse());
    const done = end === from || (since === undefined && (await allKnown(deps.store, chunk)));
    from = done ? undefined : end;
  }
  if (from !== undefined) deps.log.error({ roomId, pages: MAX_PAGES }, "sweep-gap-too-long");
  for (const events of pages.reverse()) await deps.record({ events, ephemeral: [] }, "sweep");
}

async function allKnown(
  store: Store,
  chunk: readonly Readonly<Record<string, unknown>>[],
): Promise<boolean> {
  for (const event of chunk) {
    const id = event["event_id"];
    if (typeof id === "string" && !(await store.knowsEvent(id))) return false;
  }
  return true;
}
