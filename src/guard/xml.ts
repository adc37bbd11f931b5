/**
 * The only way into XML for everything that comes from outside. Refuses a DOCTYPE on the raw bytes, takes UTF-8 only,
 * counts size, depth, attributes and nodes while it reads and never repairs. A reader of our own and not a general one,
 * because what is verified, what is read and what is counted must be one and the same tree: no second parse, no
 * recovery, no entity machinery that could make them differ. Tests hold it against two independent parsers.
 */
import { decodeXml } from "./xml-bytes.ts";
import { runAtOnce, runPaced, type Steps } from "./xml-pace.ts";
import { parseSteps } from "./xml-parse.ts";
import type { XmlDocument } from "./xml-tree.ts";

export interface XmlLimits {
  readonly maxBytes: number;
  /** Nested elements. */
  readonly maxDepth: number;
  /** Of one element, namespace declarations included. */
  readonly maxAttributes: number;
  /** Characters of one value. */
  readonly maxAttributeLength: number;
  /** Elements, attributes, texts, comments, instructions and references together. */
  readonly maxNodes: number;
}

export const XML_LIMITS: XmlLimits = Object.freeze({
  maxBytes: 1024 * 1024,
  maxDepth: 64,
  maxAttributes: 64,
  maxAttributeLength: 64 * 1024,
  maxNodes: 100_000,
});

/**
 * Parses at once: for documents up to about a megabyte. Throws GatewayError INPUT_HOSTILE (DOCTYPE, a limit) or
 * INPUT_INVALID (not well-formed, not UTF-8).
 */
export function parseXml(bytes: Uint8Array, limits: Partial<XmlLimits> = {}): XmlDocument {
  return runAtOnce(steps(bytes, limits));
}

/** As `parseXml`, and the event loop keeps turning meanwhile. Throws the signal's reason when aborted. */
export async function parseXmlPaced(
  bytes: Uint8Array,
  limits: Partial<XmlLimits> = {},
  signal?: AbortSignal,
): Promise<XmlDocument> {
  return runPaced(steps(bytes, limits), signal);
}

function steps(bytes: Uint8Array, overrides: Partial<XmlLimits>): Steps<XmlDocument> {
  const limits = { ...XML_LIMITS, ...overrides };
  return parseSteps(decodeXml(bytes, limits.maxBytes), limits);
}

export {
  attributeOf,
  childElements,
  elementsOf,
  hasText,
  indexIds,
  optionalChild,
  requiredChild,
  sourceOf,
  textOf,
  XML_NAMESPACE,
} from "./xml-tree.ts";
export type { XmlAttribute, XmlDocument, XmlElement, XmlNode } from "./xml-tree.ts";
