import { GatewayError } from "../model/errors.ts";

export const XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace";
export const XMLNS_NAMESPACE = "http://www.w3.org/2000/xmlns/";

export interface XmlAttribute {
  /** As written, with prefix. */
  readonly name: string;
  readonly prefix: string;
  readonly local: string;
  /** "" = no namespace: an unprefixed attribute never takes the default namespace. */
  readonly uri: string;
  /** Normalised and with references resolved (XML 1.0 §3.3.3). */
  readonly value: string;
}

/** A declaration as it stands on one element; prefix "" is the default namespace, uri "" takes it back. */
export interface XmlNamespace {
  readonly prefix: string;
  readonly uri: string;
}

export interface XmlText {
  readonly kind: "text";
  /** References resolved, CDATA and neighbouring text merged, comments gone, line ends "\n". */
  readonly value: string;
}
export interface XmlInstruction {
  readonly kind: "instruction";
  readonly target: string;
  readonly data: string;
}
export interface XmlElement {
  readonly kind: "element";
  readonly name: string;
  readonly prefix: string;
  readonly local: string;
  readonly uri: string;
  /** Without namespace declarations. */
  readonly attributes: readonly XmlAttribute[];
  readonly namespaces: readonly XmlNamespace[];
  readonly children: readonly XmlNode[];
  readonly parent: XmlElement | undefined;
  /** Where the element stands in `XmlDocument.source`: from "<" up to and without `end`. */
  readonly start: number;
  readonly end: number;
}
export type XmlNode = XmlElement | XmlText | XmlInstruction;

export interface XmlDocument {
  readonly root: XmlElement;
  /** The decoded text the offsets point into; its UTF-8 form is the input, less a byte order mark. */
  readonly source: string;
}

/** Child elements in document order; with a name, only those. */
export function childElements(
  parent: XmlElement,
  uri?: string,
  local?: string,
): readonly XmlElement[] {
  return parent.children.filter(
    (node): node is XmlElement =>
      node.kind === "element" &&
      (uri === undefined || node.uri === uri) &&
      (local === undefined || node.local === local),
  );
}

/** The child of that name. Throws INPUT_INVALID when there are several: never pick one of two. */
export function optionalChild(
  parent: XmlElement,
  uri: string,
  local: string,
): XmlElement | undefined {
  const found = childElements(parent, uri, local);
  if (found.length > 1)
    throw new GatewayError("INPUT_INVALID", `more than one ${local} in ${parent.local}`);
  return found[0];
}

/** As `optionalChild`; throws INPUT_INVALID when there is none. */
export function requiredChild(parent: XmlElement, uri: string, local: string): XmlElement {
  const found = optionalChild(parent, uri, local);
  if (found === undefined)
    throw new GatewayError("INPUT_INVALID", `${local} is missing in ${parent.local}`);
  return found;
}

/** Value of an attribute; without `uri` the unprefixed one. */
export function attributeOf(element: XmlElement, local: string, uri = ""): string | undefined {
  return element.attributes.find((attribute) => attribute.local === local && attribute.uri === uri)
    ?.value;
}

/** The text of an element that holds nothing but text. Throws INPUT_INVALID when it has child elements. */
export function textOf(element: XmlElement): string {
  let text = "";
  for (const node of element.children) {
    if (node.kind === "element")
      throw new GatewayError("INPUT_INVALID", `${element.local} holds elements instead of text`);
    if (node.kind === "text") text += node.value;
  }
  return text;
}

export function hasText(element: XmlElement): boolean {
  return element.children.some((node) => node.kind === "text" && node.value.trim() !== "");
}

/** The characters of the element as they stood in the input. */
export function sourceOf(document: XmlDocument, element: XmlElement): string {
  return document.source.slice(element.start, element.end);
}

/** Every element of a subtree, in document order. No recursion: depth is the sender's choice. */
export function* elementsOf(root: XmlElement): Generator<XmlElement> {
  const stack: XmlElement[] = [root];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    yield next;
    for (let index = next.children.length - 1; index >= 0; index -= 1) {
      const child = next.children[index];
      if (child?.kind === "element") stack.push(child);
    }
  }
}

/**
 * Elements by the value of their unprefixed attribute `attribute`. Throws INPUT_HOSTILE when a value occurs twice:
 * two elements of one id are how a signed part is swapped for another (signature wrapping).
 */
export function indexIds(root: XmlElement, attribute = "Id"): ReadonlyMap<string, XmlElement> {
  const index = new Map<string, XmlElement>();
  for (const element of elementsOf(root)) {
    const id = attributeOf(element, attribute);
    if (id === undefined) continue;
    if (index.has(id)) throw new GatewayError("INPUT_HOSTILE", "the same Id occurs twice");
    index.set(id, element);
  }
  return index;
}
