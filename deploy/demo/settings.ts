import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { openPki, type StoredIdentity } from "../../fixtures/simulators/pki/index.ts";

/** A mailbox whose owner reads in Matrix, and one whose owner still reads in the BundID mailbox. */
export const CLARA_MAILBOX = "c1a7a000-1111-4222-8333-444455556666";
export const BEN_MAILBOX = "be000000-1111-4222-8333-444455556666";
export const AUTHORITY = "Stadt Beispielhausen";
export const SERVICE = "Bauvoranfrage";
export const ACCOUNT = "beispielhausen";
export const RECEIPT_DOMAIN = "postfach.beispielhausen.example";

/** Addresses of everything that takes part; all on 127.0.0.1. */
export interface Ports {
  readonly appservice: number;
  readonly admin: number;
  readonly inlet: number;
  /** Where confirmation mails of the mailbox system arrive at the gateway. */
  readonly receipts: number;
  /** Mail server of the legacy authority. */
  readonly mail: number;
}

export interface StackSettings {
  readonly dir: string;
  readonly serverName: string;
  readonly homeserverUrl: string;
  readonly zbpUrl: string;
  readonly ports: Ports;
  /** postgres:// and redis:// for several nodes; default: SQLite and memory. */
  readonly postgresUrl?: string;
  readonly redisUrl?: string;
  readonly roomVersion?: "11" | "12";
  /** Has the mailbox system a way to ask whether a letter arrived? Default true. */
  readonly find?: boolean;
  readonly pollEvery?: string;
  readonly sweepEvery?: string;
  readonly firstRetry?: string;
  readonly limits?: Readonly<Record<string, string>>;
  /** Merged over `settings` of the account. */
  readonly profile?: Readonly<Record<string, unknown>>;
}

export interface Identities {
  readonly caFile: string;
  /** Server certificate of simulator and inlet. */
  readonly server: StoredIdentity;
  /** The gateway's own mailbox certificate. */
  readonly gateway: StoredIdentity;
  /** The authority's existing specialist application. */
  readonly legacy: StoredIdentity;
}

/** Test certificates in `<dir>/pki`; found again at the next start. */
export async function makeIdentities(dir: string): Promise<Identities> {
  const pki = await openPki(join(dir, "pki"));
  const server = await pki.obtain("server", { cn: "localhost", kind: "server" });
  const gateway = await pki.obtain("gateway", { cn: AUTHORITY });
  const legacy = await pki.obtain("fachverfahren", { cn: "Bauamt Beispielhausen Fachverfahren" });
  return { caFile: pki.caFile, server, gateway, legacy };
}

export interface WrittenSettings {
  readonly configFile: string;
  readonly registrationFile: string;
  readonly adminToken: string;
}

/** Writes config.yaml, its secrets and the profile as an operator would have them. */
export function writeSettings(settings: StackSettings, ids: Identities): WrittenSettings {
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
    accounts: [bundidAccount(settings, ids)],
  };
  writeFileSync(join(settings.dir, "zbp.yaml"), stringify(zbpProfile(settings)));
  const configFile = join(settings.dir, "config.yaml");
  writeFileSync(configFile, stringify(config));
  return { configFile, registrationFile: join(settings.dir, "registration.yaml"), adminToken };
}

function bundidAccount(settings: StackSettings, ids: Identities) {
  return {
    name: ACCOUNT,
    bridge: "bundid",
    title: AUTHORITY,
    clerks: [`@bauamt:${settings.serverName}`],
    links: [{ mailbox: CLARA_MAILBOX, user: `@clara:${settings.serverName}` }],
    privateNetworks: ["127.0.0.0/8"],
    settings: {
      profile: "file:zbp.yaml",
      sender: {
        url: settings.zbpUrl,
        certificate: `file:${ids.gateway.certFile}`,
        key: `file:${ids.gateway.keyFile}`,
        ca: `file:${ids.caFile}`,
        name: AUTHORITY,
        service: SERVICE,
        minimumLevel: 1,
        replies: { enabled: true, pollEvery: settings.pollEvery ?? "2s" },
      },
      receipts: {
        listen: `127.0.0.1:${settings.ports.receipts}`,
        domain: RECEIPT_DOMAIN,
      },
      inlet: {
        listen: `127.0.0.1:${settings.ports.inlet}`,
        tls: { certificate: `file:${ids.server.certFile}`, key: `file:${ids.server.keyFile}` },
        senders: [
          {
            name: "fachverfahren",
            certificate: `file:${ids.legacy.certFile}`,
            unlinked: "forward",
            replies: "pull",
          },
        ],
        mail: {
          server: `127.0.0.1:${settings.ports.mail}`,
          tls: "none",
          from: `postfach@${RECEIPT_DOMAIN}`,
        },
      },
    },
  };
}

/** The published facts know no way to ask for a letter; the simulator offers the proposal, so that it can be shown. */
function zbpProfile(settings: StackSettings) {
  return {
    extends: "zbp-v6",
    find: { enabled: settings.find ?? true },
    ...settings.profile,
  };
}
