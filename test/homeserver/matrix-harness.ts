/**
 * The Matrix side between a homeserver (simulated or real) and a pretended legacy system, over the real database,
 * lanes and acceptance: everything of the gateway except configuration files and bridges.
 */
import type { AcceptOptions, Bridge, Log } from "../../src/bridge/contract.ts";
import type { AccountConfig, HomeserverConfig } from "../../src/config/schema.ts";
import { createMemoryDoorbell } from "../../src/doorbell/memory.ts";
import type { Matrix, MatrixAccount, MatrixDeps } from "../../src/matrix/contract.ts";
import { MATRIX_CAPABILITIES, createMatrix } from "../../src/matrix/index.ts";
import { newId } from "../../src/model/id.ts";
import type { IncomingMessage, Message, Party } from "../../src/model/message.ts";
import type { Receipt } from "../../src/model/receipt.ts";
import { createAcceptor } from "../../src/pipeline/accept.ts";
import { createDirectory } from "../../src/pipeline/directory.ts";
import { runLane } from "../../src/pipeline/lane.ts";
import { reportReceipt } from "../../src/pipeline/report.ts";
import { startSweep } from "../../src/pipeline/sweep.ts";
import type { Store, StoredMessage } from "../../src/store/store.ts";
import { appserviceOf, planSite, SERVER, type Site } from "./matrix-plan.ts";
import { startProxy } from "./matrix-proxy.ts";
import { openTestStore } from "../support/stores.ts";
import { accountSample } from "../unit/matrix/account-sample.ts";
import { matrixAccountSample } from "../unit/matrix/samples.ts";
import { memoryBlobs, recordingLog, type LoggedLine } from "../unit/matrix/support.ts";

export { SERVER, planSite, type Site };

/** What the legacy system was handed and told. */
export interface Legacy {
  readonly letters: Message[];
  readonly told: { message: Message; receipt: Receipt }[];
  /** Called for every letter before it counts as handed over. */
  behave: (message: Message) => Promise<void>;
}

export interface WorldOptions {
  readonly homeserverUrl: string;
  readonly site: Site;
  readonly homeserver?: Partial<HomeserverConfig>;
  readonly accounts?: readonly AccountConfig[];
  readonly clock?: () => Date;
  readonly count?: MatrixDeps["count"];
  readonly review?: MatrixAccount["review"];
  readonly claims?: MatrixDeps["claims"];
}

/** The running gateway's Matrix side; `restart` keeps the database and forgets everything else, as a crash does. */
export interface World {
  readonly matrix: Matrix;
  readonly store: Store;
  readonly blobs: ReturnType<typeof memoryBlobs>;
  readonly legacy: Legacy;
  readonly lines: LoggedLine[];
  readonly accounts: readonly AccountConfig[];
  /** Requests of the gateway to the homeserver, "METHOD path?query", in order. */
  readonly requests: string[];
  /** The homeserver does what is asked, but the next so many answers to such requests never arrive. */
  cutAnswers(path: RegExp, times: number): void;
  restart(): Promise<void>;
  /** Only the Matrix side stops; the database stays open. */
  pause(): Promise<void>;
  stop(): Promise<void>;
  fromLegacy(
    letter: Partial<IncomingMessage>,
    account?: string,
    options?: AcceptOptions,
  ): Promise<string>;
  letter(id: string): Promise<StoredMessage>;
  /** Resolves with the letter when it has reached the state. */
  settled(id: string, state?: StoredMessage["state"]): Promise<StoredMessage>;
}

export const BAUAMT = accountSample({
  name: "bauamt",
  clerks: [`@clerk:${SERVER}`],
  links: [{ mailbox: "mailbox-1", user: `@erika:${SERVER}` }],
});
export const FINANZAMT = accountSample({
  name: "finanzamt",
  title: "Finanzamt Musterstadt",
  clerks: [`@finance:${SERVER}`],
  links: [{ mailbox: "mailbox-1", user: `@max:${SERVER}` }],
});

export async function startWorld(options: WorldOptions): Promise<World> {
  const { store, sealer, dispose } = await openTestStore();
  const blobs = memoryBlobs();
  const { log, lines } = recordingLog();
  const proxy = await startProxy(options.homeserverUrl);
  const accounts = options.accounts ?? [BAUAMT, FINANZAMT];
  const legacy: Legacy = { letters: [], told: [], behave: () => Promise.resolve() };
  const now = options.clock ?? (() => new Date());
  const base = { options, store, blobs, log, now, accounts, legacy, proxy, derive: sealer.derive };
  let life = await startLife(base);
  const acceptor = () =>
    createAcceptor({ store, log, now, ring: (lane) => void life.doorbell.ring(lane) });
  const letter = async (id: string) => {
    const found = await store.message(id);
    if (!found) throw new Error(`no letter ${id}`);
    return found;
  };
  return {
    get matrix() {
      return life.matrix;
    },
    store,
    blobs,
    legacy,
    lines,
    accounts,
    requests: proxy.requests,
    cutAnswers: (path, times) => proxy.cut(path, times),
    async restart() {
      await life.end();
      life = await startLife(base);
    },
    pause: () => life.end(),
    async stop() {
      await life.end();
      await proxy.stop();
      await dispose();
    },
    async fromLegacy(draft, account = "bauamt", options = {}) {
      const config = accounts.find((one) => one.name === account);
      if (!config) throw new Error(`no account ${account}`);
      const { id } = await acceptor().fromLegacy(config, incoming(draft), options);
      return id;
    },
    letter,
    async settled(id, state = "delivered") {
      for (;;) {
        const found = await letter(id);
        if (found.state === state) return found;
        await nextTick();
      }
    },
  };
}

let letters = 0;
function incoming(draft: Partial<IncomingMessage>): IncomingMessage {
  letters += 1;
  return {
    sourceId: `zbp-${letters}`,
    conversation: "vorgang-1",
    sentAt: new Date("2026-03-02T09:00:00.000Z"),
    from: { address: "authority-7", name: "Bauamt Musterstadt", role: "authority" },
    to: [{ address: "mailbox-1", name: "Erika Beispiel", role: "citizen" }],
    subject: "Bescheid",
    text: `Schreiben Nummer ${letters}`,
    attachments: [],
    level: 1,
    replyPolicy: "possible",
    ...draft,
  };
}

interface Base {
  readonly options: WorldOptions;
  readonly store: Store;
  readonly blobs: ReturnType<typeof memoryBlobs>;
  readonly log: Log;
  readonly now: () => Date;
  readonly accounts: readonly AccountConfig[];
  readonly legacy: Legacy;
  readonly proxy: { readonly url: string };
  derive(purpose: string): Uint8Array;
}

async function startLife(base: Base) {
  const { options, store, blobs, log, now, accounts } = base;
  const doorbell = createMemoryDoorbell({ concurrency: 16 });
  const ring = (lane: string, at?: Date) => doorbell.ring(lane, at);
  const acceptor = createAcceptor({ store, log, now, ring });
  const homeserver: HomeserverConfig = {
    url: base.proxy.url,
    name: SERVER,
    roomVersion: "11",
    federate: false,
    edits: "correction",
    historyVisibility: "invited",
    sweepEvery: 3_600_000,
    requestTimeout: 10_000,
    ...options.homeserver,
  };
  const matrix = createMatrix({
    homeserver,
    appservice: appserviceOf(options.site.port),
    accounts: accounts.map((account) => asMatrixAccount(account, options.review)),
    store,
    blobs,
    directory: createDirectory(accounts, store, now),
    log,
    limits: { attachmentBytes: 50_000_000, transactionBytes: 64_000_000 },
    derive: (account, purpose) => base.derive(`account:${account}:${purpose}`),
    accept: (conversation, message, accepted) => {
      const account = accounts.find((one) => one.name === conversation.account);
      if (!account) throw new Error("no such account");
      return acceptor.fromMatrix(account, conversation, message, accepted);
    },
    report: (report) => reportReceipt({ store, log, now, ring }, undefined, report),
    ring,
    count: options.count ?? (() => undefined),
    claims: options.claims,
    now,
  });
  const toLegacy = {
    bridge: legacyBridge(base.legacy),
    capabilities: matrixAccountSample().capabilities,
  };
  const toMatrix = { bridge: matrix, capabilities: MATRIX_CAPABILITIES };
  const lanes = {
    store,
    log,
    owner: newId(),
    now,
    random: () => 0,
    policy: {
      concurrency: 16,
      firstRetry: 50,
      maxRetry: 200,
      giveUpAfter: 60_000,
      attemptTimeout: 30_000,
      delayNotice: 30_000,
    },
    destination: (one: StoredMessage) => (one.destination === "matrix" ? toMatrix : toLegacy),
    origin: (one: StoredMessage) => (one.origin === "matrix" ? toMatrix : toLegacy),
    account: (name: string) => accounts.find((one) => one.name === name),
    observe: () => undefined,
    takeEvent: matrix.takeEvent,
    finishing: () => false,
    ring,
  };
  await doorbell.start((lane, signal) => runLane(lanes, lane, signal));
  const sweep = startSweep({ store, log, now, ring });
  await matrix.start();
  let ended = false;
  return {
    matrix,
    doorbell,
    async end() {
      if (ended) return;
      ended = true;
      await matrix.stop();
      await sweep.stop();
      await doorbell.stop(2_000);
    },
  };
}

function legacyBridge(legacy: Legacy): Bridge {
  const done = () => Promise.resolve();
  return {
    start: done,
    stop: done,
    ping: () => Promise.resolve({ ok: true }),
    async deliver(message) {
      await legacy.behave(message);
      legacy.letters.push(message);
      return { remoteId: `legacy-${message.id}` };
    },
    notify(message, receipt) {
      legacy.told.push({ message, receipt });
      return Promise.resolve("told");
    },
  };
}

function asMatrixAccount(config: AccountConfig, review: MatrixAccount["review"]): MatrixAccount {
  const parties: Party[] = [{ address: "mailbox-9", name: "Nina Neu", role: "citizen" }];
  return matrixAccountSample({
    config,
    review,
    resolve: (query) => Promise.resolve(parties.filter((party) => party.address === query)),
  });
}

const nextTick = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Looks again until it is so; the test's own limit ends what never becomes so. */
export async function eventually<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) return seen as NonNullable<T>;
    await nextTick();
  }
}
