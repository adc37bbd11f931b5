import type { Log } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";
import type { EventResult, Lease, Store, StoredEvent, Work } from "../store/store.ts";
import { attemptLetter } from "./attempt.ts";
import { nextAttemptAt } from "./backoff.ts";
import { passPoint } from "./fault-points.ts";
import { tellOrigin, type NoticeDeps } from "./notice.ts";

/** A lease lives this long without renewal, milliseconds: how long a lane of a dead node stands still. */
export const LEASE_MS = 30_000;
/** After this many steps a lane goes to the back of the line, so that one long lane does not hold a worker for ever. */
const STEPS_PER_TURN = 500;

export interface LaneDeps extends NoticeDeps {
  readonly store: Store;
  readonly log: Log;
  /** This process, unique over restarts: a lease of a former life is not ours. */
  readonly owner: string;
  takeEvent(event: StoredEvent, signal: AbortSignal): Promise<EventResult>;
  /** The gateway stops: the running step may end, no new one begins. */
  finishing(): boolean;
  ring(lane: string, at?: Date): void;
}

/** Works one lane off, in order, under a fenced lease. Never throws: what fails stays in the database for the sweep. */
export async function runLane(deps: LaneDeps, lane: string, signal: AbortSignal): Promise<void> {
  try {
    const now = deps.now();
    const lease = await deps.store.acquireLane(lane, deps.owner, now, leaseEnd(now));
    if (lease) await holdLane(deps, lease, signal);
  } catch (error) {
    deps.log.error({ lane, error: describeError(error) }, "lane-failed");
  }
}

async function holdLane(deps: LaneDeps, lease: Lease, signal: AbortSignal): Promise<void> {
  const lost = new AbortController();
  const renewal = setInterval(() => void renew(deps, lease, lost), LEASE_MS / 3);
  const combined = AbortSignal.any([signal, lost.signal]);
  let unfinished = false;
  try {
    unfinished = await drain(deps, lease, combined);
  } finally {
    clearInterval(renewal);
    if (!lost.signal.aborted) {
      const next = await deps.store.releaseLane(lease, deps.now());
      if (unfinished) deps.ring(lease.lane);
      else if (next) deps.ring(lease.lane, next);
    }
  }
}

async function drain(deps: LaneDeps, lease: Lease, signal: AbortSignal): Promise<boolean> {
  for (let step = 0; step < STEPS_PER_TURN; step += 1) {
    if (signal.aborted || deps.finishing()) return false;
    const work = await deps.store.nextWork(lease, deps.now());
    if (!work) return false;
    if (!(await doWork(deps, lease, work, signal))) return false;
  }
  return true;
}

function doWork(deps: LaneDeps, lease: Lease, work: Work, signal: AbortSignal): Promise<boolean> {
  switch (work.kind) {
    case "event":
      return takeIn(deps, lease, work.event, signal);
    case "notice":
      return tellOrigin(deps, lease, work.notice, work.message, signal);
    case "letter":
      return attemptLetter(deps, lease, work.message, signal);
  }
}

async function takeIn(
  deps: LaneDeps,
  lease: Lease,
  event: StoredEvent,
  signal: AbortSignal,
): Promise<boolean> {
  let result: EventResult;
  try {
    result = await deps.takeEvent(event, signal);
  } catch (error) {
    const detail = describeError(error);
    const tries = { n: event.attempts + 1, firstAttemptAt: event.recordedAt.getTime() };
    const policy = { ...deps.policy, giveUpAfter: Number.POSITIVE_INFINITY };
    const at = nextAttemptAt(policy, tries, deps.now().getTime(), deps.random());
    deps.log.warn({ eventId: event.eventId, error: detail }, "event-not-taken");
    result = { outcome: "retry", nextAt: new Date(at ?? deps.now().getTime()), detail };
  }
  passPoint("after-event-taken");
  const kept = await deps.store.settleEvent(lease, event.eventId, result, deps.now());
  passPoint("after-event-settled");
  return kept;
}

async function renew(deps: LaneDeps, lease: Lease, lost: AbortController): Promise<void> {
  const kept = await deps.store.renewLane(lease, leaseEnd(deps.now())).catch((error: unknown) => {
    deps.log.warn({ lane: lease.lane, error: describeError(error) }, "lease-not-renewed");
    return true; // the fence decides at the next write
  });
  if (!kept) lost.abort(new Error("the lease was taken over"));
}

function leaseEnd(now: Date): Date {
  return new Date(now.getTime() + LEASE_MS);
}
