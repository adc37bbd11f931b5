import { GatewayError } from "../model/errors.ts";
import { EXCLUSIVE_C14N, INCLUSIVE_C14N, type CanonicalForm } from "./c14n.ts";
import { attributeOf, childElements, elementsOf, hasText, textOf } from "./xml.ts";
import type { XmlElement } from "./xml.ts";

export const XMLDSIG = "http://www.w3.org/2000/09/xmldsig#";
const XMLDSIG_11 = "http://www.w3.org/2009/xmldsig11#";
const ENVELOPED = `${XMLDSIG}enveloped-signature`;

/** Of a key, a digest or a value, base64 characters: RSA with 16384 bits, and room. */
const maxValueLength = 4096;
const maxPrefixes = 32;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** An enveloped signature with its one reference. */
export interface EnvelopedSignature {
  readonly signedInfo: XmlElement;
  /** URI of the form of SignedInfo. */
  readonly canonicalization: string;
  readonly form: CanonicalForm;
  readonly method: string;
  readonly value: Buffer;
  /** Without "#". */
  readonly id: string;
  readonly digestMethod: string;
  readonly digest: Buffer;
  /** Form of what is digested; the signature itself is left out besides. */
  readonly digestForm: CanonicalForm;
}

/**
 * Reads `ds:Signature` strictly, form by form: what is not listed here is refused, never skipped. `KeyInfo` may stand
 * there and is not looked at; `ds:Object` may not. Throws SIGNATURE_INVALID.
 */
export function readEnvelopedSignature(signature: XmlElement): EnvelopedSignature {
  const [signedInfo, value, ...others] = parts(signature, "Signature");
  if (!isDs(signedInfo, "SignedInfo") || !isDs(value, "SignatureValue"))
    throw refusal("Signature does not begin with SignedInfo and SignatureValue");
  if (others.length > 1 || (others[0] !== undefined && !isDs(others[0], "KeyInfo")))
    throw refusal("Signature holds something else than SignedInfo, SignatureValue and KeyInfo");
  if (others[0] !== undefined) requireKeysOnly(others[0]);
  const [canonical, method, reference, ...more] = parts(signedInfo, "SignedInfo");
  if (!isDs(canonical, "CanonicalizationMethod") || !isDs(method, "SignatureMethod"))
    throw refusal("SignedInfo does not begin with its two methods");
  if (!isDs(reference, "Reference") || more.length > 0)
    throw refusal("SignedInfo does not hold exactly one Reference");
  requireEmpty(method, "SignatureMethod");
  return {
    signedInfo,
    canonicalization: algorithmOf(canonical),
    form: formOf(canonical),
    method: algorithmOf(method),
    value: decode(value),
    ...readReference(reference),
  };
}

/** What stands in KeyInfo is signed by nobody: nothing may hide there. */
function requireKeysOnly(keyInfo: XmlElement): void {
  for (const { uri, local } of elementsOf(keyInfo))
    if ((uri !== XMLDSIG && uri !== XMLDSIG_11) || local === "Object" || local === "SignedInfo")
      throw refusal("KeyInfo holds something else than keys");
}

function readReference(
  reference: XmlElement,
): Pick<EnvelopedSignature, "id" | "digestMethod" | "digest" | "digestForm"> {
  const [transforms, method, digest, ...others] = parts(reference, "Reference");
  if (!isDs(transforms, "Transforms") || !isDs(method, "DigestMethod"))
    throw refusal("Reference is not Transforms, DigestMethod and DigestValue");
  if (!isDs(digest, "DigestValue") || others.length > 0)
    throw refusal("Reference is not Transforms, DigestMethod and DigestValue");
  const [enveloped, canonical, ...more] = parts(transforms, "Transforms");
  if (!isDs(enveloped, "Transform") || !isDs(canonical, "Transform") || more.length > 0)
    throw refusal("there are not exactly two transforms");
  if (algorithmOf(enveloped) !== ENVELOPED) throw refusal("the first transform is not enveloped");
  requireEmpty(enveloped, "the enveloped transform");
  requireEmpty(method, "DigestMethod");
  const uri = attributeOf(reference, "URI") ?? "";
  if (!/^#[^#()]+$/.test(uri)) throw refusal("Reference does not name one element by its id");
  return {
    id: uri.slice(1),
    digestMethod: algorithmOf(method),
    digest: decode(digest),
    digestForm: formOf(canonical),
  };
}

/** The canonical form that CanonicalizationMethod or a Transform names; with comments is refused. */
function formOf(element: XmlElement): CanonicalForm {
  const uri = algorithmOf(element);
  if (uri === INCLUSIVE_C14N) {
    requireEmpty(element, "the inclusive canonical form");
    return {};
  }
  if (uri !== EXCLUSIVE_C14N) throw refusal(`transform ${uri.slice(0, 100)} is not allowed`);
  const [list, ...others] = parts(element, "the exclusive canonical form");
  if (list === undefined) return { exclusive: new Set() };
  const known = list.uri === EXCLUSIVE_C14N && list.local === "InclusiveNamespaces";
  if (!known || others.length > 0)
    throw refusal("the exclusive canonical form holds something else");
  requireEmpty(list, "InclusiveNamespaces");
  const prefixes = (attributeOf(list, "PrefixList") ?? "").split(" ").filter((it) => it !== "");
  if (prefixes.length > maxPrefixes) throw refusal("PrefixList is too long");
  return { exclusive: new Set(prefixes.map((it) => (it === "#default" ? "" : it))) };
}

/** Standard base64; white space may break it into lines, nothing else may stand in it. */
function decode(element: XmlElement): Buffer {
  if (childElements(element).length > 0) throw refusal(`${element.local} holds elements`);
  const text = textOf(element);
  const plain = text.length > 2 * maxValueLength ? "" : text.replace(/[ \t\r\n]+/g, "");
  if (plain === "" || plain.length > maxValueLength || !base64.test(plain))
    throw refusal(`${element.local} is not base64`);
  const bytes = Buffer.from(plain, "base64");
  // Bits after the last byte must be zero: one value has one form.
  if (bytes.toString("base64") !== plain) throw refusal(`${element.local} is not base64`);
  return bytes;
}

function parts(element: XmlElement, name: string): readonly XmlElement[] {
  if (hasText(element)) throw refusal(`${name} holds text`);
  return childElements(element);
}

function requireEmpty(element: XmlElement, name: string): void {
  if (parts(element, name).length > 0) throw refusal(`${name} has parameters`);
}

function algorithmOf(element: XmlElement): string {
  const uri = attributeOf(element, "Algorithm");
  if (uri === undefined) throw refusal(`${element.local} names no algorithm`);
  return uri;
}

function isDs(element: XmlElement | undefined, local: string): element is XmlElement {
  return element?.uri === XMLDSIG && element.local === local;
}

function refusal(what: string): GatewayError {
  return new GatewayError("SIGNATURE_INVALID", `XML signature: ${what}`);
}
