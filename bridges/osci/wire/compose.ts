import type { X509Certificate } from "node:crypto";
import { giveWay } from "../../../src/guard/xml-pace.ts";
import { attributeOf } from "../../../src/guard/xml.ts";
import { createDigest, digestCanonical, DigestTap, tapped, type DigestValues } from "./digests.ts";
import { NO_LEGACY, type LegacyPolicy } from "./algorithms.ts";
import { encrypted, newSessionKey, type CipherMethod, type SessionKey } from "./cipher.ts";
import { element, writeBlock } from "./element.ts";
import { ENVELOPE_LIMITS, parseEnvelope, readEnvelope } from "./envelope.ts";
import { sealTransport } from "./encryption.ts";
import type { KeyTransport } from "./key-transport.ts";
import type { WrittenMessage } from "./message-write.ts";
import { newBoundary, writeMime, type OutgoingPart } from "./mime-write.ts";
import { BLOCK_NAMESPACES, isResponse, schemaLocationOf } from "./names.ts";
import {
  digestMethodOf,
  writeSignature,
  type OutgoingReference,
  type Signer,
} from "./signature.ts";
import { drain, paced, type SizedSource } from "./stream.ts";

/** Bytes that travel as a part of their own; already enciphered when they are to be. */
export interface OutgoingAttachment {
  readonly cid: string;
  readonly contentType: string;
  readonly body: SizedSource;
  /** Of `body`, when they are known already; else it is read once to take them. */
  readonly digests?: DigestValues;
}

export interface ComposeOptions {
  readonly signer?: Signer;
  /** Encrypt the whole message for this reader: requests for the intermediary, answers for the client. */
  readonly seal?: {
    readonly reader: X509Certificate;
    readonly method: CipherMethod;
    readonly transport: KeyTransport;
  };
  readonly legacy?: LegacyPolicy;
  /** Default: a random one. */
  readonly boundary?: string;
  readonly signal?: AbortSignal;
}

/** A message ready for the wire. Each opening gives the same bytes, so that a copy can be kept as evidence. */
export interface ComposedMessage extends SizedSource {
  /** What is inside the transport encryption; the same as the message when there is none. */
  readonly inner: SizedSource;
}

/** Puts a message together: signature over all blocks, Body and attachments, MIME, transport encryption. */
export async function composeMessage(
  message: WrittenMessage,
  attachments: readonly OutgoingAttachment[],
  options: ComposeOptions,
): Promise<ComposedMessage> {
  const { signer, seal, legacy = NO_LEGACY, boundary = newBoundary(), signal } = options;
  const signature =
    signer === undefined ? "" : await signatureBlock(message, attachments, signer, signal);
  const inner = writeMime({
    boundary,
    xml: Buffer.from(writeEnvelope(message, signature)),
    announceXmlLength: false,
    parts: attachments.map(attachmentPart),
  });
  const outer =
    seal === undefined ? inner : sealTransport(inner, seal.reader, { ...seal, legacy, boundary });
  return { size: outer.size, open: () => outer.open(), inner };
}

/** ControlBlock first, the signature behind it: readers that digest while they parse rely on it (facts §3.5). */
function writeEnvelope({ type, control, blocks, body }: WrittenMessage, signature: string): string {
  const header = [control.xml, signature, ...blocks.map(({ xml }) => xml)].join("");
  const content = [
    element("soap:Header", [], header),
    element("soap:Body", [...BLOCK_NAMESPACES, ["Id", "body"]], body),
  ];
  const attributes = [...BLOCK_NAMESPACES, ["xsi:schemaLocation", schemaLocationOf(type)]] as const;
  const envelope = element("soap:Envelope", attributes, content.join(""));
  return `<?xml version="1.0" encoding="UTF-8"?>\r\n\r\n${envelope}`;
}

/**
 * Signs every header block, the Body and every attachment. The digests are taken of the parsed message, as every reader
 * will do, and not of the text: within the Body the containers repeat namespaces that their canonical form leaves out.
 */
async function signatureBlock(
  message: WrittenMessage,
  attachments: readonly OutgoingAttachment[],
  signer: Signer,
  signal?: AbortSignal,
): Promise<string> {
  const method = digestMethodOf(signer);
  const references: OutgoingReference[] = [];
  const unsigned = Buffer.from(writeEnvelope(message, ""));
  const { blocks, body } = readEnvelope(await parseEnvelope(unsigned, ENVELOPE_LIMITS, signal));
  for (const block of [...blocks, body]) {
    await giveWay(signal);
    const digest = await digestCanonical(block, method, signal);
    references.push({ uri: `#${attributeOf(block, "Id") ?? ""}`, transform: "canonical", digest });
  }
  for (const { cid, body: source, digests } of attachments) {
    const known = digests?.get(method) ?? (await digestSource(source, method, signal));
    references.push({ uri: `cid:${cid}`, transform: "none", digest: known });
  }
  await giveWay(signal);
  const name = isResponse(message.type) ? "SupplierSignature" : "ClientSignature";
  const { xml } = writeBlock(name, { content: writeSignature(references, signer) });
  // The one block that does not repeat the namespaces (facts §2.4).
  return xml.replace(BLOCK_NAMESPACES.map(([key, uri]) => ` ${key}="${uri}"`).join(""), "");
}

async function digestSource(
  source: SizedSource,
  method: string,
  signal?: AbortSignal,
): Promise<Buffer> {
  const hash = createDigest(method);
  for await (const chunk of paced(source.open(), signal)) hash.update(chunk);
  return hash.digest();
}

function attachmentPart({ cid, contentType, body }: OutgoingAttachment): OutgoingPart {
  return { contentId: cid, contentType, encoding: "8-bit", announceLength: true, body };
}

export interface EncryptedAttachment {
  readonly session: SessionKey;
  readonly body: SizedSource;
  /** Of the plaintext: what a content signature names. */
  readonly plain: DigestValues;
  /** Of the ciphertext: what the transport signature names. */
  readonly transported: DigestValues;
}

/** Enciphers an attachment under a key of its own and takes all digests in one reading (facts §3.4). */
export async function encryptAttachment(
  source: SizedSource,
  method: CipherMethod,
  digestUris: readonly string[],
  { legacy = NO_LEGACY, signal }: { legacy?: LegacyPolicy; signal?: AbortSignal } = {},
): Promise<EncryptedAttachment> {
  const session = newSessionKey(method, legacy);
  const plain = new DigestTap(digestUris);
  const transported = new DigestTap(digestUris);
  const watched = { size: source.size, open: () => tapped(paced(source.open(), signal), plain) };
  await drain(tapped(encrypted(watched, session, legacy).open(), transported));
  return {
    session,
    body: encrypted(source, session, legacy),
    plain: plain.finish(),
    transported: transported.finish(),
  };
}
