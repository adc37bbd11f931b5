import { createHash, type X509Certificate } from "node:crypto";
import type { KeyDirectory } from "./inspect-keys.ts";
import type { RoleCertificate } from "./wire/certificates.ts";
import { meaningOf } from "./wire/codes.ts";
import { contentBytes, type Content } from "./wire/content.ts";
import type { OpenContainer, OpenedEncryption } from "./wire/content-open.ts";
import type { DigestValues } from "./wire/digests.ts";
import type { OpenedEnvelope } from "./wire/encryption.ts";
import type { Feedback } from "./wire/feedback.ts";
import type { KeyTransport } from "./wire/key-transport.ts";
import type { CertificateInspection, ProcessCard, Stamp } from "./wire/process-card.ts";
import type { TakenAttachment, TransportedAttachment } from "./wire/receive.ts";
import type { SignatureReport } from "./wire/signature-verify.ts";

/** Named facts as they are printed: plain data, nothing secret: no key, no content. */
export type Facts = Record<string, unknown>;

export function encryptionFacts(
  { data, transport, reader }: OpenedEnvelope,
  keys: KeyDirectory,
): Facts {
  return {
    cipher: data.method.uri,
    ivLength: data.method.ivLength,
    ...transportFacts(transport),
    reader: subjectOf(reader),
    key: keys.nameOf(reader),
  };
}

function transportFacts(transport: KeyTransport): Facts {
  if (transport.kind === "rsa-1_5") return { keyTransport: "rsa-1_5" };
  return { keyTransport: "rsa-oaep", keyTransportHash: transport.hash };
}

export function certificateFacts(
  { role, id, certificate }: RoleCertificate,
  keys: KeyDirectory,
  now: Date,
): Facts {
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  const { validFromDate, validToDate } = certificate;
  return {
    role,
    id,
    subject: subjectOf(certificate),
    issuer: oneLine(certificate.issuer),
    serialNumber: certificate.serialNumber,
    notBefore: validFromDate.toISOString(),
    notAfter: validToDate.toISOString(),
    validNow: validFromDate <= now && now <= validToDate,
    key: [asymmetricKeyType, asymmetricKeyDetails?.modulusLength, asymmetricKeyDetails?.namedCurve]
      .filter((part) => part !== undefined)
      .join(" "),
    sha256: hex(certificate.raw),
    known: keys.nameOf(certificate) ?? (keys.trusts(certificate) ? "issued by a known CA" : "no"),
  };
}

export function signatureFacts(
  { algorithm, signer, references, errors }: SignatureReport,
  keys: KeyDirectory,
): Facts {
  return {
    algorithm,
    valid: errors.length === 0,
    role: signer?.role,
    signer: signer && subjectOf(signer.certificate),
    key: signer && keys.nameOf(signer.certificate),
    references: references.map(({ uri, digestMethod, error }) => ({
      uri,
      digest: digestMethod,
      ok: error === undefined,
      ...(error === undefined ? {} : { reason: error.message }),
    })),
  };
}

export function feedbackFacts({ outcome, entries }: Feedback): Facts {
  return {
    outcome,
    entries: entries.map(({ code, language, text }) => ({
      code,
      meaning: meaningOf(code),
      language,
      text,
    })),
  };
}

export function processCardFacts(card: ProcessCard): Facts {
  return {
    messageId: card.messageId,
    recentModification: card.recentModification.text,
    creation: stampText(card.creation),
    forwarding: stampText(card.forwarding),
    reception: stampText(card.reception),
    subject: card.subject,
    inspections: card.inspections.map(inspectionFacts),
  };
}

function inspectionFacts({ checkedAt, ...inspection }: CertificateInspection): Facts {
  return { checkedAt: stampText(checkedAt), ...inspection };
}

function stampText(stamp: Stamp | undefined): string | undefined {
  if (stamp === undefined) return undefined;
  return stamp.kind === "plain" ? stamp.time.text : `cryptographic (${stamp.algorithm})`;
}

export function containerFacts(
  { container, encryptions }: OpenContainer,
  signatures: readonly SignatureReport[],
  keys: KeyDirectory,
): Facts {
  return {
    id: container.id,
    encryption: encryptions.map((encryption) => openedFacts(encryption, keys)),
    signatures: signatures.map((report) => signatureFacts(report, keys)),
    contents: container.contents.map(contentFacts),
    encryptedAttachments: container.attachmentKeys.map(({ cid, method }) => ({
      name: cid,
      cipher: method.uri,
      ivLength: method.ivLength,
    })),
  };
}

function openedFacts({ data, transport, reader }: OpenedEncryption, keys: KeyDirectory): Facts {
  return {
    id: data.id,
    cipher: data.method.uri,
    ivLength: data.method.ivLength,
    ...transportFacts(transport),
    readers: data.keys.length,
    reader: subjectOf(reader.certificate),
    key: keys.nameOf(reader.certificate),
  };
}

function contentFacts(content: Content): Facts {
  if (content.kind === "container") return { kind: "container", id: content.container.id };
  if (content.kind === "attachment")
    return { kind: "attachment", id: content.id, name: content.cid };
  const bytes = contentBytes(content);
  return { kind: "data", id: content.id, bytes: bytes.length, sha256: hex(bytes) };
}

export function attachmentFacts(
  name: string,
  transported: TransportedAttachment,
  taken: TakenAttachment | undefined,
): Facts {
  return {
    name,
    mediaType: transported.header.contentType,
    transferEncoding: transported.header.transferEncoding,
    declaredLength: transported.header.declaredLength,
    transportedBytes: transported.size,
    transportedDigests: digestFacts(transported.digests),
    ...(taken === undefined
      ? { opened: false }
      : {
          opened: true,
          encrypted: taken.encrypted,
          bytes: taken.size,
          digests: digestFacts(taken.digests),
        }),
  };
}

function digestFacts(digests: DigestValues): Facts {
  return Object.fromEntries(
    [...digests].map(([uri, value]) => [uri.split("#").at(-1) ?? uri, value.toString("hex")]),
  );
}

export function subjectOf(certificate: X509Certificate): string {
  return oneLine(certificate.subject);
}

function oneLine(name: string): string {
  return name.split("\n").reverse().join(", ");
}

function hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
