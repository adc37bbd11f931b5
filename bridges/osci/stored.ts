import type { X509Certificate } from "node:crypto";
import { canonicalize } from "../../src/guard/c14n.ts";
import { attributeOf, childElements, type XmlElement } from "../../src/guard/xml.ts";
import { createDigest, sameBytes } from "./wire/digests.ts";
import { blockOf, type Envelope } from "./wire/envelope.ts";
import { asMalformed, badSignature, malformed, OsciError } from "./wire/errors.ts";
import { readMessage, type Message } from "./wire/message-read.ts";
import { NS, TRANSFORM } from "./wire/names.ts";
import { readProcessCard, type ProcessCard } from "./wire/process-card.ts";
import type { RawMessage } from "./wire/receive.ts";
import { readSignature, type SignatureParts } from "./wire/signature-read.ts";
import { verifyBytes } from "./wire/signature-value.ts";
import { certificatesOf, verifyTransport } from "./wire/signature-verify.ts";
import type { DeliveryAnswer } from "./delivery.ts";
import type { ByteSource } from "./wire/stream.ts";

/**
 * A delivery as an EGVP client keeps it (facts §5.4): decrypted, in the envelope of another message, with the answer to
 * the fetch as one more header block under a changed name. Body, attachments and control block are no longer the bytes
 * that the intermediary signed; the certificates and, with its name put back, the answer with the process card are.
 */
export interface StoredDelivery {
  readonly answer: DeliveryAnswer;
  /** The intermediary we know signed process card and certificates. */
  readonly vouched: boolean;
}

const STORED_NAME = /(<\/?osci:(?:responseToF|f)etch)GOV2_CE_PROCESSCARD(?=[ >])/g;
const STORED_BLOCK = "responseToFetchGOV2_CE_PROCESSCARD";

/**
 * Throws OsciError: 9100 without exactly one process card, 9601 when a certificate that we know signed something else.
 */
export async function readStored(
  source: ByteSource,
  raw: RawMessage,
  envelope: Envelope,
  signatures: readonly X509Certificate[],
): Promise<StoredDelivery> {
  const block = blockOf(envelope, STORED_BLOCK);
  if (block === undefined) throw malformed("the stored delivery lacks the answer to its fetch");
  const signer = signerOf(envelope, signatures);
  if (signer !== undefined) verifyStored(envelope, block, signer);
  const digests = new Map([...raw.attachments].map(([cid, one]) => [cid, one.digests]));
  const bare = { ...envelope, signature: undefined };
  const plain = await verifyTransport(bare, digests, { required: false, trusts: () => false });
  const message = readMessage(plain);
  const [card, second] = childElements(block, NS.osci)
    .filter(({ local }) => local === "ProcessCardBundle")
    .map(readProcessCard);
  if (card === undefined || second !== undefined)
    throw malformed("the stored delivery has not exactly one process card");
  const vouched = signer !== undefined;
  const { attachments, encryption } = raw;
  const received = { kind: "message" as const, envelope: plain, encryption, attachments };
  return { answer: { message: withCard(message, card, vouched), received, source }, vouched };
}

/** Inspections that nobody signed prove nobody (`vouchedSigner`). */
function withCard(message: Message, card: ProcessCard, vouched: boolean): Message {
  return { ...message, cards: [vouched ? card : { ...card, inspections: [] }] };
}

interface Signer {
  readonly signature: SignatureParts;
  readonly certificate: X509Certificate;
}

/** undefined: unsigned, or signed by an intermediary that the settings do not name (an older certificate). */
function signerOf(envelope: Envelope, known: readonly X509Certificate[]): Signer | undefined {
  if (envelope.signature === undefined) return undefined;
  const [element, ...others] = childElements(envelope.signature);
  if (element?.uri !== NS.ds || element.local !== "Signature" || others.length > 0)
    throw badSignature("the signature block holds no single signature");
  const signature = readSignature(element);
  const named = certificatesOf(envelope).find(({ id }) => id === signature.keyId)?.certificate;
  const certificate = known.find((one) => named !== undefined && one.raw.equals(named.raw));
  return certificate === undefined ? undefined : { signature, certificate };
}

function verifyStored(envelope: Envelope, answer: XmlElement, signer: Signer): void {
  const { signedInfo, algorithm, value } = signer.signature;
  verifyBytes(algorithm, signer.certificate, Buffer.from(canonicalize(signedInfo)), value);
  requireSigned(signer, answer, canonicalize(answer).replace(STORED_NAME, "$1Delivery"));
  for (const name of ["IntermediaryCertificates", "NonIntermediaryCertificates"]) {
    const block = blockOf(envelope, name);
    if (block !== undefined) requireSigned(signer, block, canonicalize(block));
  }
}

function requireSigned({ signature }: Signer, block: XmlElement, text: string): void {
  const uri = `#${attributeOf(block, "Id") ?? ""}`;
  const [reference, second] = signature.references.filter((one) => one.uri === uri);
  if (reference === undefined || second !== undefined)
    throw new OsciError("SIGNATURE_INVALID", "9602", `not signed once: ${uri}`);
  asMalformed("the signature", () => {
    const digest = createDigest(reference.digestMethod).update(text).digest();
    const right = reference.transforms.join(" ") === TRANSFORM.canonical;
    if (!right || !sameBytes(digest, reference.digest)) throw badSignature(`${uri} was changed`);
  });
}
