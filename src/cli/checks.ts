import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { Redis } from "ioredis";
import type { CertificateHealth, Health } from "../bridge/contract.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { AccountConfig, CoreConfig } from "../config/schema.ts";
import { createClient } from "../matrix/client.ts";
import { createHttp } from "../matrix/http.ts";
import { checkHealth } from "../matrix/liveness.ts";
import { createNames } from "../matrix/names.ts";
import { describeError, ERRORS, GatewayError } from "../model/errors.ts";
import { isRunning } from "../ops/admin-client.ts";
import { schemaState } from "./database.ts";
import { pingQuietly } from "./quiet-context.ts";

/** One line of the table of `check` and `ping`. `warn`: works now, needs attention. */
export interface CheckLine {
  readonly name: string;
  readonly result: "ok" | "warn" | "fail";
  readonly detail: string;
  /** What to do; empty when all is well. */
  readonly remedy: string;
}

const PING_MS = 15_000;
const REDIS_MS = 5_000;
const DAY_MS = 86_400_000;
/** From here on a certificate is pointed out: ordering a new one takes weeks. */
const EXPIRY_WARNING_DAYS = 30;

const ok = (name: string, detail: string): CheckLine => ({
  name,
  result: "ok",
  detail,
  remedy: "",
});
const warn = (name: string, detail: string, remedy: string): CheckLine => ({
  name,
  result: "warn",
  detail,
  remedy,
});
const fail = (name: string, detail: string, remedy: string): CheckLine => ({
  name,
  result: "fail",
  detail,
  remedy,
});
const failed = (name: string, error: unknown, remedy?: string): CheckLine => {
  const known = error instanceof GatewayError ? ERRORS[error.code].next : undefined;
  return fail(name, describeError(error), remedy ?? known ?? "see the detail");
};

/** Everything after the configuration itself. Reads and asks only; nothing is created, migrated, sent or started. */
export async function checkAll(loaded: LoadedConfig, now: Date): Promise<readonly CheckLine[]> {
  const { config } = loaded;
  const running = await isRunning(config);
  const groups = await Promise.all([
    checkDatabase(config),
    checkDoorbell(config),
    checkHomeserver(config, running),
    ...config.accounts.map((account) => checkAccount(loaded, account, now)),
  ]);
  return [...checkDataFolder(config), ...groups.flat()];
}

function checkDataFolder({ data }: CoreConfig): CheckLine[] {
  const name = "data folder";
  let nearest = data;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.R_OK | constants.W_OK | constants.X_OK);
    return [ok(name, nearest === data ? data : `${data} will be created`)];
  } catch (error) {
    return [failed(name, error, `give this user read and write access to ${nearest}`)];
  }
}

async function checkDatabase(config: CoreConfig): Promise<CheckLine[]> {
  const name = `database (${config.store.kind})`;
  try {
    const { found, known } = await schemaState(config);
    if (found === 0) return [ok(name, "will be created by `run`")];
    if (found < known) return [ok(name, `schema ${found}; \`run\` will migrate it to ${known}`)];
    return [ok(name, `schema ${found}`)];
  } catch (error) {
    return [failed(name, error)];
  }
}

/** Asks with its own short connection: BullMQ would create its keys. */
async function checkDoorbell({ doorbell }: CoreConfig): Promise<CheckLine[]> {
  if (doorbell.kind === "memory") return [];
  const name = "doorbell (redis)";
  const redis = new Redis(doorbell.url.reveal(), {
    lazyConnect: true,
    connectTimeout: REDIS_MS,
    commandTimeout: REDIS_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let cause: Error | undefined;
  redis.on("error", (error: Error) => (cause = error));
  try {
    await redis.connect();
    const info = await redis.info("memory");
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? "unknown";
    if (policy === "noeviction") return [ok(name, "maxmemory-policy noeviction")];
    return [fail(name, `maxmemory-policy is ${policy}`, ERRORS.DOORBELL_REFUSED.next)];
  } catch (error) {
    const remedy = "start Redis, or correct doorbell.url; letters wait for the sweep meanwhile";
    return [failed(name, cause ?? error, remedy)];
  } finally {
    redis.disconnect();
  }
}

/**
 * Reaches the homeserver, shows our token, and, while the gateway runs, lets the homeserver ping it back: nobody else
 * could answer that.
 */
export async function checkHomeserver(config: CoreConfig, running: boolean): Promise<CheckLine[]> {
  const { homeserver, appservice } = config;
  const http = createHttp({
    url: homeserver.url,
    requestTimeout: Math.min(homeserver.requestTimeout, PING_MS),
    log: { debug() {}, info() {}, warn() {}, error() {} },
    token: () => appservice.asToken.reveal(),
    count: () => undefined,
  });
  try {
    const deps = {
      client: createClient(http),
      names: createNames(appservice.prefix, homeserver.name),
      log: { debug() {}, info() {}, warn() {}, error() {} },
      appserviceId: appservice.id,
      appserviceUrl: appservice.url,
    };
    const health = await checkHealth(deps, running, AbortSignal.timeout(PING_MS));
    const remedy =
      "check homeserver.url; write the registration with `registration`, name it in the homeserver's configuration and restart that";
    if (!health.ok) return [fail("homeserver", health.detail ?? "", remedy)];
    const back = running ? "" : "; the way back can be tried only while `run` runs";
    return [ok("homeserver", `${health.detail ?? "reached"}${back}`)];
  } finally {
    await http.close();
  }
}

async function checkAccount(
  loaded: LoadedConfig,
  account: AccountConfig,
  now: Date,
): Promise<CheckLine[]> {
  const name = `account ${account.name}`;
  const definition = loaded.definitions.get(account.bridge);
  if (!definition) return [fail(name, `bridge ${account.bridge} is missing`, "install it")];
  if (account.phase === "off") return [ok(name, "is off")];
  let certificates: CheckLine[];
  try {
    const found = (await definition.verify?.(account.settings)) ?? [];
    certificates = found.map((certificate) => judgeCertificate(name, certificate, now));
  } catch (error) {
    return [failed(`${name}: keys`, error)];
  }
  return [...certificates, await pingAccount(loaded, account)];
}

export async function pingAccount(
  { definitions }: LoadedConfig,
  account: AccountConfig,
): Promise<CheckLine> {
  const name = `account ${account.name}: ${account.bridge}`;
  const definition = definitions.get(account.bridge);
  if (!definition) return fail(name, `bridge ${account.bridge} is missing`, "install it");
  try {
    return judgeHealth(name, await pingQuietly(account, definition, AbortSignal.timeout(PING_MS)));
  } catch (error) {
    return failed(name, error);
  }
}

function judgeHealth(name: string, { ok: isOk, detail = "" }: Health): CheckLine {
  if (isOk) return ok(name, detail === "" ? "answers" : detail);
  return fail(
    name,
    detail,
    ERRORS.REMOTE_UNAVAILABLE.meaning + ": check its URL and our certificate",
  );
}

export function judgeCertificate(
  account: string,
  { subject, purpose, notAfter }: CertificateHealth,
  now: Date,
): CheckLine {
  const name = `${account}: ${purpose}`;
  const until = notAfter.toISOString().slice(0, 10);
  const days = Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS);
  if (days < 0)
    return fail(name, `${subject}, ended on ${until}`, "put the new certificate in place");
  const detail = `${subject}, until ${until} (${days} days)`;
  return days < EXPIRY_WARNING_DAYS
    ? warn(name, detail, "order a new certificate now")
    : ok(name, detail);
}
