import { giveWay } from "../../../src/guard/xml-pace.ts";
import type { XmlLimits } from "../../../src/guard/xml.ts";
import type { LegacyPolicy } from "./algorithms.ts";
import { decodeBase64Pieces } from "./base64.ts";
import { readX509Data, type RoleCertificate } from "./certificates.ts";
import { cipherOf, decrypted } from "./cipher.ts";
import {
  readContainer,
  type Content,
  type ContentContainer,
  type ContentPackage,
} from "./content.ts";
import type { EncryptedData, EncryptedKey } from "./encrypted-data.ts";
import { ENVELOPE_LIMITS, parseEnvelope } from "./envelope.ts";
import { asMalformed, hostile, malformed, OsciError, undecryptable } from "./errors.ts";
import { keyTransportOf, unwrapKey, type KeyTransport } from "./key-transport.ts";
import type { Identity, KeyRing } from "./keys.ts";
import { NS } from "./names.ts";
import { collect } from "./stream.ts";
import { attributeOf, childElements, optionalChild } from "../../../src/guard/xml.ts";

export interface OpenOptions {
  readonly ring: KeyRing;
  readonly legacy: LegacyPolicy;
  /** Of the message: encrypted keys name their reader by the id of one of these. */
  readonly certificates: readonly RoleCertificate[];
  readonly xml?: Partial<XmlLimits>;
  readonly signal?: AbortSignal;
}

/** A container that can be read, with how it was reached. */
export interface OpenContainer {
  readonly container: ContentContainer;
  /** The encryptions around it, outermost first; empty when it stood in the clear. */
  readonly encryptions: readonly OpenedEncryption[];
}
export interface OpenedEncryption {
  readonly data: EncryptedData;
  readonly transport: KeyTransport;
  readonly reader: Identity;
}
export interface OpenPackage {
  /** Every container, also those within others. */
  readonly containers: readonly OpenContainer[];
  /** Encrypted for others: none of our keys opens them. That is legal. */
  readonly closed: readonly EncryptedData[];
}

/** Encrypted pieces of one message. Each costs an RSA operation. */
const maxEncrypted = 64;
const maxNesting = 8;

/** Opens everything that our keys open, however deeply it is nested (facts §3.3). Throws OsciError. */
export async function openPackage(
  content: ContentPackage,
  options: OpenOptions,
): Promise<OpenPackage> {
  const containers: OpenContainer[] = [];
  const closed: EncryptedData[] = [];
  const waiting: { data: EncryptedData; around: readonly OpenedEncryption[] }[] = [];
  const visit = (container: ContentContainer, encryptions: readonly OpenedEncryption[]): void => {
    containers.push({ container, encryptions });
    for (const { data } of container.encrypted) waiting.push({ data, around: encryptions });
    for (const inner of container.contents.flatMap(containerIn)) visit(inner, encryptions);
  };
  for (const container of content.containers) visit(container, []);
  waiting.push(...content.encrypted.map((data) => ({ data, around: [] })));
  for (let count = 0, next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    count += 1;
    await giveWay(options.signal);
    const { data, around } = next;
    if (count > maxEncrypted || around.length >= maxNesting) throw hostile("too many encryptions");
    const opened = await openData(data, options);
    if (opened === undefined) closed.push(data);
    else visit(opened.container, [...around, opened.encryption]);
  }
  return { containers, closed };
}

function containerIn(content: Content): ContentContainer[] {
  return content.kind === "container" ? [content.container] : [];
}

async function openData(
  data: EncryptedData,
  options: OpenOptions,
): Promise<{ container: ContentContainer; encryption: OpenedEncryption } | undefined> {
  const { legacy, signal } = options;
  const { keyBytes, mode } = cipherOf(data.method, legacy);
  const found = ourKey(data.keys, options);
  if (found === undefined) return undefined;
  if (data.data.kind !== "value") throw malformed("a container is encrypted outside of the XML");
  const transport = keyTransportOf(found.entry.transport, legacy);
  const key = unwrapKey(found.reader.privateKey, found.entry.wrapped, transport, keyBytes);
  const { text } = data.data;
  const cipherText = (async function* () {
    yield* decodeBase64Pieces(text);
  })();
  const maxBytes = options.xml?.maxBytes ?? ENVELOPE_LIMITS.maxBytes ?? 0;
  try {
    const plain = decrypted(cipherText, data.method, key, legacy, signal);
    const container = await readPlain(await collect(plain, maxBytes, "a container"), options);
    return { container, encryption: { data, transport, reader: found.reader } };
  } catch (error) {
    // Without authentication the plaintext may be anybody's: then every fault looks the same.
    if (mode === "cbc" && error instanceof OsciError) throw undecryptable();
    throw error;
  }
}

async function readPlain(xml: Buffer, options: OpenOptions): Promise<ContentContainer> {
  const document = await parseEnvelope(xml, options.xml ?? ENVELOPE_LIMITS, options.signal);
  const { root } = document;
  if (root.uri !== NS.osci || root.local !== "ContentContainer")
    throw malformed("the decrypted content is no ContentContainer");
  return asMalformed("ContentContainer", () => readContainer(document, root));
}

/** The first key that is wrapped for a certificate of ours. */
function ourKey(
  keys: readonly EncryptedKey[],
  { ring, certificates }: OpenOptions,
): { entry: EncryptedKey; reader: Identity } | undefined {
  for (const entry of keys) {
    const certificate = asMalformed("the reader", () => readerOf(entry, certificates));
    const reader = certificate && ring.find(certificate);
    if (reader !== undefined) return { entry, reader };
  }
  return undefined;
}

/** By reference to a certificate of the message, as the library writes, or with the certificate inline. */
function readerOf(
  { keyInfo }: EncryptedKey,
  certificates: readonly RoleCertificate[],
): RoleCertificate["certificate"] | undefined {
  const [child, ...others] = childElements(keyInfo);
  if (child === undefined || others.length > 0)
    throw malformed("a reader is not named by one thing");
  if (optionalChild(keyInfo, NS.ds, "X509Data") !== undefined) return readX509Data(keyInfo);
  const uri = attributeOf(child, "URI");
  if (child.uri !== NS.ds || child.local !== "RetrievalMethod" || !uri?.startsWith("#"))
    throw malformed("a reader is named in an unknown way");
  return certificates.find(({ id }) => id === uri.slice(1))?.certificate;
}
