import { setTimeout as sleep } from "node:timers/promises";
import type { Readable } from "node:stream";
import { createAccountEgress } from "../bridge/accounts.ts";
import { recordsOf } from "../bridge/context.ts";
import type { BridgeContext, BridgeDefinition, History } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import type { Egress } from "../guard/egress.ts";
import { GatewayError } from "../model/errors.ts";
import { isHistory } from "../model/history.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Store } from "../store/store.ts";
import { createShelf, type Shelf } from "./shelf.ts";
import {
  CONTENT_FAULTS,
  HistoryFault,
  overlayOf,
  type HistorySource,
  type Place,
  type Purpose,
} from "./source.ts";
import { MAX_LETTERS } from "./survey.ts";

/** What a source may use of this gateway. */
export interface Access {
  readonly store: Store;
  readonly blobs: BlobStore;
  /** Bytes of one file. */
  readonly attachmentBytes: number;
  /** A context in which a bridge can look and not act. */
  quietContext(
    account: AccountConfig,
    fetch: BridgeContext<unknown>["fetch"],
  ): BridgeContext<unknown>;
}

/** A line that breaks is no reason to begin again: so often, after so long (doubled each time), milliseconds. */
const ATTEMPTS = 4;
const PAUSE_MS = 500;

/**
 * The old mailbox itself, read through a bridge of its own beside the one that runs. What that one took in is known by its
 * id and left out. Throws NOT_ALLOWED for a system that cannot be asked what lies in a mailbox.
 */
export function openMailbox(
  account: AccountConfig,
  definition: BridgeDefinition,
  access: Access,
  pauseMs = PAUSE_MS,
): HistorySource {
  const egress = createAccountEgress(account, definition);
  const quiet = access.quietContext(account, (url, init) => egress.fetch(url, init));
  const shelf = createShelf();
  const { looking, moving } = contextsOf(quiet, access, shelf);
  const histories = closingOnError(egress, (): Readonly<Record<Purpose, History>> => ({
    look: historyOf(definition, looking),
    move: historyOf(definition, moving),
  }));
  const retried = <T>(signal: AbortSignal, work: () => Promise<T>) => retry(work, pauseMs, signal);
  return {
    name: "mailbox",
    places: (signal) => placesOf(histories.look, access.store, account.name, retried, signal),
    read: async ({ key }, _store, signal, purpose = "move") => {
      shelf.clear();
      return asFault(() => retried(signal, () => histories[purpose].read(key, signal)));
    },
    raw: ({ key }) => rawOf(histories.move, key),
    close: () => egress.close(),
  };
}

function closingOnError<T>(egress: Egress, work: () => T): T {
  try {
    return work();
  } catch (error) {
    void egress.close();
    throw error;
  }
}

function historyOf(definition: BridgeDefinition, context: BridgeContext<unknown>): History {
  const history = definition.create(context).history?.();
  if (history !== undefined) return history;
  const { name } = definition;
  throw new GatewayError(
    "NOT_ALLOWED",
    `${name} cannot be asked what lies in a mailbox; take an export (jsonl:<file> or archive:<folder>)`,
  );
}

function contextsOf(
  quiet: BridgeContext<unknown>,
  { store, blobs, attachmentBytes }: Access,
  shelf: Shelf,
) {
  const records = recordsOf(store, quiet.account);
  const moving: BridgeContext<unknown> = {
    ...quiet,
    records,
    store: (_name, body) => blobs.put(body, attachmentBytes),
    open: (blob) => blobs.open(blob),
  };
  const looking: BridgeContext<unknown> = {
    ...quiet,
    records: overlayOf(records),
    store: (_name, body) => shelf.store(body),
    open: (blob) => shelf.open(blob),
  };
  return { moving, looking };
}

type Retried = <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

/**
 * Listed whole before the first one is read: reading changes what the old system says of a letter, and with that the
 * order of its list. The oldest first.
 */
async function* placesOf(
  history: History,
  store: Pick<Store, "messageBySource">,
  account: string,
  retried: Retried,
  signal: AbortSignal,
): AsyncGenerator<Place> {
  const found = new Map<string, Place & { readonly outline: { readonly at: Date } }>();
  let cursor: string | undefined;
  await retried(signal, async () => {
    for await (const { id, at, mailbox, cursor: next } of history.list(cursor, signal)) {
      signal.throwIfAborted();
      cursor = next;
      if (found.has(id)) continue;
      // What live traffic brought is no history, and has what history must not have: receipts and a legal clock.
      const known = await store.messageBySource(account, id);
      if (known !== undefined && !isHistory(known)) continue;
      if (found.size >= MAX_LETTERS)
        throw new GatewayError("NOT_ALLOWED", `more than ${MAX_LETTERS} letters in the mailbox`);
      found.set(id, { key: id, offset: 0, bytes: 0, outline: { sourceId: id, at, mailbox } });
    }
  });
  yield* [...found.values()].sort((a, b) => a.outline.at.getTime() - b.outline.at.getTime());
}

/** What the bridge says of the letter itself. That it is not given out any more is such a thing. */
async function asFault<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const known = cause instanceof GatewayError;
    if (!known || !(CONTENT_FAULTS.has(cause.code) || cause.code === "NOT_FOUND")) throw cause;
    throw new HistoryFault(cause.code, cause.message, { cause });
  }
}

async function rawOf(history: History, id: string): Promise<Readable | undefined> {
  try {
    return await history.raw(id, new AbortController().signal);
  } catch (error) {
    if (error instanceof GatewayError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}

async function retry<T>(work: () => Promise<T>, pauseMs: number, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const again = error instanceof GatewayError && error.code === "REMOTE_UNAVAILABLE";
      if (!again || attempt === ATTEMPTS) throw error;
      await sleep(pauseMs * 2 ** (attempt - 1), undefined, { signal });
    }
  }
}
