import { element as writeElement } from "./element.ts";
import { DEFAULT_DIGEST } from "./algorithms.ts";
import { encodeBase64 } from "./base64.ts";
import type { RoleCertificate } from "./certificates.ts";
import type { Identity } from "./keys.ts";
import { BLOCK_NAMESPACES, TRANSFORM } from "./names.ts";
import { signBytes } from "./signature-value.ts";

export interface Signer {
  readonly identity: Identity;
  /** Id of the certificate element in the message, see `roleCertificate`. */
  readonly certificateId: RoleCertificate["id"];
  /** URI, see `SIGNATURES`. */
  readonly algorithm: string;
  /** URI, see `DIGESTS`; default SHA-256. */
  readonly digest?: string;
}

export interface OutgoingReference {
  /** `#id` or `cid:name`. */
  readonly uri: string;
  readonly transform: keyof typeof TRANSFORM | "none";
  readonly digest: Buffer;
}

export function digestMethodOf(signer: Signer): string {
  return signer.digest ?? DEFAULT_DIGEST;
}

/**
 * `ds:Signature` in the library form (facts §3.5). It must stand where exactly the five block namespaces are in scope:
 * in an OSCI envelope, or in a ContentContainer that is a document of its own.
 */
export function writeSignature(references: readonly OutgoingReference[], signer: Signer): string {
  const content = signedInfoContent(references, signer);
  const canonical = writeElement("ds:SignedInfo", BLOCK_NAMESPACES, content);
  const value = signBytes(signer.algorithm, signer.identity.privateKey, Buffer.from(canonical));
  const method = writeElement("ds:RetrievalMethod", [["URI", `#${signer.certificateId}`]]);
  const parts = [
    writeElement("ds:SignedInfo", [], content),
    writeElement("ds:SignatureValue", [], encodeBase64(value)),
    writeElement("ds:KeyInfo", [], method),
  ];
  return writeElement("ds:Signature", [], parts.join(""));
}

function signedInfoContent(references: readonly OutgoingReference[], signer: Signer): string {
  const lines = [
    writeElement("ds:CanonicalizationMethod", [["Algorithm", TRANSFORM.canonical]]),
    writeElement("ds:SignatureMethod", [["Algorithm", signer.algorithm]]),
    ...references.map((reference) => writeReference(reference, digestMethodOf(signer))),
  ];
  return `\n${lines.join("\n")}\n`;
}

function writeReference({ uri, transform, digest }: OutgoingReference, method: string): string {
  const lines = [
    ...(transform === "none" ? [] : [writeTransforms(TRANSFORM[transform])]),
    writeElement("ds:DigestMethod", [["Algorithm", method]]),
    writeElement("ds:DigestValue", [], encodeBase64(digest)),
  ];
  return writeElement("ds:Reference", [["URI", uri]], `\n${lines.join("\n")}\n`);
}

function writeTransforms(algorithm: string): string {
  const transform = writeElement("ds:Transform", [["Algorithm", algorithm]]);
  return writeElement("ds:Transforms", [], `\n${transform}\n`);
}
