import {
  attributeOf,
  childElements,
  hasText,
  optionalChild,
  textOf,
  type XmlElement,
} from "../../../src/guard/xml.ts";
import { INCLUSIVE_C14N } from "../../../src/guard/c14n.ts";
import { decodeBase64 } from "./base64.ts";
import { asMalformed, badSignature, hostile } from "./errors.ts";
import { NS } from "./names.ts";

/** EGVP allows 1000 files; each is one reference, or two in a content signature. */
const maxReferences = 4096;

export interface Reference {
  /** As written: `#id` or `cid:name`. */
  readonly uri: string;
  readonly transforms: readonly string[];
  readonly digestMethod: string;
  readonly digest: Buffer;
}

/** `ds:Signature`, read strictly: what is not listed here is refused. */
export interface SignatureParts {
  readonly element: XmlElement;
  readonly signedInfo: XmlElement;
  readonly algorithm: string;
  readonly references: readonly Reference[];
  readonly value: Buffer;
  /** Id of the certificate element that RetrievalMethod points to. */
  readonly keyId: string;
  /** `ds:Object` with signed properties (XAdES), if any. */
  readonly objects: readonly XmlElement[];
}

/** Throws OsciError: 9601 for a form that is not ours, 9100 for broken XML. */
export function readSignature(element: XmlElement): SignatureParts {
  return asMalformed("the signature", () => readParts(element));
}

function readParts(element: XmlElement): SignatureParts {
  const [signedInfo, value, keyInfo, ...objects] = childElements(element);
  if (
    !isDs(signedInfo, "SignedInfo") ||
    !isDs(value, "SignatureValue") ||
    !isDs(keyInfo, "KeyInfo")
  )
    throw badSignature("the signature is not SignedInfo, SignatureValue and KeyInfo");
  if (objects.some((object) => !isDs(object, "Object")) || hasText(element))
    throw badSignature("the signature holds something unknown");
  const [canonicalization, method, ...references] = childElements(signedInfo);
  if (!isDs(canonicalization, "CanonicalizationMethod") || !isDs(method, "SignatureMethod"))
    throw badSignature("SignedInfo does not begin with its two methods");
  if (algorithmOf(canonicalization) !== INCLUSIVE_C14N)
    throw badSignature("another canonicalisation than the inclusive one");
  if (references.length === 0 || references.length > maxReferences)
    throw hostile("a signature without references or with too many");
  return {
    element,
    signedInfo,
    algorithm: algorithmOf(method),
    references: references.map(readReference),
    value: decodeBase64(textOf(value)),
    keyId: readKeyId(keyInfo),
    objects,
  };
}

function readReference(element: XmlElement): Reference {
  if (!isDs(element, "Reference")) throw badSignature("SignedInfo holds something unknown");
  const uri = attributeOf(element, "URI");
  const parts = childElements(element);
  const transforms = isDs(parts[0], "Transforms") ? parts[0] : undefined;
  const [method, digest, ...others] = transforms === undefined ? parts : parts.slice(1);
  if (uri === undefined || !isDs(method, "DigestMethod") || !isDs(digest, "DigestValue"))
    throw badSignature("a reference is not complete");
  if (others.length > 0) throw badSignature("a reference holds something unknown");
  return {
    uri,
    transforms: transforms === undefined ? [] : childElements(transforms).map(readTransform),
    digestMethod: algorithmOf(method),
    digest: decodeBase64(textOf(digest)),
  };
}

function readTransform(element: XmlElement): string {
  if (!isDs(element, "Transform")) throw badSignature("Transforms holds something unknown");
  return algorithmOf(element);
}

function readKeyId(keyInfo: XmlElement): string {
  const method = optionalChild(keyInfo, NS.ds, "RetrievalMethod");
  const uri = method === undefined ? undefined : attributeOf(method, "URI");
  if (childElements(keyInfo).length !== 1 || uri?.startsWith("#") !== true || uri.length < 2)
    throw badSignature("KeyInfo is not one reference to a certificate of this message");
  return uri.slice(1);
}

/** An algorithm without parameters: nothing that would change what it means may stand inside. */
function algorithmOf(element: XmlElement): string {
  const uri = attributeOf(element, "Algorithm");
  if (uri === undefined || childElements(element).length > 0)
    throw badSignature(`${element.local} is not a plain algorithm`);
  return uri;
}

function isDs(element: XmlElement | undefined, local: string): element is XmlElement {
  return element?.uri === NS.ds && element.local === local;
}
