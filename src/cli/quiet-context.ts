import { createHash } from "node:crypto";
import { createAccountEgress } from "../bridge/accounts.ts";
import type { BridgeContext, BridgeDefinition, Health, Log } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import { GatewayError } from "../model/errors.ts";

/**
 * A context in which a bridge can look but not act: for `ping` and `check`, which open no store and change nothing. The
 * bridge is created and pinged, never started.
 */
export async function pingQuietly(
  account: AccountConfig,
  definition: BridgeDefinition,
  signal: AbortSignal,
): Promise<Health> {
  const egress = createAccountEgress(account, definition);
  try {
    const context = createQuietContext(account, (url, init) => egress.fetch(url, init));
    return await definition.create(context).ping(signal);
  } finally {
    await egress.close();
  }
}

export function createQuietContext(
  account: AccountConfig,
  fetch: BridgeContext<unknown>["fetch"],
): BridgeContext<unknown> {
  return {
    account: account.name,
    config: account.settings,
    phase: account.phase,
    log: silentLog,
    accept: refuse("accept"),
    report: refuse("report"),
    quarantine: refuse("quarantine"),
    store: refuse("store"),
    open: refuse("open"),
    recall: nothing,
    settled: nothing,
    linked: () => Promise.resolve(false),
    fetch,
    every: () => undefined,
    cursor: { get: nothing, set: refuse("cursor.set") },
    records: {
      get: nothing,
      put: refuse("records.put"),
      remove: refuse("records.remove"),
      list: () => Promise.resolve([]),
    },
    // The real keys hang on the database. Nothing that is made with these ones leaves.
    derive: (purpose) => createHash("sha256").update(`quiet:${account.name}:${purpose}`).digest(),
    audit: refuse("audit"),
  };
}

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const nothing = () => Promise.resolve(undefined);
const refuse = (what: string) => () =>
  Promise.reject(new GatewayError("NOT_ALLOWED", `${what} changes something; a ping must not`));
