import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { openPki, type StoredIdentity } from "../../../fixtures/simulators/pki/index.ts";
import { createLegacySender, type LegacySender } from "../../../fixtures/simulators/zbp/client.ts";
import { startZbpSimulator, type ZbpSimulator } from "../../../fixtures/simulators/zbp/index.ts";
import { findFreePort } from "../../tools/freeport.mjs";
import { startMailSink, type MailSink } from "../mail-sink.ts";
import type { Place, World } from "./world.ts";

/** A mailbox whose owner reads in Matrix, and one whose owner still reads in the BundID mailbox. */
export const CLARA_MAILBOX = "c1a7a000-1111-4222-8333-444455556666";
export const BEN_MAILBOX = "be000000-1111-4222-8333-444455556666";
export const AUTHORITY = "Stadt Beispielhausen";
export const SERVICE = "Bauvoranfrage";
export const ACCOUNT = "beispielhausen";
export const RECEIPT_DOMAIN = "postfach.beispielhausen.example";

export interface BundidOptions {
  /** Has the mailbox system a way to ask whether a letter arrived? Default true. */
  readonly find?: boolean;
  readonly pollEvery?: string;
  /** Merged over the profile of the account. */
  readonly profile?: Readonly<Record<string, unknown>>;
}

/** The BundID mailbox, a legacy authority that writes to it, and that authority's mail server. */
export interface BundidWorld extends World {
  readonly ids: Identities;
  readonly ports: Ports;
  readonly zbp: ZbpSimulator;
  /** The authority's existing application; it talks to the gateway's inlet. */
  readonly legacy: LegacySender;
  readonly mails: MailSink;
}

interface Identities {
  readonly caFile: string;
  /** Server certificate of simulator and inlet. */
  readonly server: StoredIdentity;
  /** The gateway's own mailbox certificate. */
  readonly gateway: StoredIdentity;
  /** The authority's existing specialist application. */
  readonly legacy: StoredIdentity;
}
interface Ports {
  readonly inlet: number;
  /** Where confirmation mails of the mailbox system arrive at the gateway. */
  readonly receipts: number;
  /** Mail server of the legacy authority. */
  readonly mail: number;
}

export async function startBundidWorld(
  place: Place,
  options: BundidOptions = {},
): Promise<BundidWorld> {
  const ids = await makeIdentities(place.dir);
  const ports = {
    inlet: await findFreePort(),
    receipts: await findFreePort(),
    mail: await findFreePort(),
  };
  const zbp = await startZbp(place, options, ids, ports);
  const mails = await startMailSink(ports.mail);
  const legacy = createLegacySender({
    baseUrl: `https://localhost:${ports.inlet}`,
    caPem: readFileSync(ids.caFile, "utf8"),
    identity: ids.legacy,
  });
  writeFileSync(join(place.dir, "zbp.yaml"), stringify(zbpProfile(options)));
  return {
    ...{ ids, ports, zbp, legacy, mails },
    accounts: [accountOf(place, options, ids, ports, zbp.url)],
    async close() {
      legacy.close();
      await Promise.all([zbp.close(), mails.close()]);
    },
  };
}

/** Test certificates in `<dir>/pki`; found again at the next start. */
async function makeIdentities(dir: string): Promise<Identities> {
  const pki = await openPki(join(dir, "pki"));
  const server = await pki.obtain("server", { cn: "localhost", kind: "server" });
  const gateway = await pki.obtain("gateway", { cn: AUTHORITY });
  const legacy = await pki.obtain("fachverfahren", { cn: "Bauamt Beispielhausen Fachverfahren" });
  return { caFile: pki.caFile, server, gateway, legacy };
}

async function startZbp(
  place: Place,
  options: BundidOptions,
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
    stateDir: join(place.dir, "zbp"),
    smtp: { host: "127.0.0.1", port: ports.receipts },
  });
  for (const [uuid, owner] of [
    [BEN_MAILBOX, "Ben Beispiel"],
    [CLARA_MAILBOX, "Clara Muster"],
  ] as const)
    if (!zbp.state.mailbox(uuid)) zbp.createMailbox({ uuid, owner });
  return zbp;
}

function accountOf(
  place: Place,
  options: BundidOptions,
  ids: Identities,
  ports: Ports,
  zbpUrl: string,
) {
  return {
    name: ACCOUNT,
    bridge: "bundid",
    title: AUTHORITY,
    clerks: [`@bauamt:${place.serverName}`],
    links: [{ mailbox: CLARA_MAILBOX, user: `@clara:${place.serverName}` }],
    privateNetworks: ["127.0.0.0/8"],
    settings: {
      profile: "file:zbp.yaml",
      sender: {
        ...senderOf(zbpUrl, ids.caFile, ids.gateway, SERVICE),
        minimumLevel: 1,
        replies: { enabled: true, pollEvery: options.pollEvery ?? "2s" },
      },
      receipts: {
        listen: `127.0.0.1:${ports.receipts}`,
        domain: RECEIPT_DOMAIN,
      },
      inlet: {
        listen: `127.0.0.1:${ports.inlet}`,
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
          server: `127.0.0.1:${ports.mail}`,
          tls: "none",
          from: `postfach@${RECEIPT_DOMAIN}`,
        },
      },
    },
  };
}

/** `sender:` of an account that sends under its own name to the mailbox system at `url`. */
export function senderOf(
  url: string,
  caFile: string,
  { certFile, keyFile, cn: name }: StoredIdentity,
  service: string,
) {
  const certificate = `file:${certFile}`;
  return { url, certificate, key: `file:${keyFile}`, ca: `file:${caFile}`, name, service };
}

/** The published facts know no way to ask for a letter; the simulator offers the proposal, so that it can be shown. */
function zbpProfile(options: BundidOptions) {
  return {
    extends: "zbp-v6",
    find: { enabled: options.find ?? true },
    ...options.profile,
  };
}
