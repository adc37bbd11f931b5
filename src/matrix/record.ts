import { Readable } from "node:stream";
import type { Log } from "../bridge/contract.ts";
import { digestOf } from "../model/id.ts";
import { passPoint } from "../pipeline/fault-points.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { IncomingEvent, Store } from "../store/store.ts";
import type { MatrixCounter } from "./contract.ts";
import { sortEphemeral, sortEvent } from "./events.ts";
import type { Names } from "./names.ts";

/** Owner of quarantined input that belongs to no account because it cannot be read. */
export const NO_ACCOUNT = "-";
/** Largest single event that is kept in quarantine, bytes; events above 64 kB break the specification already. */
const MAX_MALFORMED_BYTES = 16 * 2 ** 20;

export interface RecordDeps {
  readonly names: Names;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly log: Log;
  readonly now: () => Date;
  ring(lane: string): void;
  count(name: MatrixCounter): void;
}
export interface Batch {
  readonly events: readonly unknown[];
  readonly ephemeral: readonly unknown[];
}

/**
 * Commits a batch of what the homeserver said, in its order, by ONE store transaction, then rings. Resolved = on disk.
 * What is malformed goes to quarantine first, one by one, and stops nobody. Answers how many events were new.
 */
export type Recorder = (
  batch: Batch,
  source: "push" | "sweep",
  cursor?: { readonly name: string; readonly value: string },
) => Promise<number>;

export function createRecorder(deps: RecordDeps): Recorder {
  return async (batch, source, cursor) => {
    const events: IncomingEvent[] = [];
    for (const value of batch.events) {
      const sorted = sortEvent(value, deps.names);
      if (sorted.kind === "take") events.push(sorted.event);
      if (sorted.kind === "malformed") await setAside(deps, sorted.raw);
    }
    for (const value of batch.ephemeral) events.push(...sortEphemeral(value, deps.names));
    if (events.length === 0 && !cursor) return 0;
    passPoint("before-record-events");
    const fresh = await deps.store.recordEvents(events, source, deps.now(), cursor);
    passPoint("after-record-events");
    announce(deps, events, new Set(fresh), source);
    return fresh.length;
  };
}

function announce(
  deps: RecordDeps,
  events: readonly IncomingEvent[],
  fresh: ReadonlySet<string>,
  source: "push" | "sweep",
): void {
  const lanes = new Set<string>();
  for (const event of events) {
    if (!fresh.has(event.eventId)) continue;
    lanes.add(event.lane);
    deps.count(source === "push" ? "events_pushed" : "events_swept");
  }
  for (const lane of lanes) deps.ring(lane);
}

async function setAside(deps: RecordDeps, raw: string): Promise<void> {
  const original = await deps.blobs.put(Readable.from([Buffer.from(raw)]), MAX_MALFORMED_BYTES);
  const sourceId = `malformed-${digestOf(raw).slice(0, 40)}`;
  const item = {
    account: NO_ACCOUNT,
    side: "matrix" as const,
    sourceId,
    code: "INPUT_INVALID" as const,
    detail: "an event of the homeserver without usable id, room, sender or content",
    original,
  };
  await deps.store.quarantine(item, deps.now());
  deps.log.error({ sourceId, bytes: original.size }, "event-quarantined");
}
