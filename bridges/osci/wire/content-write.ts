import type { X509Certificate } from "node:crypto";
import { giveWay } from "../../../src/guard/xml-pace.ts";
import type { LegacyPolicy } from "./algorithms.ts";
import { encodeBase64Pieces } from "./base64.ts";
import { encrypted, newSessionKey, type CipherMethod, type SessionKey } from "./cipher.ts";
import { createDigest, type DigestValues } from "./digests.ts";
import { element } from "./element.ts";
import { writeEncryptedData } from "./encrypted-data.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import { wrapKey, type KeyTransport } from "./key-transport.ts";
import { BLOCK_NAMESPACES, NS } from "./names.ts";
import {
  digestMethodOf,
  writeSignature,
  type OutgoingReference,
  type Signer,
} from "./signature.ts";
import { collect, paced, sourceOf, toBuffer } from "./stream.ts";

export type OutgoingContent =
  | { readonly kind: "data"; readonly id: string; readonly bytes: Uint8Array }
  | {
      readonly kind: "attachment";
      readonly id: string;
      readonly cid: string;
      /** Of the plaintext, by algorithm; needed when the container is signed. */
      readonly plain?: DigestValues;
      /** When the attachment travels encrypted. */
      readonly session?: SessionKey;
    };

export interface OutgoingContainer {
  readonly id: string;
  readonly contents: readonly OutgoingContent[];
  /** One signature each. */
  readonly signers?: readonly Signer[];
}

/**
 * `ContentContainer` as a document of its own, in the library form: signatures, contents, keys of encrypted attachments
 * (facts §2.7, §3.4, §3.6).
 */
export async function writeContainer(
  { id, contents, signers = [] }: OutgoingContainer,
  signal?: AbortSignal,
): Promise<string> {
  const written: string[] = [];
  for (const content of contents) written.push(await writeContent(content, signal));
  const signatures: string[] = [];
  for (const signer of signers) {
    const references = await referencesOf(contents, signer, signal);
    await giveWay(signal);
    signatures.push(writeSignature(references, signer));
  }
  const keys: string[] = [];
  for (const content of contents) {
    keys.push(writeAttachmentKey(content));
    await giveWay(signal);
  }
  const attributes = [...BLOCK_NAMESPACES, ["Id", id]] as const;
  return element(
    "osci:ContentContainer",
    attributes,
    [...signatures, ...written, ...keys].join(""),
  );
}

async function writeContent(content: OutgoingContent, signal?: AbortSignal): Promise<string> {
  if (content.kind === "data") {
    const base64 = await encodePaced(content.bytes, signal);
    return element("osci:Content", [], element("osci:Base64Content", [["Id", content.id]], base64));
  }
  return attachmentReference(content.id, content.cid);
}

function attachmentReference(id: string, cid: string): string {
  return element("osci:Content", [
    ["Id", id],
    ["href", `cid:${cid}`],
  ]);
}

function writeAttachmentKey(content: OutgoingContent): string {
  if (content.kind === "data" || content.session === undefined) return "";
  const { session, cid } = content;
  return writeEncryptedData({
    id: `Attachment${cid}`,
    mimeType: "text/xml",
    method: session,
    keys: [],
    bareKey: session.key,
    data: { kind: "reference", cid },
    declare: false,
  });
}

async function referencesOf(
  contents: readonly OutgoingContent[],
  signer: Signer,
  signal?: AbortSignal,
): Promise<readonly OutgoingReference[]> {
  const method = digestMethodOf(signer);
  const references: OutgoingReference[] = [];
  for (const content of contents) {
    await giveWay(signal);
    if (content.kind === "data") {
      const digest = await digestPaced(content.bytes, method, signal);
      references.push({ uri: `#${content.id}`, transform: "base64", digest });
    } else {
      const plain = content.plain?.get(method);
      if (plain === undefined)
        throw new GatewayError("INTERNAL", "an attachment is to be signed without its digest");
      references.push(
        { uri: `#${content.id}`, transform: "canonical", digest: referenceDigest(content, method) },
        { uri: `cid:${content.cid}`, transform: "none", digest: plain },
      );
    }
  }
  return references;
}

/** The canonical form of the reference: as written, with the namespaces in scope on it. */
function referenceDigest({ id, cid }: { id: string; cid: string }, method: string): Buffer {
  const canonical = element("osci:Content", [
    ...BLOCK_NAMESPACES,
    ["Id", id],
    ["href", `cid:${cid}`],
  ]);
  return createDigest(method).update(canonical).digest();
}

export interface ContentReader {
  /** Id of the reader's certificate element in the message. */
  readonly certificateId: string;
  readonly certificate: X509Certificate;
}
export interface EncryptContentOptions {
  readonly id: string;
  readonly method: CipherMethod;
  readonly transport: KeyTransport;
  readonly legacy: LegacyPolicy;
  readonly signal?: AbortSignal;
}

/** `xenc:EncryptedData` around a container, for one reader or several (facts §3.3). */
export async function encryptContainer(
  container: string,
  readers: readonly ContentReader[],
  { id, method, transport, legacy, signal }: EncryptContentOptions,
): Promise<string> {
  const plain = Buffer.from(container);
  const session = newSessionKey(method, legacy);
  const sealed = encrypted(sourceOf(plain), session, legacy);
  const bytes = await collect(sealed.open(), sealed.size, "a container");
  return writeEncryptedData({
    id,
    mimeType: "text/xml",
    method,
    keys: readers.map(({ certificate, certificateId }) => ({
      transport,
      keyInfo: element("ds:RetrievalMethod", [
        ["Type", `${NS.ds}X509Data`],
        ["URI", `#${certificateId}`],
      ]),
      wrapped: wrapKey(certificate, session.key, transport),
    })),
    data: { kind: "value", text: await encodePaced(bytes, signal) },
    declare: true,
  });
}

/** The Body of a message with content. */
export function writeContentPackage(items: readonly string[]): string {
  return element("osci:ContentPackage", [], items.join(""));
}

async function encodePaced(bytes: Uint8Array, signal?: AbortSignal): Promise<string> {
  const pieces: string[] = [];
  for (const piece of encodeBase64Pieces(toBuffer(bytes))) {
    pieces.push(piece);
    await giveWay(signal);
  }
  return pieces.join("");
}

async function digestPaced(
  bytes: Uint8Array,
  method: string,
  signal?: AbortSignal,
): Promise<Buffer> {
  const hash = createDigest(method);
  for await (const piece of paced(sourceOf(bytes).open(), signal)) hash.update(piece);
  return hash.digest();
}
