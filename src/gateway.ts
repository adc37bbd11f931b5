import { hostname } from "node:os";
import { createAccount, startAccounts, type RunningAccount } from "./bridge/accounts.ts";
import type { BridgeDefinition, Log } from "./bridge/contract.ts";
import { legacyReaderOf } from "./bridge/legacy-reader.ts";
import { loadConfig, type LoadedConfig } from "./config/load.ts";
import type { CoreConfig } from "./config/schema.ts";
import { createBullmqDoorbell } from "./doorbell/bullmq.ts";
import type { Doorbell } from "./doorbell/doorbell.ts";
import { createMemoryDoorbell } from "./doorbell/memory.ts";
import type { Matrix, MatrixAccount } from "./matrix/contract.ts";
import { createMatrix, MATRIX_CAPABILITIES } from "./matrix/index.ts";
import { newId } from "./model/id.ts";
import type { Message } from "./model/message.ts";
import { startAdmin, type Admin } from "./ops/http.ts";
import { createMetrics, type Metrics } from "./ops/metrics.ts";
import type { PlanDesk } from "./ops/plan-routes.ts";
import { createAcceptor, type Acceptor } from "./pipeline/accept.ts";
import type { Destination } from "./pipeline/attempt.ts";
import { createClaimDesk } from "./people/claim-desk.ts";
import { startFollowing } from "./people/following.ts";
import { createDirectory, type Directory } from "./pipeline/directory.ts";
import { runLane, type LaneDeps } from "./pipeline/lane.ts";
import { reportReceipt } from "./pipeline/report.ts";
import { startSweep } from "./pipeline/sweep.ts";
import { lockFolder, type FolderLock } from "./store/folder-lock.ts";
import { openStorage, type Storage } from "./store/open.ts";
import type { StoredMessage } from "./store/store.ts";
import { createActivePlans, type ActivePlans } from "./transition/active.ts";
import { applyFile, planAtStart } from "./transition/applying.ts";
import { createDecider } from "./transition/deciding.ts";
import { clockOptionsOf } from "./transition/legal-config.ts";
import { showingClock } from "./transition/letter-clock.ts";
import { lookAtWatched, WATCHDOG_MS, watchLetter } from "./transition/watchdog.ts";
import { startRepeating } from "./ops/repeating.ts";
import { isCopy } from "./transition/phases.ts";

/** What the running parts share. */
interface Core {
  readonly config: CoreConfig;
  readonly definitions: LoadedConfig["definitions"];
  readonly log: Log;
  /** One node: nobody else runs on this data folder. */
  readonly lock: FolderLock | undefined;
  readonly storage: Storage;
  readonly doorbell: Doorbell;
  readonly directory: Directory;
  readonly metrics: Metrics;
  readonly acceptor: Acceptor;
  readonly plans: ActivePlans;
  readonly desk: PlanDesk;
  readonly now: () => Date;
}

export interface Gateway {
  /** Puts the plan of the configuration file in force (SIGHUP). Throws what `plan apply` refuses; then nothing changed. */
  applyPlan(by: string): Promise<void>;
  /** In reverse order of the start: intake first, the database last. Safe to call once. */
  stop(): Promise<void>;
}

/** How long running hand-overs may take to end by themselves, and then to give up, milliseconds. */
const FINISH_MS = 8_000;
const ABORT_MS = 2_000;

/**
 * The whole gateway on one screen. Start: database, bridges, lanes, Matrix (which brings letters in), accounts (which
 * bring letters in), admin. Whatever is accepted from the first second on finds its lane running.
 */
export async function startGateway(
  loaded: LoadedConfig,
  log: Log,
  options: { readonly reload?: () => Promise<LoadedConfig> } = {},
): Promise<Gateway> {
  const { reload = () => loadConfig(loaded.file) } = options;
  const core = await buildCore(loaded, log, reload);
  const accounts = buildAccounts(core);
  const matrix = buildMatrix(core, accounts);
  const lanes = buildLanes(core, accounts, matrix);
  await core.doorbell.start(lanes.run);
  const sweep = startSweep({ ...core, store: core.storage.store, ring: core.doorbell.ring });
  const watch = core.plans.watch(log);
  await matrix.start();
  const following = startFollowing({
    ...{ accounts: [...accounts.values()].map(({ config }) => config), matrix, log, now: core.now },
    store: core.storage.store,
  });
  const watchdog = startWatchdog(core);
  const started = await startAccounts(accounts.values(), log);
  const admin: Admin = await startAdmin({ ...core, matrix, accounts, started });
  log.info({ accounts: accounts.size, admin: admin.url }, "gateway-started");
  return {
    applyPlan: (by) => applyPlan(core, by),
    async stop() {
      log.info({}, "gateway-stopping");
      const all = [...accounts.values()];
      await Promise.all([matrix.stop(), following.stop(), ...all.map((account) => account.stop())]);
      await Promise.all([sweep.stop(), watch.stop(), watchdog.stop()]);
      await lanes.finish();
      await core.doorbell.stop(ABORT_MS);
      await Promise.all(all.map((account) => account.close()));
      await admin.stop();
      await core.storage.close();
      core.lock?.release();
      log.info({}, "gateway-stopped");
    },
  };
}

function startWatchdog({ storage, config, metrics, log, now }: Core): { stop(): Promise<void> } {
  const options = clockOptionsOf(config.transition);
  const deps = { store: storage.store, log, now, options, count: metrics.setWatched };
  const task = () => lookAtWatched(deps);
  return startRepeating({ everyMs: WATCHDOG_MS, failure: "watchdog-failed", log, task });
}

async function applyPlan({ desk, storage, directory, now, log }: Core, by: string): Promise<void> {
  const loaded = await desk.reload();
  const deps = { loaded, store: storage.store, directory, now: now() };
  const { stored } = await applyFile(deps, { by, jump: false, moveConversations: false });
  await desk.plans.refresh();
  log.info({ by, applied: stored?.planId ?? "nothing new" }, "plan-applied");
}

async function buildCore(
  loaded: LoadedConfig,
  log: Log,
  reload: () => Promise<LoadedConfig>,
): Promise<Core> {
  const { config, definitions } = loaded;
  const now = () => new Date();
  const lock = config.store.kind === "sqlite" ? lockFolder(config.data) : undefined;
  const storage = await openStorage(config);
  const { store } = storage;
  if (lock) await store.breakLeases();
  const doorbell = buildDoorbell(config, log);
  const directory = createDirectory(config.accounts, store, now);
  const metrics = createMetrics(store, now);
  const plans = createActivePlans(store, await planAtStart({ loaded, store, log, now: now() }));
  const decider = createDecider({ plans, store, directory, now });
  const ring = doorbell.ring.bind(doorbell);
  const acceptor = createAcceptor({
    ...{ store, log, now, ring, decider },
    legacyReaderOf: (account) => legacyReaderOf(account, definitions),
  });
  const parts = { storage, doorbell, directory, metrics, acceptor, plans, desk: { plans, reload } };
  return { config, definitions, log, lock, now, ...parts };
}

function buildDoorbell(config: CoreConfig, log: Log): Doorbell {
  const { concurrency } = config.delivery;
  if (config.doorbell.kind === "memory") return createMemoryDoorbell({ concurrency });
  return createBullmqDoorbell({ url: config.doorbell.url.reveal(), concurrency, log });
}

function buildAccounts(core: Core): ReadonlyMap<string, RunningAccount> {
  const { store, blobs, sealer } = core.storage;
  const accounts = new Map<string, RunningAccount>();
  for (const account of core.config.accounts) {
    const definition = core.definitions.get(account.bridge);
    if (core.plans.phaseOf(account.name) === "off" || !definition) continue;
    const deps = {
      ...core,
      ...{ store, blobs, sealer },
      attachmentBytes: core.config.limits.attachmentBytes,
      accept: core.acceptor.fromLegacy,
      report: (name: string, report: Parameters<typeof reportReceipt>[2]) =>
        reportReceipt({ ...core, store, ring: core.doorbell.ring }, name, report),
      countTaskFailure: core.metrics.countTaskFailure,
      phaseOf: core.plans.phaseOf,
    };
    accounts.set(account.name, createAccount(deps, account, definition));
  }
  return accounts;
}

function buildMatrix(core: Core, accounts: ReadonlyMap<string, RunningAccount>): Matrix {
  const { store, blobs, sealer } = core.storage;
  const { homeserver, appservice, limits } = core.config;
  return createMatrix({
    homeserver,
    appservice,
    limits,
    accounts: [...accounts.values()].map(asMatrixAccount),
    store,
    blobs,
    directory: core.directory,
    log: core.log,
    derive: (account, purpose) => sealer.derive(`account:${account}:${purpose}`),
    accept: (conversation, message, options) => {
      const account = accounts.get(conversation.account);
      if (!account) throw new Error(`account ${conversation.account} is off`);
      return core.acceptor.fromMatrix(account.config, conversation, message, options);
    },
    report: (report) =>
      reportReceipt({ ...core, store, ring: core.doorbell.ring }, undefined, report),
    claims: createClaimDesk(
      {
        ...{ ...core, store },
        running: (name) => accounts.get(name)?.definition,
        derive: (purpose) => sealer.derive(purpose),
      },
      [...accounts.values()].map(({ config }) => config),
    ),
    ring: core.doorbell.ring,
    count: core.metrics.countMatrix,
    now: core.now,
  });
}

function asMatrixAccount({ config, definition, bridge }: RunningAccount): MatrixAccount {
  const { title, capabilities, lookupFields }: BridgeDefinition = definition;
  return {
    config,
    bridgeName: config.bridge,
    bridgeTitle: title,
    capabilities,
    lookupFields,
    resolve: bridge.resolve?.bind(bridge),
    review: bridge.review?.bind(bridge),
  };
}

/** Readers see beside a letter from when on it counts as notified. */
function wayIntoMatrix({ config, storage, now }: Core, matrix: Matrix) {
  const toMatrix: Destination = { bridge: matrix, capabilities: MATRIX_CAPABILITIES };
  const options = clockOptionsOf(config.transition);
  const watch = (message: Message) => watchLetter({ store: storage.store, options, now }, message);
  return (letter: StoredMessage): Destination =>
    letter.origin === "legacy" ? showingClock(toMatrix, letter, options, now(), watch) : toMatrix;
}

function buildLanes(core: Core, accounts: ReadonlyMap<string, RunningAccount>, matrix: Matrix) {
  const intoMatrix = wayIntoMatrix(core, matrix);
  const onSide = (letter: StoredMessage, side: "legacy" | "matrix"): Destination | undefined => {
    const { account: name } = letter.message;
    const account = accounts.get(name);
    if (!account || core.plans.phaseOf(name) === "off") return undefined;
    if (side === "matrix") return intoMatrix(letter);
    return { bridge: account.bridge, capabilities: account.definition.capabilities };
  };
  const running = new Set<Promise<void>>();
  let finishing = false;
  const deps: LaneDeps = {
    store: core.storage.store,
    log: core.log,
    policy: core.config.delivery,
    owner: `${hostname()}-${process.pid}-${newId()}`,
    now: core.now,
    random: Math.random,
    destination: (letter) => onSide(letter, letter.destination),
    origin: (letter) => onSide(letter, letter.origin),
    observe(letter, outcome, seconds) {
      const { account } = letter.message;
      core.metrics.observeAttempt(account, letter.destination, outcome, seconds);
      const age = (core.now().getTime() - letter.acceptedAt.getTime()) / 1000;
      // A copy is no second delivery.
      if (outcome === "delivered" && !isCopy(letter))
        core.metrics.observeDelivery(account, letter.destination, age);
    },
    takeEvent: matrix.takeEvent,
    ring: core.doorbell.ring,
    finishing: () => finishing,
  };
  return {
    run(lane: string, signal: AbortSignal): Promise<void> {
      if (finishing) return Promise.resolve();
      const turn = runLane(deps, lane, signal).finally(() => running.delete(turn));
      running.add(turn);
      return turn;
    },
    /** No new step begins; what runs may end by itself for a while. */
    async finish(): Promise<void> {
      finishing = true;
      const limit = new Promise<void>((resolve) => setTimeout(resolve, FINISH_MS).unref());
      await Promise.race([Promise.all(running), limit]);
    },
  };
}
