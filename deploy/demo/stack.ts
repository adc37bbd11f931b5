import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLegacySender, type LegacySender } from "../../fixtures/simulators/zbp/client.ts";
import { startZbpSimulator, type ZbpSimulator } from "../../fixtures/simulators/zbp/index.ts";
import { findFreePort } from "../tools/freeport.mjs";
import {
  launchGateway,
  startGatewayProcess,
  writeRegistration,
  type GatewayProcess,
} from "./gateway.ts";
import { startAnyHomeserver, type HomeserverKind, type RunningHomeserver } from "./homeserver.ts";
import { startMailSink, type MailSink } from "./mail-sink.ts";
import { Reader } from "./reader.ts";
import {
  BEN_MAILBOX,
  CLARA_MAILBOX,
  makeIdentities,
  writeSettings,
  type Identities,
  type Ports,
  type StackSettings,
  type WrittenSettings,
} from "./settings.ts";

export const PASSWORD = "demo-passwort";
const SERVER_NAME = "demo.localhost";

export interface StackOptions extends Omit<
  StackSettings,
  "dir" | "serverName" | "homeserverUrl" | "zbpUrl" | "ports"
> {
  readonly dir: string;
  readonly homeserver: HomeserverKind;
}

/** Everything that a journey needs: homeserver, gateway, mailbox system, legacy authority, and three people. */
export interface Stack {
  readonly dir: string;
  readonly ports: Ports;
  readonly ids: Identities;
  readonly written: WrittenSettings;
  readonly homeserver: RunningHomeserver;
  readonly zbp: ZbpSimulator;
  /** The authority's existing application; it talks to the gateway's inlet. */
  readonly legacy: LegacySender;
  readonly mails: MailSink;
  /** Reads her mailbox in Matrix. */
  readonly clara: Reader;
  /** Writes for the authority in Matrix. */
  readonly bauamt: Reader;
  /** Starts the gateway and waits until it is ready. */
  startGateway(env?: Readonly<Record<string, string>>): Promise<GatewayProcess>;
  /** Starts the gateway armed to die; does not wait. */
  launchGateway(env: Readonly<Record<string, string>>): GatewayProcess;
  close(): Promise<void>;
}

/** Starts all but the gateway. Everything listens on 127.0.0.1 and keeps its data in `dir`. */
export async function startStack(options: StackOptions): Promise<Stack> {
  mkdirSync(options.dir, { recursive: true });
  const { dir } = options;
  const ids = await makeIdentities(dir);
  const ports = await findPorts();
  const homeserverPort = await findFreePort();
  const zbp = await startZbp(options, ids, ports);
  const homeserverUrl = `http://127.0.0.1:${homeserverPort}`;
  const places = { serverName: SERVER_NAME, homeserverUrl, zbpUrl: zbp.url, ports };
  const written = writeSettings({ ...options, ...places }, ids);
  await writeRegistration(written);
  const homeserver = await startAnyHomeserver({
    ...{ kind: options.homeserver, dir, port: homeserverPort, serverName: SERVER_NAME },
    registrationFile: written.registrationFile,
  });
  const mails = await startMailSink(ports.mail);
  const clara = new Reader(await homeserver.register("clara", PASSWORD));
  const bauamt = new Reader(await homeserver.register("bauamt", PASSWORD));
  const legacy = createLegacySender({
    baseUrl: `https://localhost:${ports.inlet}`,
    caPem: readFileSync(ids.caFile, "utf8"),
    identity: ids.legacy,
  });
  const gatewayOptions = { written, dir, adminPort: ports.admin };
  const started: GatewayProcess[] = [];
  const remember = (gateway: GatewayProcess) => {
    started.push(gateway);
    return gateway;
  };
  return {
    ...{ dir, ports, ids, written, homeserver, zbp, legacy, mails, clara, bauamt },
    startGateway: async (env) =>
      remember(await startGatewayProcess({ ...gatewayOptions, ...(env ? { env } : {}) })),
    launchGateway: (env) => remember(launchGateway({ ...gatewayOptions, env })),
    async close() {
      legacy.close();
      for (const gateway of started) await gateway.stop();
      await Promise.all([homeserver.stop(), zbp.close(), mails.close()]);
    },
  };
}

async function startZbp(
  options: StackOptions,
  ids: Identities,
  ports: Ports,
): Promise<ZbpSimulator> {
  const zbp = await startZbpSimulator({
    server: ids.server,
    trustedCas: [readFileSync(ids.caFile, "utf8")],
    clients: [
      { certPem: ids.gateway.certPem, role: "relay" },
      { certPem: ids.legacy.certPem, role: "sender" },
    ],
    features: { find: options.find ?? true },
    stateDir: join(options.dir, "zbp"),
    smtp: { host: "127.0.0.1", port: ports.receipts },
  });
  for (const [uuid, owner] of [
    [BEN_MAILBOX, "Ben Beispiel"],
    [CLARA_MAILBOX, "Clara Muster"],
  ] as const)
    if (!zbp.state.mailbox(uuid)) zbp.createMailbox({ uuid, owner });
  return zbp;
}

async function findPorts(): Promise<Ports> {
  return {
    appservice: await findFreePort(),
    admin: await findFreePort(),
    inlet: await findFreePort(),
    receipts: await findFreePort(),
    mail: await findFreePort(),
  };
}
