import type { X509Certificate } from "node:crypto";
import { canonicalize } from "../../../src/guard/c14n.ts";
import { childElements } from "../../../src/guard/xml.ts";
import {
  INTERMEDIARY_ROLES,
  NON_INTERMEDIARY_ROLES,
  readRoleCertificates,
  type CertificateRole,
  type RoleCertificate,
} from "./certificates.ts";
import type { DigestValues } from "./digests.ts";
import { blockOf, type Envelope } from "./envelope.ts";
import { badSignature, OsciError } from "./errors.ts";
import { isResponse, NS, type MessageType } from "./names.ts";
import { checkReferences, uncovered, type ReferenceResult, type SignedPart } from "./references.ts";
import { readSignature, type SignatureParts } from "./signature-read.ts";
import { verifyBytes } from "./signature-value.ts";

export interface SignaturePolicy {
  /** Whether a message without signature is refused (9600). The library itself never demands one (facts §8.10). */
  readonly required: boolean;
  /**
   * Whether this is the certificate expected of the role: pinned by configuration or directory, or validated. What
   * stands in the message proves nothing (facts §3.5).
   */
  readonly trusts: (certificate: X509Certificate, role: CertificateRole) => boolean;
}

/** What was found about one signature, right or wrong. */
export interface SignatureReport {
  readonly algorithm: string;
  readonly signer: RoleCertificate | undefined;
  readonly references: readonly ReferenceResult[];
  /** In the order found; empty = the signature holds. */
  readonly errors: readonly OsciError[];
}

declare const verifiedBrand: unique symbol;
/** Made by `verifyTransport` only: all of it is signed by the expected role, or the policy takes it unsigned. */
export interface VerifiedEnvelope extends Envelope {
  readonly [verifiedBrand]: true;
  readonly transportSignature: SignatureReport | undefined;
}

/** Attachments by cid, with digests of the bytes that travelled (encrypted attachments: of the ciphertext). */
export type TransportDigests = ReadonlyMap<string, DigestValues>;

/** Throws the first fault as OsciError. */
export async function verifyTransport(
  envelope: Envelope,
  attachments: TransportDigests,
  policy: SignaturePolicy,
  signal?: AbortSignal,
): Promise<VerifiedEnvelope> {
  const report = await examineTransport(envelope, attachments, policy, signal);
  const error =
    report === undefined && policy.required
      ? new OsciError("SIGNATURE_INVALID", "9600", "the message is not signed")
      : report?.errors[0];
  if (error !== undefined) throw error;
  return { ...envelope, transportSignature: report } as VerifiedEnvelope;
}

/** Everything there is to say about the transport signature; undefined when there is none. */
export async function examineTransport(
  envelope: Envelope,
  attachments: TransportDigests,
  policy: SignaturePolicy,
  signal?: AbortSignal,
): Promise<SignatureReport | undefined> {
  if (envelope.signature === undefined) return undefined;
  const [element, ...others] = childElements(envelope.signature);
  if (element?.uri !== NS.ds || element.local !== "Signature" || others.length > 0)
    throw badSignature("the signature block holds no single signature");
  const parts = signedPartsOf(envelope, attachments);
  const role = signingRole(envelope.type);
  return examineSignature(readSignature(element), parts, certificatesOf(envelope), {
    accepts: (signer) => signer.role === role && policy.trusts(signer.certificate, role),
    mayCoverMore: [],
    signal,
  });
}

/** Every header block but the signature, the Body and every attachment (facts §3.5). */
function signedPartsOf({ blocks, body }: Envelope, attachments: TransportDigests): SignedPart[] {
  return [
    ...[...blocks, body].map((element): SignedPart => ({ kind: "element", element })),
    ...[...attachments].map(([cid, digests]): SignedPart => ({ kind: "attachment", cid, digests })),
  ];
}

/** Who signs which message: client or supplier, which is the intermediary wherever it takes part (facts §1.1). */
export function signingRole(type: MessageType): CertificateRole {
  const recipientSide = /(?:Accept|Process)Delivery$/.test(type);
  if (recipientSide)
    return isResponse(type) ? "SignatureCertificateAddressee" : "SignatureCertificateIntermediary";
  return isResponse(type) ? "SignatureCertificateIntermediary" : "SignatureCertificateOriginator";
}

/** All certificates of a message, of both blocks. */
export function certificatesOf(envelope: Pick<Envelope, "blocks">): readonly RoleCertificate[] {
  const intermediary = blockOf(envelope, "IntermediaryCertificates");
  const others = blockOf(envelope, "NonIntermediaryCertificates");
  return [
    ...(intermediary === undefined ? [] : readRoleCertificates(intermediary, INTERMEDIARY_ROLES)),
    ...(others === undefined ? [] : readRoleCertificates(others, NON_INTERMEDIARY_ROLES)),
  ];
}

export interface ExaminationOptions {
  /** Whether the certificate that the signature names is the expected one. */
  readonly accepts: (signer: RoleCertificate) => boolean;
  /** Parts that may be covered besides those that must: signed properties. */
  readonly mayCoverMore: readonly SignedPart[];
  readonly signal?: AbortSignal | undefined;
}

/** Checks one signature over `parts`, all of which it must cover. */
export async function examineSignature(
  signature: SignatureParts,
  parts: readonly SignedPart[],
  certificates: readonly RoleCertificate[],
  { accepts, mayCoverMore, signal }: ExaminationOptions,
): Promise<SignatureReport> {
  const { algorithm, references } = signature;
  const signer = certificates.find(({ id }) => id === signature.keyId);
  const results = await checkReferences(references, [...parts, ...mayCoverMore], signal);
  const errors = [
    signerFault(signer, accepts),
    signer === undefined ? undefined : valueFault(signature, signer.certificate),
    ...results.map(({ error }) => error),
    uncovered(references, parts),
  ].filter((error) => error !== undefined);
  return { algorithm, signer, references: results, errors };
}

function signerFault(
  signer: RoleCertificate | undefined,
  accepts: (signer: RoleCertificate) => boolean,
): OsciError | undefined {
  if (signer === undefined)
    return badSignature("the signature names no certificate of the message");
  if (accepts(signer)) return undefined;
  const message = `the ${signer.role} is not the one that is expected`;
  return new OsciError("CERTIFICATE_INVALID", "9601", message);
}

function valueFault(
  { signedInfo, algorithm, value }: SignatureParts,
  certificate: X509Certificate,
): OsciError | undefined {
  try {
    verifyBytes(algorithm, certificate, Buffer.from(canonicalize(signedInfo)), value);
    return undefined;
  } catch (error) {
    if (error instanceof OsciError) return error;
    throw error;
  }
}
