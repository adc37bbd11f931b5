/**
 * What changed between two copies of the metadata. Pure. What was known is kept as a short summary of its own, so that a
 * change is seen even when the older copy can no longer be read or verified.
 */
import { createHash } from "node:crypto";
import type { AuditDetail } from "../../../src/bridge/contract.ts";
import type { Entity } from "./entity.ts";

/** What is remembered of one entity. */
export interface KnownEntity {
  /** Digest over its certificates with their use. */
  readonly keys: string;
  /** Of its mailbox node; empty: none. */
  readonly endpoint: string;
  /** Digest over the rest of what routing reads. */
  readonly rest: string;
}
export interface Known {
  readonly entities: Readonly<Record<string, KnownEntity>>;
  /** Entities that left, and when (ISO). They stop traffic until they are back. */
  readonly gone: Readonly<Record<string, string>>;
}
export const NOTHING_KNOWN: Known = { entities: {}, gone: {} };

/** Departed entities that are remembered, the latest ones. */
const MAX_GONE = 5_000;

export interface Change {
  readonly action:
    | "federation-participant-new"
    | "federation-participant-back"
    | "federation-participant-removed"
    | "federation-certificates-changed"
    | "federation-endpoint-changed"
    | "federation-entity-changed";
  readonly entityId: string;
  readonly detail: AuditDetail;
}

export function summarize(entity: Entity): KnownEntity {
  const keys = entity.keys.map(({ use, fingerprint }) => `${use} ${fingerprint}`).sort();
  const { endpoint = "", ...mailbox } = entity.mailbox ?? {};
  // Not the validity: it is renewed with every publication and changes nothing.
  const rest = [mailbox, entity.faults, entity.singleSignOn];
  return { keys: digest(keys), endpoint, rest: digest(rest) };
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32);
}

/** Removals first: they are what must not wait. */
export function compare(
  before: Known,
  entities: ReadonlyMap<string, Entity>,
  now: Date,
): { readonly known: Known; readonly changes: readonly Change[] } {
  const after = Object.fromEntries([...entities].map(([id, entity]) => [id, summarize(entity)]));
  const removed = Object.keys(before.entities).filter((id) => !Object.hasOwn(after, id));
  const changes: Change[] = removed.map((entityId) => ({
    action: "federation-participant-removed",
    entityId,
    detail: {},
  }));
  for (const [entityId, next] of Object.entries(after)) {
    const last = Object.hasOwn(before.entities, entityId) ? before.entities[entityId] : undefined;
    if (last !== undefined) changes.push(...changesOf(entityId, last, next));
    else {
      const back = Object.hasOwn(before.gone, entityId);
      const action = back ? "federation-participant-back" : "federation-participant-new";
      changes.push({ action, entityId, detail: { keys: next.keys, endpoint: next.endpoint } });
    }
  }
  const gone = [
    ...Object.entries(before.gone).filter(([id]) => !Object.hasOwn(after, id)),
    ...removed.map((id): [string, string] => [id, now.toISOString()]),
  ].slice(-MAX_GONE);
  return { known: { entities: after, gone: Object.fromEntries(gone) }, changes };
}

function changesOf(entityId: string, last: KnownEntity, next: KnownEntity): readonly Change[] {
  const found: Change[] = [];
  if (last.keys !== next.keys)
    found.push({
      action: "federation-certificates-changed",
      entityId,
      detail: { before: last.keys, after: next.keys },
    });
  if (last.endpoint !== next.endpoint)
    found.push({
      action: "federation-endpoint-changed",
      entityId,
      detail: { before: last.endpoint, after: next.endpoint },
    });
  if (last.rest !== next.rest)
    found.push({ action: "federation-entity-changed", entityId, detail: {} });
  return found;
}
