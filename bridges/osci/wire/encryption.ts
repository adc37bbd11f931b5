import type { X509Certificate } from "node:crypto";
import {
  childElements,
  optionalChild,
  type XmlDocument,
  type XmlElement,
} from "../../../src/guard/xml.ts";
import { element as writeElement } from "./element.ts";
import { lookUp, CIPHERS, type LegacyPolicy } from "./algorithms.ts";
import { readX509Data, writeX509Data } from "./certificates.ts";
import { cipherOf, decrypted, encrypted, newSessionKey, type CipherMethod } from "./cipher.ts";
import { readEncryptedData, writeEncryptedData, type EncryptedData } from "./encrypted-data.ts";
import { partsOf } from "./envelope.ts";
import { asMalformed, malformed, OsciError } from "./errors.ts";
import { keyTransportOf, unwrapKey, wrapKey, type KeyTransport } from "./key-transport.ts";
import type { KeyRing } from "./keys.ts";
import { writeMime } from "./mime-write.ts";
import { NS, schemaLocationOf } from "./names.ts";
import type { ByteStream, SizedSource } from "./stream.ts";

/** What the library calls the encrypted part. Any other name is accepted when both places agree (facts §2.3). */
const encryptedPart = "osci_enc";

export interface SealOptions {
  readonly method: CipherMethod;
  readonly transport: KeyTransport;
  readonly legacy: LegacyPolicy;
  /** Of the outer message; the library takes that of the inner one. */
  readonly boundary: string;
}

/**
 * Wraps a whole message, MIME headers and all, for one reader (facts §3.1). Session key and IV are drawn here: `inner`
 * must give the same bytes each time it is opened.
 */
export function sealTransport(
  inner: SizedSource,
  reader: X509Certificate,
  { method, transport, legacy, boundary }: SealOptions,
): SizedSource {
  const session = newSessionKey(method, legacy);
  const data = writeEncryptedData({
    mimeType: "Multipart/Related",
    method,
    keys: [
      {
        transport,
        keyInfo: writeX509Data(reader),
        wrapped: wrapKey(reader, session.key, transport),
      },
    ],
    data: { kind: "reference", cid: encryptedPart },
    declare: false,
  });
  return writeMime({
    boundary,
    xml: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\r\n\r\n${encryptedEnvelope(data)}`),
    announceXmlLength: true,
    parts: [
      {
        contentId: encryptedPart,
        contentType: "application/octet-stream",
        encoding: "binary",
        announceLength: false,
        body: encrypted(inner, session, legacy),
      },
    ],
  });
}

function encryptedEnvelope(data: string): string {
  const attributes = [
    ["xmlns:ds", NS.ds],
    ["xmlns:soap", NS.soap],
    ["xmlns:xenc", NS.xenc],
    ["xmlns:xsi", NS.xsi],
    ["xsi:schemaLocation", schemaLocationOf("MessageEncrypted")],
  ] as const;
  return writeElement("soap:Envelope", attributes, writeElement("soap:Body", [], data));
}

/** How the inner message is encrypted, and with which key of ours. */
export interface OpenedEnvelope {
  readonly cid: string;
  readonly data: EncryptedData;
  readonly transport: KeyTransport;
  readonly reader: X509Certificate;
  readonly key: Buffer;
}

/**
 * Finds our key in the envelope of an encrypted message. As in the library only the first EncryptedKey counts, by
 * equality of the certificate (facts §3.1). Throws OsciError: 9200 when it is not ours, 9202.
 */
export function openEnvelope(
  document: XmlDocument,
  ring: KeyRing,
  legacy: LegacyPolicy,
): OpenedEnvelope {
  const element = encryptedElement(document);
  const data = readEncryptedData(element);
  const [first] = data.keys;
  if (first === undefined || data.data.kind !== "reference")
    throw malformed("the encrypted message has no key or no data part");
  const reader = asMalformed("the reader", () => readX509Data(first.keyInfo));
  const { keyBytes } = cipherOf(data.method, legacy);
  const transport = keyTransportOf(first.transport, legacy);
  const identity = ring.find(reader);
  if (identity === undefined)
    throw new OsciError("CERTIFICATE_INVALID", "9200", "no private key for the cipher certificate");
  const key = unwrapKey(identity.privateKey, first.wrapped, transport, keyBytes);
  return { cid: data.data.cid, data, transport, reader, key };
}

function encryptedElement(document: XmlDocument): XmlElement {
  const { body } = partsOf(document);
  const element = asMalformed("the Body", () => optionalChild(body, NS.xenc, "EncryptedData"));
  if (element === undefined || childElements(body).length !== 1)
    throw malformed("the encrypted message is not one EncryptedData");
  return element;
}

/** The inner message. Nothing of it is authentic before the sequence has ended. */
export function openStream(
  { data, key }: OpenedEnvelope,
  source: ByteStream,
  legacy: LegacyPolicy,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  return decrypted(source, data.method, key, legacy, signal);
}

/** Whether tampering shows only in what the plaintext looks like: then all faults must look alike. */
export function isMalleable({ data }: OpenedEnvelope): boolean {
  return lookUp(CIPHERS, data.method.uri)?.mode !== "gcm";
}
