/** An OSCI account, an intermediary with its mailbox and that of a court; nothing but 127.0.0.1. */
import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { OsciBridge } from "../../../bridges/osci/bridge.ts";
import type { Parts } from "../../../bridges/osci/parts.ts";
import { settingsSchema, type Settings } from "../../../bridges/osci/settings.ts";
import { bufferSource, type Source } from "../../../fixtures/simulators/osci-intermediary/bytes.ts";
import { OsciClient } from "../../../fixtures/simulators/osci-intermediary/client.ts";
import type { StoreWish } from "../../../fixtures/simulators/osci-intermediary/client.ts";
import { packContent } from "../../../fixtures/simulators/osci-intermediary/content.ts";
import type { ContainerDraft } from "../../../fixtures/simulators/osci-intermediary/content.ts";
import {
  makeAuthority,
  makeMailbox,
  makeVhn,
  packPkcs12,
  startIntermediary,
} from "../../../fixtures/simulators/osci-intermediary/index.ts";
import type {
  Authority,
  Intermediary,
  IntermediaryOptions,
  KeyPem,
} from "../../../fixtures/simulators/osci-intermediary/index.ts";
import type { Message } from "../../../src/model/message.ts";
import { testContext } from "../../support/bridge-context.ts";
import type { TestContext, TestContextOptions } from "../../support/bridge-context.ts";
import { newId } from "../../../src/model/id.ts";
import { attach, letterFromMatrix } from "../../support/bridge-letters.ts";
import { loadSettings } from "../../support/settings.ts";

export const OUR_ID = "DE.Justiz.11111111-2222-4333-8444-555555555555.abcd";
export const COURT_ID = "DE.Justiz.99999999-2222-4333-8444-555555555555.beef";
export const STRANGER_ID = "DE.Justiz.77777777-2222-4333-8444-555555555555.cafe";
export const PIN = "123456";

export interface Person {
  readonly safeId: string;
  readonly name: string;
  readonly cipher: KeyPem;
  readonly vhn: KeyPem;
}
export interface Keys {
  readonly folder: string;
  readonly authority: Authority;
  readonly hub: { readonly cipher: KeyPem; readonly signature: KeyPem };
  readonly us: Person;
  readonly court: Person;
  readonly stranger: Person;
  readonly older: KeyPem;
  remove(): Promise<void>;
}

/** Made once per test file: RSA keys take their time. */
export async function makeKeys(): Promise<Keys> {
  const folder = await mkdtemp(path.join(tmpdir(), "osci-flows-"));
  const authority = await makeAuthority("Justiz VHN CA 2017", "BNotK");
  const person = async (safeId: string, name: string): Promise<Person> => ({
    ...{ safeId, name, cipher: await makeMailbox(name) },
    vhn: await makeVhn("justice", safeId, authority),
  });
  const [us, court, stranger, older, cipher, signature] = await Promise.all([
    person(OUR_ID, "Stadt Beispielhausen"),
    person(COURT_ID, "Amtsgericht Musterstadt"),
    person(STRANGER_ID, "Rechtsanwalt Fremd"),
    makeMailbox("Stadt Beispielhausen (alt)"),
    makeMailbox("Intermediär"),
    authority.issue({ cn: "Intermediär", use: "signature" }),
  ]);
  await Promise.all([
    writeFile(path.join(folder, "cipher.p12"), packPkcs12(us.cipher, PIN)),
    writeFile(path.join(folder, "older.p12"), packPkcs12(older, PIN)),
    writeFile(path.join(folder, "vhn.p12"), packPkcs12(us.vhn, PIN, authority.ca.certPem)),
    writeFile(path.join(folder, "pin"), PIN),
    writeFile(path.join(folder, "hub-cipher.pem"), cipher.certPem),
    writeFile(path.join(folder, "hub-signature.pem"), signature.certPem),
    writeFile(path.join(folder, "vhn-ca.pem"), authority.ca.certPem),
  ]);
  const remove = () => rm(folder, { recursive: true, force: true });
  return { folder, authority, hub: { cipher, signature }, us, court, stranger, older, remove };
}

export function startHub(
  keys: Keys,
  options: Partial<IntermediaryOptions> = {},
): Promise<Intermediary> {
  return startIntermediary({
    ...keys.hub,
    trustedSigners: [keys.authority.ca.certPem],
    ...options,
  });
}

/** The address book with these entries, written and pinned. */
export async function writeBook(
  keys: Keys,
  url: string,
  people: readonly Person[],
): Promise<{ file: string; sha256: string[] }> {
  const text = JSON.stringify({
    version: 1,
    intermediaries: {
      hub: {
        url,
        cipher: { pem: keys.hub.cipher.certPem },
        signature: { pem: keys.hub.signature.certPem },
      },
    },
    entries: people.map(({ safeId, name, cipher, vhn }) => ({
      ...{ safeId, name, role: "authority", intermediary: "hub" },
      cipher: { pem: cipher.certPem },
      signature: [{ pem: vhn.certPem }],
    })),
  });
  const file = path.join(keys.folder, `book-${newId()}.yaml`);
  await writeFile(file, text);
  return { file: `file:${file}`, sha256: [createHash("sha256").update(text).digest("hex")] };
}

export type Raw = Record<string, unknown>;

export async function rawSettings(keys: Keys, url: string, more: Raw = {}): Promise<Raw> {
  const file = (name: string) => `file:${path.join(keys.folder, name)}`;
  const { intermediary, policy, ...others } = more as Record<string, Raw | undefined>;
  return {
    mailbox: { safeId: OUR_ID, organisation: keys.us.name, card: { city: "Beispielhausen" } },
    keys: {
      cipher: { pkcs12: file("cipher.p12"), pin: file("pin") },
      signature: { pkcs12: file("vhn.p12"), pin: file("pin") },
    },
    intermediary: {
      url,
      cipher: file("hub-cipher.pem"),
      signatures: [file("hub-signature.pem")],
      demandsSignatures: true,
      ...intermediary,
    },
    addressBook: await writeBook(keys, url, [keys.court]),
    policy: { vhnAuthorities: [file("vhn-ca.pem")], ...policy },
    ...others,
  };
}

export interface Bench extends TestContext<Settings> {
  readonly bridge: OsciBridge;
  stop(): Promise<void>;
}

export function makeBridge(
  keys: Keys,
  raw: Raw,
  options: Partial<TestContextOptions<Settings>> = {},
  changes: Partial<Parts> = {},
): Bench {
  const config = loadSettings(settingsSchema, raw, keys.folder);
  const test = testContext({ config, allow: [config.intermediary.url], ...options });
  const bridge = new OsciBridge(test.context, changes);
  const stop = async () => {
    await bridge.stop();
    await test.close();
  };
  return { ...test, bridge, stop };
}

export const never = new AbortController().signal;
export const PDF = Buffer.from("%PDF-1.7\n% Klage\n%%EOF\n");

/** A letter written in Matrix by a clerk, for the court. */
export function letterTo(safeId = COURT_ID, more: Partial<Message> = {}): Message {
  return letterFromMatrix({
    conversation: "mx-raum",
    from: { address: "konto", name: "Stadt Beispielhausen", role: "authority" },
    to: [{ address: safeId, name: "Amtsgericht Musterstadt", role: "authority" }],
    subject: "Klageerwiderung",
    text: "In der Sache nehmen wir Stellung.",
    ...more,
  });
}

export interface Deposit {
  readonly from?: Person;
  /** Claimed in its documents; default: its own. */
  readonly claims?: string;
  readonly subject?: string;
  readonly theirs?: string;
  readonly ours?: string;
  readonly text?: string;
  readonly files?: readonly { readonly name: string; readonly bytes: Buffer | Source }[];
  /** Whose key it is encrypted for; default: our present one. */
  readonly reader?: KeyPem;
  readonly store?: Partial<StoreWish>;
  readonly unsigned?: boolean;
  /** Instead of the documents of EGVP. */
  readonly containers?: readonly ContainerDraft[];
}

/** Deposits a delivery for our mailbox as another party does. Answers the message id. */
export async function deposit(keys: Keys, hub: Intermediary, wish: Deposit = {}): Promise<string> {
  const from = wish.from ?? keys.court;
  const client = clientOf(hub, from, wish.unsigned);
  try {
    const { messageId } = await client.getMessageId();
    const mailbox = new X509Certificate(keys.us.cipher.certPem);
    const reader = new X509Certificate((wish.reader ?? keys.us.cipher).certPem);
    const readerId = `reader0_cipher_${newId()}`;
    const containers = wish.containers ?? egvpContainers(from, wish);
    const packed = packContent(containers, { reader, readerId });
    const answer = await client.storeDelivery({
      ...(messageId === undefined ? {} : { messageId }),
      ...{ addressee: mailbox, readers: [{ id: readerId, certificate: reader }] },
      ...{ subject: "Allgemeine Nachricht", content: packed.xml, parts: packed.parts },
      ...wish.store,
    });
    if (!answer.codes.includes("0800")) throw new Error(`not stored: ${answer.codes.join()}`);
    return messageId ?? "";
  } finally {
    client.close();
  }
}

export function clientOf(hub: Intermediary, { cipher, vhn }: Person, unsigned = false): OsciClient {
  const { url, cipherCertificate, signatureCertificate } = hub;
  const intermediary = { url, cipherCertificate, signatureCertificate };
  return new OsciClient({ intermediary, cipher, signature: vhn, unsigned });
}

function egvpContainers(from: Person, wish: Deposit): ContainerDraft[] {
  const claims = wish.claims ?? from.safeId;
  const field = (name: string, value = "") => `<${name}>${value}</${name}>`;
  const letter = [
    field("Nachrichtentyp", "Allgemeine Nachricht"),
    field("Signaturniveau", "no"),
    field("Empfaengerkennung", OUR_ID),
    field("Betreff", wish.subject ?? "Ladung"),
    field("Aktenzeichen_Empfaenger", wish.ours),
    field("Aktenzeichen_Absender", wish.theirs),
    field("Freitext", wish.text ?? "Anbei die Ladung."),
  ].join("");
  const card = [field("Organisation", from.name), field("Nutzer_ID", claims)].join("");
  const document = (id: string, text: string) => ({ id, bytes: Buffer.from(text) });
  return [
    {
      id: "project_coco",
      documents: [
        document("nachricht.xml", field("Nachricht", letter)),
        document("visitenkarte.xml", field("Visitenkarte", card)),
      ],
      files: (wish.files ?? []).map(({ name, bytes }) => ({
        ...{
          contentId: name,
          cid: name,
          content: Buffer.isBuffer(bytes) ? bufferSource(bytes) : bytes,
        },
      })),
    },
    {
      id: "govello_coco",
      documents: [document("additional_infos", `user_id=${claims}\nsignature_level=no\n`)],
      files: [],
    },
  ];
}

export { attach };
