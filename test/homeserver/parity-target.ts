/**
 * What a parity scenario is given: a homeserver (simulated or real), its application service, and a note book in
 * which everything that differs from run to run is replaced by counted names, so that two books can be compared.
 */
import type { MatrixClient, Reply, RequestBits } from "../support/matrix-client.ts";
import type { PushedEvent, RecordingAppservice } from "./recording-appservice.ts";

export interface ParityTarget {
  readonly baseUrl: string;
  readonly serverName: string;
  readonly appservice: RecordingAppservice;
  /** The application service's own token, acting as its sender. */
  readonly bridge: MatrixClient;
  /** Registers `@_pf_<name>` and acts as it. */
  ghost(name: string): Promise<MatrixClient>;
  /** Registers an ordinary account and logs it in. */
  user(name: string): Promise<MatrixClient>;
  restart(graceful: boolean): Promise<void>;
}

export interface Scenario {
  readonly name: string;
  readonly run: (target: ParityTarget, book: NoteBook) => Promise<void>;
}

export type Note = readonly [label: string, value: unknown];

const perRun = new Set(["error", "age", "origin_server_ts", "ts", "received_ts", "duration_ms"]);
/**
 * Push rules, presence and end-to-end keys are not simulated, since the gateway uses none of them; `well_known` is a
 * matter of configuration.
 */
const notCompared = [
  "well_known",
  "unread_notifications",
  "device_lists",
  "presence",
  "device_one_time_keys_count",
  "device_unused_fallback_key_types",
];
for (const key of notCompared) perRun.add(key);
const opaque = new Set([
  ...["next_batch", "prev_batch", "start", "end", "access_token", "last_seen_ts"],
  ...["transaction_id", "retry_after_ms", "unused_expires_at"],
]);
const patterns: readonly (readonly [RegExp, string])[] = [
  [/![A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])|![A-Za-z0-9_-]{18}(?=:)/g, "!room"],
  [/\$[A-Za-z0-9_-]{43}/g, "$event"],
  [/(?<=mxc:\/\/[a-z.]+\/)[A-Za-z]{24}/g, "media"],
  [/(?<=")[A-Z]{10}(?=")/g, "DEVICE"],
];

export class NoteBook {
  readonly notes: Note[] = [];
  readonly #names = new Map<string, string>();
  readonly #counters = new Map<string, number>();

  note(label: string, value: unknown): void {
    if (this.notes.some(([known]) => known === label)) throw new Error(`'${label}' noted twice`);
    const plain = JSON.stringify(value ?? null, (key, inner: unknown) => {
      if (perRun.has(key)) return undefined;
      if (opaque.has(key) && inner !== undefined) return `<${key}>`;
      return sortKeys(inner);
    });
    this.notes.push([label, JSON.parse(this.#replaceIds(plain))]);
  }

  /** Notes status and body of a request and hands the reply on. */
  async ask(
    label: string,
    client: MatrixClient,
    method: string,
    path: string,
    init: RequestBits = {},
  ): Promise<Reply> {
    const reply = await client.attempt(method, path, init);
    this.note(label, [reply.status, reply.body]);
    return reply;
  }

  #replaceIds(json: string): string {
    return patterns.reduce(
      (text, [pattern, prefix]) => text.replace(pattern, (id) => this.#nameOf(id, prefix)),
      json,
    );
  }

  #nameOf(id: string, prefix: string): string {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const count = (this.#counters.get(prefix) ?? 0) + 1;
    this.#counters.set(prefix, count);
    const name = `${prefix}${String(count)}`;
    this.#names.set(id, name);
    return name;
  }
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export const v3 = "/_matrix/client/v3";
export const seg = encodeURIComponent;
export const roomPath = (roomId: string, rest: string) => `${v3}/rooms/${seg(roomId)}/${rest}`;

/** The events of one room that were pushed, over all transactions, in the order heard. */
export function pushedTo(target: ParityTarget, roomId: string): readonly PushedEvent[] {
  return target.appservice.transactions
    .flatMap((transaction) => transaction.events)
    .filter((event) => event.room_id === roomId);
}

/** Resolves when the application service has heard of an event. */
export async function heard(t: ParityTarget, room: string, event: string): Promise<void> {
  await t.appservice.until(() => pushedTo(t, room).some((pushed) => pushed.event_id === event));
}

/** A short word for an event, to compare orders. */
export function brief(event: {
  readonly type: string;
  readonly content: Record<string, unknown>;
  readonly state_key?: string;
}): string {
  const { type, content, state_key: key } = event;
  if (type === "m.room.message") return String(content["body"]);
  if (type === "m.room.member") return `${String(key)} ${String(content["membership"])}`;
  return type;
}

/** Synapse commits its position and its finished transactions a few milliseconds after the answer. */
export async function settle(client: MatrixClient): Promise<void> {
  for (let n = 0; n < 30; n += 1) await client.whoami();
}
