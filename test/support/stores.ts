import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import pg from "pg";
import { digestOf, newId } from "../../src/model/id.ts";
import type { Message } from "../../src/model/message.ts";
import type { Sealer } from "../../src/store/keys.ts";
import { createPostgresStore } from "../../src/store/postgres/store.ts";
import { createSealer, openSealer, type SealKey } from "../../src/store/sealer.ts";
import { createSqliteStore } from "../../src/store/sqlite/store.ts";
import type {
  Acceptance,
  ConversationDraft,
  IncomingEvent,
  Lease,
  Store,
  StoredMessage,
} from "../../src/store/store.ts";

/** For tests only: a key that everybody can know. */
export const TEST_KEYS: readonly SealKey[] = [
  { id: "test-1", secret: Buffer.alloc(32, "postfach-bridge test key") },
];

/** One empty database. */
export interface TestDatabase {
  /** One more node on it; closed with the database at the latest. */
  open(): Promise<Store>;
  /** How a child process reaches it. */
  readonly address: StoreAddress;
  /** SQL past the store, to damage what the store has written. */
  execute(sql: string): Promise<void>;
  dispose(): Promise<void>;
}
export type StoreAddress =
  | { readonly kind: "sqlite"; readonly file: string }
  | { readonly kind: "postgres"; readonly url: string };
export interface StoreFactory {
  create(): Promise<TestDatabase>;
}

export function storeAt(address: StoreAddress, sealer: Sealer = createSealer(TEST_KEYS)): Store {
  return address.kind === "sqlite"
    ? createSqliteStore({ file: address.file, sealer })
    : createPostgresStore({ url: address.url, poolSize: 8, sealer });
}

export const sqliteStores: StoreFactory = {
  async create() {
    const folder = await mkdtemp(path.join(os.tmpdir(), "postfach-store-"));
    const file = path.join(folder, "postfach.db");
    return database({ kind: "sqlite", file }, () => rm(folder, { recursive: true, force: true }));
  },
};

/** Each database is a schema of its own in the one that `url` names: faster than CREATE DATABASE. */
export function postgresStores(url: string): StoreFactory {
  return {
    async create() {
      const schema = `t_${newId().replaceAll("-", "")}`;
      await executePostgres(url, `CREATE SCHEMA ${schema}`);
      const own = new URL(url);
      own.searchParams.set("options", `-c search_path=${schema}`);
      return database({ kind: "postgres", url: own.href }, () =>
        executePostgres(url, `DROP SCHEMA ${schema} CASCADE`),
      );
    },
  };
}

function database(address: StoreAddress, remove: () => Promise<void>): TestDatabase {
  const stores: Store[] = [];
  return {
    address,
    async open() {
      const store = storeAt(address);
      stores.push(store);
      await store.open();
      return store;
    },
    execute: (sql) =>
      address.kind === "sqlite"
        ? executeSqlite(address.file, sql)
        : executePostgres(address.url, sql),
    async dispose() {
      await Promise.all(stores.map((store) => store.close()));
      await remove();
    },
  };
}

async function executeSqlite(file: string, sql: string): Promise<void> {
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(file, { timeout: 5_000 });
  db.exec(sql);
  db.close();
}

async function executePostgres(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** An open SQLite store with its complete sealer, for tests of what stands above the store. */
export async function openTestStore(): Promise<{
  store: Store;
  sealer: Sealer;
  dispose: () => Promise<void>;
}> {
  const db = await sqliteStores.create();
  const store = await db.open();
  return { store, sealer: await openSealer(store, TEST_KEYS), dispose: () => db.dispose() };
}

/** A fixed point in time, and later ones. */
export const T0 = new Date("2026-03-02T09:00:00.000Z");
export function after(ms: number, since: Date = T0): Date {
  return new Date(since.getTime() + ms);
}

export interface LetterOptions extends Partial<Omit<Acceptance, "message" | "conversation">> {
  readonly sourceId?: string;
  readonly account?: string;
  readonly conversationId?: string;
  readonly message?: Partial<Message>;
  readonly conversation?: Partial<ConversationDraft>;
}
let letters = 0;

/** A letter as the pipeline hands it to the store; by default from the legacy side, in conversation c1 of account a. */
export function letter(options: LetterOptions = {}): Acceptance {
  letters += 1;
  const {
    sourceId = `source-${String(letters)}`,
    account = "a",
    conversationId = "c1",
    message: content = {},
    conversation = {},
    ...rest
  } = options;
  const legacy = options.origin !== "matrix";
  const authority = { address: "authority-7", name: "Bauamt", role: "authority" } as const;
  const citizen = { address: "mailbox-1", name: "Erika Beispiel", role: "citizen" } as const;
  const message: Message = {
    id: newId(),
    account,
    sourceId,
    conversation: `key-${conversationId}`,
    sentAt: T0,
    from: legacy ? authority : citizen,
    to: [legacy ? citizen : authority],
    subject: "Bescheid",
    text: `Inhalt von ${sourceId}`,
    attachments: [],
    level: 1,
    replyPolicy: "possible",
    ...content,
  };
  return {
    message,
    origin: "legacy",
    destination: legacy ? "matrix" : "legacy",
    digest: digestOf(message.text ?? ""),
    lane: `${conversationId}-${legacy ? "matrix" : "legacy"}`,
    originLane: `${conversationId}-${legacy ? "legacy" : "matrix"}`,
    onUnknown: "wait",
    ...rest,
    conversation: {
      id: conversationId,
      account,
      key: `key-${conversationId}`,
      counterpart: authority,
      local: citizen,
      subject: "Bescheid",
      level: 1,
      replyPolicy: "possible",
      ...conversation,
    },
  };
}

export function event(eventId: string, roomId = "!room:example.org"): IncomingEvent {
  const raw = JSON.stringify({ event_id: eventId, content: { body: "geheimer Text" } });
  return { eventId, roomId, lane: `in-${roomId}`, raw };
}

/** The lane's lease for an hour; fails the test when it cannot be had. */
export async function leaseOf(
  store: Store,
  lane: string,
  options: { owner?: string; now?: Date; until?: Date } = {},
): Promise<Lease> {
  const { owner = "node-1", now = T0 } = options;
  const lease = await store.acquireLane(lane, owner, now, options.until ?? after(3_600_000, now));
  if (!lease) throw new Error(`lane ${lane} is not to be had`);
  return lease;
}

/** What the lane would do now: the id of the letter, event or kind of notice, with its sort in front. */
export async function nextOf(store: Store, lease: Lease, now: Date = T0): Promise<string> {
  const work = await store.nextWork(lease, now);
  if (!work) return "nothing";
  switch (work.kind) {
    case "letter":
      return `letter ${work.message.message.sourceId}`;
    case "event":
      return `event ${work.event.eventId}`;
    case "notice":
      return `notice ${work.notice.kind} of ${work.message.message.sourceId}`;
  }
}

export async function mustFind(store: Store, id: string): Promise<StoredMessage> {
  const found = await store.message(id);
  if (!found) throw new Error(`letter ${id} is not stored`);
  return found;
}

/** Takes the head letter of a lane through one delivered attempt. */
export async function deliverHead(store: Store, lease: Lease, at: Date = T0): Promise<string> {
  const work = await store.nextWork(lease, at);
  if (work?.kind !== "letter") throw new Error(`no letter is due in lane ${lease.lane}`);
  const { id } = work.message.message;
  await deliverLetter(store, lease, id, at);
  return id;
}

/** Takes a letter that `nextWork` gave through one delivered attempt. */
export async function deliverLetter(
  store: Store,
  lease: Lease,
  id: string,
  at: Date = T0,
): Promise<void> {
  await store.beginAttempt(lease, id, at);
  const receipt = { kind: "delivered", at } as const;
  const settlement = {
    outcome: "delivered",
    remoteId: `$${id}`,
    parts: [`$${id}`],
    receipt,
  } as const;
  await store.settle(lease, id, settlement, at);
}
