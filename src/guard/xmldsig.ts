/**
 * Enveloped XML signatures over a whole document. What is verified is what is read: both work on the one tree of
 * `parseXml`, and the caller gets that tree without its signature. There is no second parse, no look-up of an element by
 * its id (the reference must name the root itself), and no key out of the document.
 */
import { createHash, timingSafeEqual, type X509Certificate } from "node:crypto";
import { GatewayError } from "../model/errors.ts";
import { canonicalize, canonicalSteps } from "./c14n.ts";
import { attributeOf, childElements, elementsOf, sourceOf } from "./xml.ts";
import type { XmlDocument, XmlElement } from "./xml.ts";
import { giveWay, runPaced } from "./xml-pace.ts";
import { digestName, requireMethod, unfit, verifyValue } from "./xmldsig-algorithms.ts";
import { readEnvelopedSignature, XMLDSIG, type EnvelopedSignature } from "./xmldsig-read.ts";

/** Elements between two places where the event loop may turn. */
const stepLength = 512;
/** A signature with a few certificates in its KeyInfo; a larger one carries something else. */
const maxSignatureCharacters = 128 * 1024;

export interface EnvelopedExpectation {
  /** Certificates of which one must have signed: from configuration, never from the document. */
  readonly pins: readonly X509Certificate[];
  readonly now: Date;
  /** Attribute of the root that carries its id. */
  readonly idAttribute: string;
}

export interface SignedDocument {
  /**
   * The signed root: the parsed tree without the signature. Read downwards from here only; `parent` of its children is
   * the root as it was parsed.
   */
  readonly root: XmlElement;
  readonly signer: X509Certificate;
  readonly method: string;
  readonly digestMethod: string;
  readonly canonicalization: string;
}

/**
 * Verifies the one enveloped signature of a document. Throws GatewayError SIGNATURE_INVALID (none, several, another form
 * than the allowed, wrong value, changed content), CERTIFICATE_INVALID (no pin can be used at all) or INPUT_HOSTILE
 * (an id occurs twice); the signal's reason when aborted.
 */
export async function verifyEnveloped(
  document: XmlDocument,
  expectation: EnvelopedExpectation,
  signal?: AbortSignal,
): Promise<SignedDocument> {
  const { root } = document;
  const element = await findSignature(root, signal);
  refuseHidden(document, element);
  const signature = readEnvelopedSignature(element);
  if (signature.id !== attributeOf(root, expectation.idAttribute))
    throw invalid("the reference does not name the root element");
  const signer = verifySigner(signature, expectation);
  const hash = createHash(digestName(signature.digestMethod));
  const form = { ...signature.digestForm, without: element };
  const steps = canonicalSteps(root, (piece) => hash.update(piece, "utf8"), form);
  await runPaced(steps, signal);
  if (!sameBytes(hash.digest(), signature.digest))
    throw invalid("the document was changed after it was signed");
  return {
    root: { ...root, children: root.children.filter((node) => node !== element) },
    signer,
    method: signature.method,
    digestMethod: signature.digestMethod,
    canonicalization: signature.canonicalization,
  };
}

/** The only signature of the document, first child of its root; every id of the document occurs once. */
async function findSignature(root: XmlElement, signal?: AbortSignal): Promise<XmlElement> {
  const found: XmlElement[] = [];
  const ids = new Set<string>();
  let step = 0;
  for (const element of elementsOf(root)) {
    if (element.uri === XMLDSIG && element.local === "Signature") found.push(element);
    for (const { local, value } of element.attributes) {
      // ID, Id, id, xml:id, wsu:Id: whatever some other reader might take for an id.
      if (local.toLowerCase() !== "id") continue;
      if (ids.has(value)) throw new GatewayError("INPUT_HOSTILE", "the same id occurs twice");
      ids.add(value);
    }
    step += 1;
    if (step % stepLength === 0) await giveWay(signal);
  }
  const [signature, ...others] = found;
  if (signature === undefined) throw invalid("the document is not signed");
  if (others.length > 0) throw invalid("there is more than one signature");
  if (childElements(root)[0] !== signature)
    throw invalid("the signature is not the first child of the root element");
  return signature;
}

/**
 * Comments and instructions are in no tree or text that we read, other readers stop at them (CVE-2025-29775); CDATA only
 * hides. A signature needs none of them.
 */
function refuseHidden(document: XmlDocument, signature: XmlElement): void {
  const source = sourceOf(document, signature);
  if (source.length > maxSignatureCharacters) throw invalid("the signature is too large");
  if (/<[!?]/.test(source)) throw invalid("the signature holds comments, instructions or CDATA");
}

function verifySigner(
  signature: EnvelopedSignature,
  { pins, now }: EnvelopedExpectation,
): X509Certificate {
  const method = requireMethod(signature.method);
  digestName(signature.digestMethod);
  const reasons = pins.map((pin) => unfit(pin, method, now));
  const usable = pins.filter((_, index) => reasons[index] === undefined);
  if (usable.length === 0) {
    const why = reasons.map((reason, index) => `number ${String(index + 1)} ${String(reason)}`);
    const detail = why.length === 0 ? "there is none" : why.join("; ");
    throw new GatewayError("CERTIFICATE_INVALID", `no pinned certificate can be used: ${detail}`);
  }
  const data = Buffer.from(canonicalize(signature.signedInfo, signature.form));
  const signer = usable.find((pin) => verifyValue(method, pin, data, signature.value));
  if (signer === undefined)
    throw invalid("it was not made with a pinned certificate, or it was changed");
  return signer;
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}

function invalid(what: string): GatewayError {
  return new GatewayError("SIGNATURE_INVALID", `XML signature: ${what}`);
}
