import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import {
  startFinkMetadata,
  type FinkMetadata,
} from "../../../fixtures/simulators/fink-metadata/index.ts";
import { openPki } from "../../../fixtures/simulators/pki/index.ts";
import {
  createLegacyAuthority,
  startPostkorb,
  type LegacyAuthority,
  type PostkorbSimulator,
} from "../../../fixtures/simulators/postkorb/index.ts";
import { findFreePort } from "../../tools/freeport.mjs";
import { projectRoot } from "../../tools/paths.mjs";
import type { Place, World } from "./world.ts";

export const NODE_ACCOUNT = "servicekonto-nw";
export const NODE = "Servicekonto Nordrhein-Westfalen";
export const NW_ENTITY = "https://servicekonto.nrw.example/idp";
export const TH_ENTITY = "https://servicekonto.thueringen.example/idp";
/** Her account is in Nordrhein-Westfalen, she reads in Matrix. */
export const NORA_MAILBOX = "a0a0a000-1111-4222-8333-444455556666";
/** Where the authority in Thüringen takes answers. */
export const AUTHORITY_MAILBOX = "b0b0b000-1111-4222-8333-444455556666";
export const TH_AUTHORITY = "Landratsamt Ilm-Kreis";
const SNAPSHOT = "2026-11-01";

/** A federation of two accounts: the gateway is the mailbox node of one, a node of the old platform serves the other. */
export interface FinkWorld extends World {
  readonly metadata: FinkMetadata;
  /** The mailbox node in Thüringen, with the authority's own mailbox. */
  readonly node: PostkorbSimulator;
  /** The authority's existing software. */
  readonly authority: LegacyAuthority;
  /** Address of the authority's mailbox as seen from the gateway. */
  readonly authorityAddress: string;
}

export async function startFinkWorld(place: Place): Promise<FinkWorld> {
  const pki = await openPki(join(place.dir, "pki"));
  const caPem = readFileSync(pki.caFile, "utf8");
  const server = await pki.obtain("fink-server", { cn: "127.0.0.1", kind: "server" });
  const signer = await pki.obtain("fink-federation", { cn: "FINK Metadaten Vorführung" });
  const stranger = await pki.obtain("fink-stranger", { cn: "Unbekannt" });
  const gateway = await pki.obtain("fink-gateway", { cn: NODE });
  const bauamt = await pki.obtain("fink-bauamt", { cn: `${TH_AUTHORITY}, Bauaufsicht` });
  const port = await findFreePort();
  const node = await startPostkorb({
    server,
    trustedCas: [caPem],
    mailboxes: [AUTHORITY_MAILBOX],
  });
  const metadata = await startFinkMetadata({ server, signer, stranger });
  const endpointOfGateway = `https://127.0.0.1:${port}`;
  metadata.put({
    ...{ entityId: NW_ENTITY, name: NODE, keys: [{ certPem: server.certPem }] },
    mailbox: { endpoint: endpointOfGateway, land: "NW", profile: "bsp-soap" },
  });
  metadata.put({
    ...{ entityId: TH_ENTITY, name: "Servicekonto Thüringen" },
    keys: [{ certPem: server.certPem }],
    mailbox: { endpoint: node.url, land: "TH", profile: "bsp-soap" },
  });
  metadata.publish();
  const authority = createLegacyAuthority({ origin: endpointOfGateway, caPem, identity: bauamt });
  const certificate = (file: string) => `file:${file}`;
  const settings = {
    federation: {
      name: "vorfuehrung",
      stage: "production",
      metadata: {
        url: metadata.url,
        pins: [certificate(signer.certFile)],
        ca: certificate(pki.caFile),
      },
      nodes: [endpointOfGateway, new URL(node.url).origin],
    },
    participants: { snapshot: SNAPSHOT, list: participants() },
    authority: { name: NODE, service: "Bürgerpost" },
    soap: { certificate: certificate(gateway.certFile), key: certificate(gateway.keyFile) },
    server: {
      listen: `127.0.0.1:${port}`,
      tls: { certificate: certificate(server.certFile), key: certificate(server.keyFile) },
      senders: [
        { name: "bauaufsicht", certificate: certificate(bauamt.certFile), entityId: TH_ENTITY },
      ],
    },
  };
  return {
    ...{ metadata, node, authority, authorityAddress: `${TH_ENTITY}|${AUTHORITY_MAILBOX}` },
    accounts: [
      {
        name: NODE_ACCOUNT,
        bridge: "fink",
        title: NODE,
        links: [{ mailbox: NORA_MAILBOX, user: `@nora:${place.serverName}` }],
        privateNetworks: ["127.0.0.0/8"],
        settings,
      },
    ],
    async close() {
      await Promise.all([node.close(), metadata.close()]);
    },
  };
}

/** The whole country as the report knows it, with two participants in production. */
function participants(): readonly object[] {
  const file = join(projectRoot, "fixtures", "fink", "participants.yaml");
  const { list } = parse(readFileSync(file, "utf8")) as { list: { code: string }[] };
  const live: Readonly<Record<string, string>> = { NW: NW_ENTITY, TH: TH_ENTITY };
  return list.map((one) => {
    const entityId = live[one.code];
    if (entityId === undefined) return one;
    return {
      code: one.code,
      agreement: "va",
      account: { state: "production", since: "2020-07-01", entityIds: [entityId] },
      mailbox: { state: "production", since: "2021-06-30", adapter: "bsp-soap" },
    };
  });
}
