import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPki, type StoredPki } from "../../../fixtures/simulators/pki/index.ts";
import { createLegacySender, type LegacySender } from "../../../fixtures/simulators/zbp/client.ts";
import { findFreePort } from "../../tools/freeport.mjs";
import { startMailSink, type MailSink } from "../mail-sink.ts";
import { senderOf, type BundidWorld } from "./bundid.ts";
import type { Place, World } from "./world.ts";

/**
 * An authority of a Land that is about to move: its application sends through the gateway's inlet, its citizens read in
 * the BundID mailbox. Four of them are the pilot; two of those four have a Matrix account.
 */
export const PILOT_ACCOUNT = "wohngeld-nw";
export const PILOT_AUTHORITY = "Wohngeldstelle Musterhausen (NW)";
export const PILOT_SERVICE = "Wohngeld";
export const PILOT_COHORT = "pilot";
/** Name of the file that lists the mailboxes of the pilot, beside config.yaml. */
export const PILOT_LIST = "pilot-nw.txt";
const MAIL_DOMAIN = "postfach.musterhausen.example";

export interface Citizen {
  readonly name: string;
  readonly mailbox: string;
  /** Has a Matrix account of this name, linked to the mailbox. */
  readonly inMatrix: boolean;
  readonly inPilot: boolean;
}
const citizen = (n: number, name: string, inMatrix: boolean, inPilot: boolean): Citizen => ({
  ...{ name, inMatrix, inPilot },
  mailbox: `ab00000${n}-1111-4222-8333-444455556666`,
});
export const CITIZENS: readonly Citizen[] = [
  citizen(1, "anna", true, true),
  citizen(2, "bruno", true, true),
  citizen(3, "carla", false, true),
  citizen(4, "dieter", false, true),
  citizen(5, "emil", true, false),
];

export interface PilotWorld extends World {
  /** `transition:` of the configuration, as it is before the first step. */
  readonly transition: object;
  /** The authority's existing application; it talks to the gateway's inlet. */
  readonly legacy: LegacySender;
  readonly mails: MailSink;
}

/** Uses the BundID mailbox that is there; registers the citizens and both certificates with it. */
export async function startPilotWorld(place: Place, { zbp }: BundidWorld): Promise<PilotWorld> {
  const pki = await openPki(join(place.dir, "pki"));
  const gateway = await pki.obtain("pilot-gateway", { cn: PILOT_AUTHORITY });
  const sender = await obtainSender(pki);
  zbp.register(gateway.certPem, "relay");
  zbp.register(sender.certPem, "sender");
  for (const { mailbox, name } of CITIZENS)
    if (!zbp.state.mailbox(mailbox)) zbp.createMailbox({ uuid: mailbox, owner: name });
  const ports = { inlet: await findFreePort(), mail: await findFreePort() };
  const mails = await startMailSink(ports.mail);
  const server = await pki.obtain("server", { cn: "localhost", kind: "server" });
  const legacy = await openPilotSender(place.dir, ports.inlet);
  writeFileSync(join(place.dir, PILOT_LIST), pilotList());
  const linked = CITIZENS.filter(({ inMatrix }) => inMatrix);
  return {
    ...{ legacy, mails, transition: transition() },
    accounts: [
      {
        ...{ name: PILOT_ACCOUNT, bridge: "bundid", title: PILOT_AUTHORITY, phase: "observe" },
        ...{ land: "NW", participant: "NW", service: PILOT_SERVICE },
        links: linked.map(({ mailbox, name }) => ({
          mailbox,
          user: `@${name}:${place.serverName}`,
        })),
        privateNetworks: ["127.0.0.0/8"],
        settings: {
          profile: "file:zbp.yaml",
          sender: senderOf(zbp.url, pki.caFile, gateway, PILOT_SERVICE),
          inlet: {
            listen: `127.0.0.1:${ports.inlet}`,
            tls: { certificate: `file:${server.certFile}`, key: `file:${server.keyFile}` },
            senders: [
              {
                ...{ name: "wohngeldverfahren", certificate: `file:${sender.certFile}` },
                ...{ unlinked: "forward", replies: "pull" },
              },
            ],
            mail: {
              ...{ server: `127.0.0.1:${ports.mail}`, tls: "none" },
              from: `postfach@${MAIL_DOMAIN}`,
            },
          },
        },
      },
    ],
    async close() {
      legacy.close();
      await mails.close();
    },
  };
}

/** The authority's application, with the certificate kept in `<dir>/pki`. */
export async function openPilotSender(dir: string, inletPort: number): Promise<LegacySender> {
  const pki = await openPki(join(dir, "pki"));
  return createLegacySender({
    baseUrl: `https://localhost:${inletPort}`,
    caPem: readFileSync(pki.caFile, "utf8"),
    identity: await obtainSender(pki),
  });
}

function obtainSender(pki: StoredPki) {
  return pki.obtain("pilot-sender", { cn: "Wohngeldverfahren Musterhausen" });
}

function pilotList(): string {
  const pilots = CITIZENS.filter(({ inPilot }) => inPilot);
  const lines = pilots.map(({ mailbox, name }) => `${mailbox}  # ${name}`);
  return ["# Postfächer der Pilotgruppe", ...lines, ""].join("\n");
}

function transition(): object {
  const progress = { account: "production", mailbox: "production" };
  return {
    participants: [{ code: "NW", agreement: "va", ...progress }],
    cohorts: [
      {
        name: PILOT_COHORT,
        phase: "observe",
        accounts: [PILOT_ACCOUNT],
        mailboxes: `file:${PILOT_LIST}`,
      },
    ],
  };
}
