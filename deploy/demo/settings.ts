import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";

/** Where the gateway listens for the homeserver and for operators; on 127.0.0.1. */
export interface Ports {
  readonly appservice: number;
  readonly admin: number;
}

export interface StackSettings {
  readonly dir: string;
  readonly serverName: string;
  readonly homeserverUrl: string;
  readonly ports: Ports;
  /** postgres:// and redis:// for several nodes; default: SQLite and memory. */
  readonly postgresUrl?: string;
  readonly redisUrl?: string;
  readonly roomVersion?: "11" | "12";
  readonly sweepEvery?: string;
  readonly firstRetry?: string;
  readonly limits?: Readonly<Record<string, string>>;
  readonly accounts: readonly object[];
  /** `transition:` of the configuration; default: none. */
  readonly transition?: object;
}

export interface WrittenSettings {
  readonly configFile: string;
  readonly registrationFile: string;
  readonly adminToken: string;
}

/** Writes config.yaml and its secrets as an operator would have them. */
export function writeSettings(settings: StackSettings): WrittenSettings {
  const secrets = join(settings.dir, "secrets");
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  const keep = (name: string, value: string) => {
    writeFileSync(join(secrets, name), value, { mode: 0o600 });
    return `file:secrets/${name}`;
  };
  const adminToken = randomBytes(24).toString("hex");
  const config = {
    version: 1,
    data: "./data",
    homeserver: {
      url: settings.homeserverUrl,
      name: settings.serverName,
      roomVersion: settings.roomVersion ?? "11",
      sweepEvery: settings.sweepEvery ?? "5s",
    },
    appservice: {
      listen: `127.0.0.1:${settings.ports.appservice}`,
      url: `http://127.0.0.1:${settings.ports.appservice}`,
      asToken: keep("as-token", randomBytes(32).toString("hex")),
      hsToken: keep("hs-token", randomBytes(32).toString("hex")),
    },
    keys: [{ id: "k1", secret: keep("key", randomBytes(32).toString("base64")) }],
    store: settings.postgresUrl
      ? { kind: "postgres", url: keep("postgres-url", settings.postgresUrl) }
      : { kind: "sqlite" },
    doorbell: settings.redisUrl
      ? { kind: "redis", url: keep("redis-url", settings.redisUrl) }
      : { kind: "memory" },
    delivery: { firstRetry: settings.firstRetry ?? "1s" },
    admin: {
      listen: `127.0.0.1:${settings.ports.admin}`,
      tokens: [{ name: "demo", role: "admin", token: keep("admin-token", adminToken) }],
    },
    ...(settings.limits ? { limits: settings.limits } : {}),
    accounts: settings.accounts,
    ...(settings.transition ? { transition: settings.transition } : {}),
  };
  const configFile = join(settings.dir, "config.yaml");
  writeFileSync(configFile, stringify(config));
  return { configFile, registrationFile: join(settings.dir, "registration.yaml"), adminToken };
}
