import { X509Certificate } from "node:crypto";
import {
  signMetadata,
  startFinkMetadata,
  writeFederation,
  type EntityDraft,
  type FederationDraft,
  type FinkMetadata,
  type SignOptions,
} from "../../../fixtures/simulators/fink-metadata/index.ts";
import { createPki, type Identity, type Pki } from "../../../fixtures/simulators/pki/index.ts";
import {
  federationSettings,
  participantsSettings,
  type FederationConfig,
} from "../../../bridges/fink/federation/index.ts";
import { BUILT_IN_NAMES } from "../../../bridges/fink/federation/profile.ts";
import { readMetadata, type Metadata } from "../../../bridges/fink/federation/metadata.ts";
import { SettingsFile } from "../../../src/bridge/settings.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export const NOW = new Date();
export const TH = "https://idp.th.example/saml";
export const NW = "https://idp.nw.example/saml";
export const DAY_MS = 86_400_000;

/** Everybody who takes part in a test: the administration, its next key, a stranger, and a mailbox node. */
export interface People {
  readonly pki: Pki;
  readonly office: Identity;
  readonly nextOffice: Identity;
  readonly stranger: Identity;
  readonly node: Identity;
  readonly nextNode: Identity;
  readonly server: Identity;
}

export async function makePeople(): Promise<People> {
  const pki = await createPki();
  const [office, nextOffice, stranger, node, nextNode, server] = await Promise.all([
    pki.issue({ cn: "Föderationsverwaltung" }),
    pki.issue({ cn: "Föderationsverwaltung neu" }),
    pki.issue({ cn: "Fremde" }),
    pki.issue({ cn: "as4.th.example" }),
    pki.issue({ cn: "as4.th.example neu" }),
    pki.issue({ cn: "127.0.0.1", kind: "server" }),
  ]);
  return { pki, office, nextOffice, stranger, node, nextNode, server };
}

/** An entity with a mailbox node, as TH would publish it. */
export function entityOf(
  people: Pick<People, "node">,
  more: Partial<EntityDraft> = {},
): EntityDraft {
  return {
    entityId: TH,
    name: "Thüringen",
    keys: [
      { use: "signing", certPem: people.node.certPem },
      { use: "encryption", certPem: people.node.certPem },
    ],
    mailbox: { endpoint: "https://as4.th.example/msh", land: "TH", partyId: "th", maxLevel: 4 },
    ...more,
  };
}

export function signed(
  people: People,
  entities: readonly EntityDraft[],
  options: SignOptions & Partial<FederationDraft> & { readonly by?: Identity } = {},
): string {
  const { id = "_federation", name = "urn:example:federation", by = people.office } = options;
  const validUntil = options.validUntil ?? new Date(NOW.getTime() + 7 * DAY_MS);
  return signMetadata(writeFederation({ id, name, validUntil, entities }), by, options);
}

export function read(
  people: Pick<People, "office">,
  text: string | Buffer,
  { now = NOW, pins = [people.office] }: { now?: Date; pins?: readonly Identity[] } = {},
): Promise<Metadata> {
  const certificates = pins.map(({ certPem }) => new X509Certificate(certPem));
  return readMetadata(Buffer.from(text), { pins: certificates, now, profile: BUILT_IN_NAMES });
}

/** A folder of the calling test, and settings as the loader would have made them. */
export class Folder {
  readonly path = mkdtempSync(path.join(tmpdir(), "pfb-federation-"));
  write(name: string, content: string | Buffer): string {
    const file = path.join(this.path, name);
    writeFileSync(file, content);
    return file;
  }
  pem(name: string, ...identities: readonly { readonly certPem: string }[]): string {
    return `file:${this.write(name, identities.map(({ certPem }) => certPem).join(""))}`;
  }
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const live = { state: "production", since: "2020-07-01" };
export const PARTICIPANTS = {
  snapshot: "2026-11-01",
  list: [
    {
      code: "TH",
      agreement: "va",
      account: { ...live, entityIds: [TH] },
      mailbox: { ...live, adapter: "as4-pfisk" },
    },
    {
      code: "NW",
      agreement: "loi",
      account: { ...live, entityIds: [NW] },
      mailbox: { ...live, adapter: "as4-pfisk" },
    },
  ],
};

/** Settings of both sections; files are loaded. Throws what the schema says. */
export function settingsOf(
  federation: Record<string, unknown>,
  participants: unknown = PARTICIPANTS,
): FederationConfig {
  const parsed = {
    federation: federationSettings.parse({
      name: "production",
      stage: "production",
      ...federation,
    }),
    participants: participantsSettings.parse(participants),
  };
  loadFiles(parsed);
  return parsed;
}

function loadFiles(value: unknown): void {
  if (value instanceof SettingsFile) return value.load("/");
  if (typeof value !== "object" || value === null) return;
  for (const below of Object.values(value)) loadFiles(below);
}

export function startOffice(people: People, now?: () => Date): Promise<FinkMetadata> {
  const { server, office: signer, stranger } = people;
  return startFinkMetadata({ server, signer, stranger, ...(now === undefined ? {} : { now }) });
}
