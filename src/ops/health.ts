import type { RunningAccount } from "../bridge/accounts.ts";
import type { Health, Phase } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";
import type { AdminDeps } from "./http.ts";

const PING_MS = 10_000;
/** An answer is good for so long: whoever asks often must not become a load for the database or an old system. */
const READY_AGE_MS = 1_000;
const ACCOUNTS_AGE_MS = 15_000;
const CERTIFICATES_AGE_MS = 3_600_000;

export interface Readiness {
  readonly ready: boolean;
  readonly database: "ok" | "unavailable";
  readonly doorbell: "ok" | "degraded";
  /** Accounts that started, of those that are on. */
  readonly accounts: { readonly on: number; readonly started: number };
}

export interface AccountHealth extends Health {
  readonly name: string;
  readonly bridge: string;
  readonly title: string;
  /** By the plan in force, which the file need not say yet. */
  readonly phase: Phase;
  readonly started: boolean;
}

export interface HealthWatch {
  /** Without names and causes: anybody may ask. */
  readiness(): Promise<Readiness>;
  accounts(): Promise<readonly AccountHealth[]>;
  homeserver(): Promise<Health>;
  /** Puts the ends of all configured certificates into the metrics. */
  noteCertificates(): Promise<void>;
}

export function createHealthWatch(deps: AdminDeps): HealthWatch {
  return {
    readiness: remembered(READY_AGE_MS, () => readReadiness(deps)),
    accounts: remembered(ACCOUNTS_AGE_MS, () => pingAccounts(deps)),
    homeserver: remembered(ACCOUNTS_AGE_MS, () =>
      deps.matrix.ping(AbortSignal.timeout(PING_MS)).catch(asHealth),
    ),
    noteCertificates: remembered(CERTIFICATES_AGE_MS, () => noteCertificates(deps)),
  };
}

/** At most one run at a time and one per `ageMs`; a failure is remembered as well. */
function remembered<T>(ageMs: number, read: () => Promise<T>): () => Promise<T> {
  let last: { at: number; answer: Promise<T> } | undefined;
  return () => {
    const now = performance.now();
    if (!last || now - last.at >= ageMs) last = { at: now, answer: read() };
    return last.answer;
  };
}

/** The database can write and the accounts started. Redis away is degraded, not unready: the sweep still works. */
async function readReadiness(deps: AdminDeps): Promise<Readiness> {
  const [database, doorbell] = await Promise.all([
    deps.storage.store.probe().then(
      () => "ok" as const,
      (error: unknown) => {
        deps.log.error({ error: describeError(error) }, "database-not-writable");
        return "unavailable" as const;
      },
    ),
    deps.doorbell.health(),
  ]);
  const on = deps.accounts.size;
  const started = [...deps.accounts.keys()].filter((name) => deps.started.has(name)).length;
  return {
    ready: database === "ok" && started === on,
    database,
    doorbell: doorbell.ok ? "ok" : "degraded",
    accounts: { on, started },
  };
}

/** Every configured account, those that are off too. */
function pingAccounts(deps: AdminDeps): Promise<readonly AccountHealth[]> {
  return Promise.all(
    deps.config.accounts.map(async ({ name, bridge, title }) => {
      const phase = deps.desk.plans.phaseOf(name);
      const account = deps.accounts.get(name);
      const health = account ? await pingAccount(account) : { ok: true, detail: "off" };
      return { name, bridge, title, phase, started: deps.started.has(name), ...health };
    }),
  );
}

async function pingAccount({ bridge }: RunningAccount): Promise<Health> {
  try {
    return await bridge.ping(AbortSignal.timeout(PING_MS));
  } catch (error) {
    return asHealth(error);
  }
}

function asHealth(error: unknown): Health {
  return { ok: false, detail: describeError(error) };
}

async function noteCertificates(deps: AdminDeps): Promise<void> {
  for (const { config, definition } of deps.accounts.values()) {
    try {
      const found = (await definition.verify?.(config.settings)) ?? [];
      for (const { subject, purpose, notAfter } of found)
        deps.metrics.setCertificateExpiry(config.name, `${purpose}: ${subject}`, notAfter);
    } catch (error) {
      deps.log.warn({ account: config.name, error: describeError(error) }, "certificates-not-read");
    }
  }
}
