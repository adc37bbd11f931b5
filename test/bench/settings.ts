import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { WrittenSettings } from "../../deploy/demo/settings.ts";
import { findFreePort } from "../../deploy/tools/freeport.mjs";

export const ACCOUNT = "bench";

/** Somebody who reads one mailbox in Matrix. */
export interface PersonPlan {
  readonly name: string;
  readonly mailbox: string;
}

export interface SettingsPlan {
  readonly dir: string;
  readonly serverName: string;
  readonly homeserverUrl: string;
  readonly sinkUrl: string;
  readonly people: readonly PersonPlan[];
  /** Default: as an operator gets it. */
  readonly sweepEvery?: string;
}

export interface BenchSettings extends WrittenSettings {
  readonly asToken: string;
  readonly hsToken: string;
  readonly appserviceUrl: string;
  readonly adminPort: number;
  readonly doorUrl: string;
}

/**
 * Everything that an operator need not set stays at its default: SQLite with full fsync, 16 lanes at once, log level
 * info. Writes the configuration and its secrets into `dir`.
 */
export async function writeBenchSettings(plan: SettingsPlan): Promise<BenchSettings> {
  const secrets = join(plan.dir, "secrets");
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  const keep = (name: string, value: string) => {
    writeFileSync(join(secrets, name), value, { mode: 0o600 });
    return `file:secrets/${name}`;
  };
  const [appservice, adminPort, door] = await findPorts();
  const [asToken, hsToken, adminToken] = [randomToken(), randomToken(), randomToken()];
  const appserviceUrl = `http://127.0.0.1:${appservice}`;
  const config = {
    version: 1,
    data: "./data",
    homeserver: {
      url: plan.homeserverUrl,
      name: plan.serverName,
      ...(plan.sweepEvery === undefined ? {} : { sweepEvery: plan.sweepEvery }),
    },
    appservice: {
      listen: `127.0.0.1:${appservice}`,
      url: appserviceUrl,
      asToken: keep("as-token", asToken),
      hsToken: keep("hs-token", hsToken),
    },
    keys: [{ id: "k1", secret: keep("key", randomBytes(32).toString("base64")) }],
    admin: {
      listen: `127.0.0.1:${adminPort}`,
      tokens: [{ name: "bench", role: "admin", token: keep("admin-token", adminToken) }],
    },
    accounts: [benchAccount(plan, door)],
  };
  const configFile = join(plan.dir, "config.yaml");
  writeFileSync(configFile, stringify(config));
  const registrationFile = join(plan.dir, "registration.yaml");
  const doorUrl = `http://127.0.0.1:${door}`;
  const written = { configFile, registrationFile, adminToken };
  return { ...written, asToken, hsToken, appserviceUrl, adminPort, doorUrl };
}

function benchAccount({ people, serverName, sinkUrl }: SettingsPlan, door: number) {
  return {
    name: ACCOUNT,
    bridge: new URL("./bridge/index.ts", import.meta.url).href,
    title: "Musteramt",
    links: people.map(({ name, mailbox }) => ({ mailbox, user: `@${name}:${serverName}` })),
    privateNetworks: ["127.0.0.0/8"],
    settings: { listen: `127.0.0.1:${door}`, sink: sinkUrl },
  };
}

async function findPorts(): Promise<[number, number, number]> {
  return [await findFreePort(), await findFreePort(), await findFreePort()];
}

function randomToken(): string {
  return randomBytes(32).toString("hex");
}
