import { createHash, createPublicKey, verify, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SettingsFile } from "../../../src/bridge/settings.ts";
import { CRYPTO } from "../../../src/guard/crypto.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { Party } from "../../../src/model/message.ts";
import { addressBookForm } from "./address-form.ts";
import type { AddressBookForm, CertificateSource } from "./address-form.ts";
import { findEntries } from "./address-search.ts";
import { readYaml } from "./yaml-file.ts";
import type { YamlFile } from "./yaml-file.ts";

/** What a SAFE entry tells: to whom a mailbox belongs, how to encrypt for it, where it is deposited (facts §5.7). */
export interface AddressEntry {
  readonly safeId: string;
  readonly name: string;
  readonly place?: string;
  readonly role?: Party["role"];
  readonly cipher: X509Certificate;
  readonly intermediary: Intermediary;
  readonly signature?: readonly X509Certificate[];
}
export interface Intermediary {
  readonly url: string;
  readonly cipher: X509Certificate;
  /** One of these signs its answers; several while it changes its certificate. At least one. */
  readonly signatures: readonly X509Certificate[];
}

export interface AddressBook {
  /** SAFE-IDs count the same in either case. */
  find(safeId: string): AddressEntry | undefined;
  /** SHA-256 of the DER form, hex. */
  byCipherCertificate(sha256: string): AddressEntry | undefined;
  /** A SAFE-ID, or words of name and place. Same query, same answer; at most 50. */
  search(query: string): readonly AddressEntry[];
  /** Of the intermediaries, each once, sorted. */
  urls(): readonly string[];
  readonly entries: readonly AddressEntry[];
}

/** How the book is known to be the right one. At least one is needed; one that fits is enough. */
export interface AddressBookPins {
  /** SHA-256 of the file, hex. Several: the next version may be announced before it is rolled out. */
  readonly sha256?: readonly string[] | undefined;
  /** PEM of the key (Ed25519, or RSA with SHA-256) whose signature lies beside the book as `<file>.sig`, raw or base64. */
  readonly publicKey?: string | undefined;
}

const MAX_BOOK_CHARACTERS = 10_000_000;
const MAX_CERTIFICATE_BYTES = 50_000;
const MAX_SIGNATURE_BYTES = 4_096;

/**
 * Reads and checks an address book. Nothing of it is looked at before a pin fits.
 * @throws GatewayError CONFIG_INVALID (form, duplicates, weak keys), SIGNATURE_INVALID (no pin fits)
 */
export function loadAddressBook(file: SettingsFile, pins: AddressBookPins): AddressBook {
  requirePin(file, pins);
  const name = file.source.replace(/^file:/, "");
  const yaml = readYaml(file.text, name, addressBookForm, MAX_BOOK_CHARACTERS);
  const folder = dirname(file.path);
  const intermediaries = readIntermediaries(yaml, folder);
  const entries = yaml.data.entries.map((entry, index): AddressEntry => {
    const at = ["entries", index];
    const intermediary = intermediaries.get(entry.intermediary);
    if (intermediary === undefined)
      throw yaml.complain(
        [...at, "intermediary"],
        `there is no intermediary ${entry.intermediary}`,
      );
    const read = (source: CertificateSource, path: PropertyKey[], use: "cipher" | "signature") =>
      readCertificate(source, folder, use, (message) => yaml.complain([...at, ...path], message));
    return {
      safeId: entry.safeId,
      name: entry.name.normalize("NFC"),
      ...(entry.place === undefined ? {} : { place: entry.place.normalize("NFC") }),
      ...(entry.role === undefined ? {} : { role: entry.role }),
      cipher: read(entry.cipher, ["cipher"], "cipher"),
      intermediary,
      ...(entry.signature === undefined
        ? {}
        : { signature: entry.signature.map((one, n) => read(one, ["signature", n], "signature")) }),
    };
  });
  return indexEntries(entries, yaml);
}

function readIntermediaries(
  yaml: YamlFile<AddressBookForm>,
  folder: string,
): ReadonlyMap<string, Intermediary> {
  const read = (source: CertificateSource, use: "cipher" | "signature", path: PropertyKey[]) =>
    readCertificate(source, folder, use, (message) =>
      yaml.complain(["intermediaries", ...path], message),
    );
  return new Map(
    Object.entries(yaml.data.intermediaries).map(([name, { url, cipher, signature }]) => [
      name,
      {
        url,
        cipher: read(cipher, "cipher", [name, "cipher"]),
        signatures: signature.map((one, n) => read(one, "signature", [name, "signature", n])),
      },
    ]),
  );
}

function indexEntries(
  entries: readonly AddressEntry[],
  yaml: YamlFile<AddressBookForm>,
): AddressBook {
  const bySafeId = new Map<string, AddressEntry>();
  const byCipher = new Map<string, AddressEntry>();
  entries.forEach((entry, index) => {
    const id = entry.safeId.toLowerCase();
    if (bySafeId.has(id))
      throw yaml.complain(["entries", index, "safeId"], `${entry.safeId} is listed twice`);
    bySafeId.set(id, entry);
    const cipher = digestOfCertificate(entry.cipher);
    const other = byCipher.get(cipher);
    // One key for two mailboxes would leave open whose letter it is.
    if (other !== undefined)
      throw yaml.complain(
        ["entries", index, "cipher"],
        `is the certificate of ${other.safeId}, too`,
      );
    byCipher.set(cipher, entry);
  });
  const urls = [...new Set(entries.map(({ intermediary }) => intermediary.url))].sort();
  return {
    entries,
    find: (safeId) => bySafeId.get(safeId.trim().toLowerCase()),
    byCipherCertificate: (sha256) => byCipher.get(sha256.toLowerCase()),
    search: (query) => findEntries(entries, query),
    urls: () => urls,
  };
}

/** SHA-256 of the DER form, lower-case hex. */
export function digestOfCertificate(certificate: X509Certificate): string {
  return createHash("sha256").update(certificate.raw).digest("hex");
}

function readCertificate(
  source: CertificateSource,
  folder: string,
  use: "cipher" | "signature",
  complain: (message: string) => GatewayError,
): X509Certificate {
  const certificate = parseCertificate(source, folder, complain);
  if ("sha256" in source && digestOfCertificate(certificate) !== source.sha256)
    throw complain(`${source.file} is another certificate than the one with this digest`);
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey;
  // Session keys of OSCI are wrapped with RSA; other keys cannot be encrypted for (facts §3.2).
  if (use === "cipher" && type !== "rsa")
    throw complain("a cipher certificate must have an RSA key");
  if (type === "rsa" && (details?.modulusLength ?? 0) < CRYPTO.rsa.minBits)
    throw complain(`the RSA key is shorter than ${CRYPTO.rsa.minBits} bits`);
  return certificate;
}

function parseCertificate(
  source: CertificateSource,
  folder: string,
  complain: (message: string) => GatewayError,
): X509Certificate {
  try {
    if ("pem" in source) return new X509Certificate(source.pem);
    const bytes = readFileSync(join(folder, source.file));
    if (bytes.length > MAX_CERTIFICATE_BYTES) throw new RangeError("too large");
    return new X509Certificate(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw complain(`cannot be read as a certificate: ${reason}`);
  }
}

function requirePin(file: SettingsFile, { sha256 = [], publicKey }: AddressBookPins): void {
  if (sha256.length === 0 && publicKey === undefined)
    throw new GatewayError(
      "CONFIG_INVALID",
      "an address book needs a pin: its SHA-256 or the key that signs it",
    );
  const digest = createHash("sha256").update(file.bytes).digest("hex");
  if (sha256.some((pin) => pin.toLowerCase() === digest)) return;
  if (publicKey !== undefined && isSigned(file, publicKey)) return;
  throw new GatewayError(
    "SIGNATURE_INVALID",
    `${file.source}: no pin fits the address book (its SHA-256 is ${digest})`,
  );
}

function isSigned(file: SettingsFile, pem: string): boolean {
  const key = readKey(pem);
  try {
    const found = readFileSync(`${file.path}.sig`);
    if (found.length > MAX_SIGNATURE_BYTES) return false;
    const text = found.toString("latin1").trim();
    const armoured = /^[A-Za-z0-9+/\s]+={0,2}$/.test(text);
    const candidates = armoured ? [Buffer.from(text, "base64"), found] : [found];
    const algorithm = key.asymmetricKeyType === "ed25519" ? null : "sha256";
    return candidates.some((signature) => verify(algorithm, file.bytes, key, signature));
  } catch (cause) {
    throw new GatewayError("SIGNATURE_INVALID", `${file.source}.sig cannot be read`, { cause });
  }
}

function readKey(pem: string): KeyObject {
  try {
    const key = createPublicKey(pem);
    const strong =
      key.asymmetricKeyType === "ed25519" ||
      (key.asymmetricKeyType === "rsa" &&
        (key.asymmetricKeyDetails?.modulusLength ?? 0) >= CRYPTO.rsa.minBits);
    if (strong) return key;
  } catch (cause) {
    throw new GatewayError("CONFIG_INVALID", "the key of the address book is not PEM", { cause });
  }
  throw new GatewayError("CONFIG_INVALID", "the key of the address book must be Ed25519 or RSA");
}
