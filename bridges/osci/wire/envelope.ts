import {
  attributeOf,
  childElements,
  hasText,
  indexIds,
  optionalChild,
  parseXmlPaced,
  type XmlDocument,
  type XmlElement,
  type XmlLimits,
} from "../../../src/guard/xml.ts";
import { asMalformed, malformed, OsciError } from "./errors.ts";
import {
  NS,
  isResponse,
  typeOfSchemaLocation,
  type EnvelopeType,
  type MessageType,
} from "./names.ts";
import { GatewayError } from "../../../src/model/errors.ts";

const mebibyte = 1024 * 1024;

/** Limits of the XML part. Attachments are parts of their own; only inline contents make it large. */
export const ENVELOPE_LIMITS: Partial<XmlLimits> = Object.freeze({
  maxBytes: 32 * mebibyte,
  maxDepth: 48,
  maxNodes: 200_000,
});

/** Header blocks, custom ones included. */
const maxBlocks = 64;

/** A message as it stands, taken apart but not verified: nothing may act on it yet. */
export interface Envelope {
  readonly type: MessageType;
  readonly document: XmlDocument;
  /** Every element with an Id; no Id occurs twice. */
  readonly ids: ReadonlyMap<string, XmlElement>;
  readonly control: XmlElement;
  /** ClientSignature or SupplierSignature. */
  readonly signature: XmlElement | undefined;
  /** All header blocks but the signature, in document order; each has an Id. */
  readonly blocks: readonly XmlElement[];
  /** Has an Id. */
  readonly body: XmlElement;
}

/** Parses the XML part of a message. Throws OsciError 9100. */
export async function parseEnvelope(
  xml: Uint8Array,
  limits: Partial<XmlLimits> = ENVELOPE_LIMITS,
  signal?: AbortSignal,
): Promise<XmlDocument> {
  try {
    return await parseXmlPaced(xml, limits, signal);
  } catch (cause) {
    if (cause instanceof GatewayError)
      throw new OsciError(cause.code, "9100", cause.message, { cause });
    throw cause;
  }
}

/**
 * What kind of envelope this is: by the exact schemaLocation, written with the prefix `xsi`; without one it is a fault
 * (facts §2.3, §2.4, §8.1).
 */
export function envelopeTypeOf({ root }: XmlDocument): EnvelopeType {
  if (root.uri !== NS.soap || root.local !== "Envelope")
    throw malformed("the XML is not a SOAP envelope");
  const location = root.attributes.find(
    ({ name, uri }) => name === "xsi:schemaLocation" && uri === NS.xsi,
  )?.value;
  if (location === undefined) return "MessageFault";
  const type = typeOfSchemaLocation(location);
  if (type === undefined) throw malformed("xsi:schemaLocation names no message of OSCI 1.2");
  return type;
}

/** The only Body, and the Header before it; nothing else may stand in an envelope. */
export function partsOf(document: XmlDocument): {
  header: XmlElement | undefined;
  body: XmlElement;
} {
  const { root } = document;
  const [first, second, ...others] = childElements(root);
  const header = isSoap(first, "Header") ? first : undefined;
  const body = header === undefined ? first : second;
  const more = header === undefined ? second : others[0];
  if (body === undefined || !isSoap(body, "Body") || more !== undefined || hasText(root))
    throw malformed("the envelope is not one Header and one Body");
  return { header, body };
}

/** Takes a message apart. Throws OsciError 9100 for everything in the right column of facts §2.3 that shows here. */
export function readEnvelope(document: XmlDocument): Envelope {
  const type = envelopeTypeOf(document);
  if (type === "MessageEncrypted" || type === "MessageFault")
    throw malformed(`a message is expected, not a ${type}`);
  const { header, body } = partsOf(document);
  if (header === undefined || hasText(header)) throw malformed("the message has no proper Header");
  const all = childElements(header);
  if (all.length > maxBlocks) throw malformed("too many header blocks");
  for (const element of [...all, body])
    if (!attributeOf(element, "Id")) throw malformed(`${element.local} has no Id`);
  const ids = asMalformed("the message", () => indexIds(document.root));
  const control = asMalformed("the message", () => optionalChild(header, NS.osci, "ControlBlock"));
  if (control === undefined) throw malformed("the message has no ControlBlock");
  const signature = readSignatureBlock(type, header, control);
  const blocks = all.filter((element) => element !== signature);
  return { type, document, ids, control, signature, blocks, body };
}

/** At most one, of the right kind, after the ControlBlock. */
function readSignatureBlock(
  type: MessageType,
  header: XmlElement,
  control: XmlElement,
): XmlElement | undefined {
  const [wanted, other] = isResponse(type)
    ? ["SupplierSignature", "ClientSignature"]
    : ["ClientSignature", "SupplierSignature"];
  if (childElements(header, NS.osci, other).length > 0)
    throw malformed(`a ${type} carries a ${other}`);
  const signature = asMalformed("the message", () => optionalChild(header, NS.osci, wanted));
  if (signature !== undefined && signature.start < control.start)
    throw malformed("the signature stands before the ControlBlock");
  return signature;
}

/** The header block of that name; two of them are refused. */
export function blockOf(
  { blocks }: Pick<Envelope, "blocks">,
  local: string,
  uri: string = NS.osci,
): XmlElement | undefined {
  const found = blocks.filter((block) => block.uri === uri && block.local === local);
  if (found.length > 1) throw malformed(`${local} occurs twice`);
  return found[0];
}

function isSoap(element: XmlElement | undefined, local: string): element is XmlElement {
  return element?.uri === NS.soap && element.local === local;
}
