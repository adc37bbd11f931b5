import type { Readable } from "node:stream";
import type { AccountConfig } from "../config/schema.ts";
import { describeError } from "../model/errors.ts";
import type { BlobRef, IncomingMessage } from "../model/message.ts";
import type { Directory } from "../pipeline/directory.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Sealer } from "../store/keys.ts";
import type { Store, StoredMessage } from "../store/store.ts";
import type {
  Accepted,
  AcceptOptions,
  BridgeContext,
  KnownMessage,
  Log,
  OutgoingRequest,
  Phase,
  QuarantinedInput,
  Records,
  Report,
} from "./contract.ts";

/** How often `settled` looks whether a letter has left its lane, milliseconds. */
const SETTLED_POLL_MS = 100;
/** Share of the period by which `every` varies it. */
const JITTER = 0.1;
const MAX_LISTED = 1_000;

export interface ContextDeps {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly sealer: Sealer;
  readonly directory: Directory;
  readonly log: Log;
  readonly attachmentBytes: number;
  readonly now: () => Date;
  accept(
    account: AccountConfig,
    message: IncomingMessage,
    options?: AcceptOptions,
  ): Promise<Accepted>;
  report(account: string, report: Report): Promise<void>;
  fetch(account: string, url: string, init?: OutgoingRequest): Promise<Response>;
  countTaskFailure(account: string): void;
  /** By the plan in force; without it the phase of the configuration. */
  phaseOf?(account: string): Phase;
}

/** A context and the means to end what the bridge asked it to repeat. */
export interface RunningContext<C> {
  readonly context: BridgeContext<C>;
  stopTasks(): Promise<void>;
}

/** Builds the context handed to one account's bridge: a narrow door into the gateway, bound to that account. */
export function createContext<C>(
  deps: ContextDeps,
  account: AccountConfig,
  config: C,
): RunningContext<C> {
  const { name } = account;
  const tasks = createTasks(deps, name);
  const records = recordsOf(deps.store, name);
  const context: BridgeContext<C> = {
    account: name,
    config,
    get phase() {
      return deps.phaseOf?.(name) ?? account.phase;
    },
    log: deps.log,
    accept: (message, options) => deps.accept(account, message, options),
    report: (report) => deps.report(name, report),
    quarantine: (input) => quarantine(deps, name, input),
    store: (_name: string, body: Readable) => deps.blobs.put(body, deps.attachmentBytes),
    open: (blob: BlobRef) => deps.blobs.open(blob),
    recall: (id) => recall(deps.store, name, id),
    settled: (id, signal) => waitSettled(deps.store, name, id, signal),
    linked: async (mailbox) => (await deps.directory.readersOf(name, mailbox)).length > 0,
    fetch: (url, init) => deps.fetch(name, url, init),
    every: tasks.every,
    cursor: {
      get: () => deps.store.fact(`cursor:${name}`, "main"),
      set: (value) => deps.store.putFact(`cursor:${name}`, "main", value),
    },
    records,
    derive: (purpose) => deps.sealer.derive(`account:${name}:${purpose}`),
    audit: (action, subject, detail = {}) =>
      deps.store.appendAudit({ actor: `account:${name}`, action, subject, detail }, deps.now()),
  };
  return { context, stopTasks: tasks.stop };
}

async function quarantine(
  deps: ContextDeps,
  account: string,
  input: QuarantinedInput,
): Promise<void> {
  const { sourceId, code, detail, original } = input;
  const item = { account, side: "legacy", sourceId, code, detail, original } as const;
  const id = await deps.store.quarantine(item, deps.now());
  deps.log.warn({ account, sourceId, code, quarantine: id }, "input-quarantined");
}

async function recall(
  store: Store,
  account: string,
  id: string,
): Promise<KnownMessage | undefined> {
  const stored = await store.message(id);
  return stored?.message.account === account ? asKnown(stored) : undefined;
}

function asKnown(stored: StoredMessage): KnownMessage {
  return {
    message: stored.message,
    state: stored.state,
    origin: stored.origin,
    acceptedAt: stored.acceptedAt,
    ...(stored.remoteId === undefined ? {} : { remoteId: stored.remoteId }),
    ...(stored.code === undefined ? {} : { code: stored.code }),
  };
}

async function waitSettled(
  store: Store,
  account: string,
  id: string,
  signal: AbortSignal,
): Promise<KnownMessage | undefined> {
  for (;;) {
    const known = await recall(store, account, id);
    const moving = known?.state === "pending" || known?.state === "sending";
    if (!moving || signal.aborted) return known;
    await pause(SETTLED_POLL_MS, signal);
  }
}

/** The records of one account's bridge. */
export function recordsOf(store: Store, account: string): Records {
  const scope = `bridge:${account}`;
  return {
    get: (key) => store.fact(scope, key),
    put: (key, value) => store.putFact(scope, key, value),
    remove: (key) => store.removeFact(scope, key),
    list: (prefix, options = {}) =>
      store.listFacts(scope, prefix, {
        ...(options.after === undefined ? {} : { after: options.after }),
        limit: Math.min(options.limit ?? MAX_LISTED, MAX_LISTED),
      }),
  };
}

function createTasks(deps: ContextDeps, account: string) {
  const stopping = new AbortController();
  const loops: Promise<void>[] = [];
  const repeat = async (ms: number, task: (signal: AbortSignal) => Promise<void>) => {
    while (!stopping.signal.aborted) {
      try {
        await task(stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) return;
        deps.countTaskFailure(account);
        deps.log.warn({ account, error: describeError(error) }, "task-failed");
      }
      await pause(ms * (1 - JITTER + Math.random() * 2 * JITTER), stopping.signal);
    }
  };
  return {
    every(ms: number, task: (signal: AbortSignal) => Promise<void>) {
      loops.push(repeat(ms, task));
    },
    async stop() {
      stopping.abort(new Error("the gateway stops"));
      await Promise.all(loops);
    },
  };
}

/** Waits; ends early, without an error, when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
