import type { AccountConfig } from "../config/schema.ts";
import { createEgress, egressTarget, type Egress } from "../guard/egress.ts";
import { describeError } from "../model/errors.ts";
import type { Bridge, BridgeDefinition, Log } from "./contract.ts";
import { createContext, type ContextDeps } from "./context.ts";

/** One account and the bridge that speaks for it. */
export interface RunningAccount {
  readonly config: AccountConfig;
  readonly definition: BridgeDefinition;
  readonly bridge: Bridge;
  /** Takes nothing new and ends the repeated tasks; letters under way may still be handed over. */
  stop(): Promise<void>;
  /** Cuts what is still under way. */
  close(): Promise<void>;
}

/** Longest silence of a legacy system within one request, milliseconds. */
const SILENCE_MS = 120_000;

export type AccountDeps = Omit<ContextDeps, "fetch">;

/** Builds the bridge of one account with its own way out. Starts nothing. */
export function createAccount(
  deps: AccountDeps,
  config: AccountConfig,
  definition: BridgeDefinition,
): RunningAccount {
  const egress = createAccountEgress(config, definition);
  const { context, stopTasks } = createContext(
    { ...deps, fetch: (_account, url, init) => egress.fetch(url, init) },
    config,
    config.settings,
  );
  const bridge = definition.create(context);
  return {
    config,
    definition,
    bridge,
    async stop() {
      await Promise.all([bridge.stop(), stopTasks()]);
    },
    close: () => egress.close(),
  };
}

export function createAccountEgress(config: AccountConfig, definition: BridgeDefinition): Egress {
  return createEgress({
    allow: definition.remotes(config.settings).map(egressTarget),
    privateNetworks: config.privateNetworks,
    timeoutMs: SILENCE_MS,
  });
}

/** Starts every account; one that cannot start is logged and does not keep the others down. */
export async function startAccounts(
  accounts: Iterable<RunningAccount>,
  log: Log,
): Promise<ReadonlySet<string>> {
  const started = new Set<string>();
  for (const { config, bridge } of accounts) {
    try {
      await bridge.start();
      started.add(config.name);
      log.info({ account: config.name, bridge: config.bridge }, "account-started");
    } catch (error) {
      log.error({ account: config.name, error: describeError(error) }, "account-not-started");
    }
  }
  return started;
}
