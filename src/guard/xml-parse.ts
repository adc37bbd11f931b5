import { GatewayError } from "../model/errors.ts";
import type { XmlLimits } from "./xml.ts";
import type { Steps } from "./xml-pace.ts";
import { XmlScanner } from "./xml-scan.ts";
import {
  XML_NAMESPACE,
  XMLNS_NAMESPACE,
  type XmlAttribute,
  type XmlDocument,
  type XmlElement,
  type XmlNamespace,
  type XmlNode,
} from "./xml-tree.ts";

/** Pieces of markup between two places where the event loop may turn. */
const stepLength = 256;
const declaration =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(["'])1\.0\1(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(["'])([A-Za-z][A-Za-z0-9._-]*)\2)?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(["'])(?:yes|no)\4)?[ \t\r\n]*\?>/;

interface OpenElement extends XmlElement {
  readonly children: XmlNode[];
  end: number;
}
/** Declarations of one element; those of its ancestors are found through `outer`. */
interface Scope {
  readonly own: ReadonlyMap<string, string>;
  readonly outer: Scope | undefined;
}
const bare = { attributes: [], namespaces: [] } as const;
const outermost: Scope = { own: new Map([["xml", XML_NAMESPACE]]), outer: undefined };

/**
 * Parses a document of the XML 1.0 subset that is safe to read: no document type, so no entities but the five
 * predefined ones; namespaces resolved (Namespaces in XML 1.0). Refuses instead of repairing, and counts while it
 * reads, so that the cost is bounded by the limits.
 */
export function* parseSteps(source: string, limits: XmlLimits): Steps<XmlDocument> {
  const scan = new XmlScanner(source, limits);
  readDeclaration(scan);
  const builder = new TreeBuilder(scan, limits);
  for (let step = 1; scan.at < source.length; step += 1) {
    const markup = source.indexOf("<", scan.at);
    if (markup !== scan.at)
      builder.text(yield* scan.characters(markup === -1 ? source.length : markup));
    else if (scan.takes("<!--")) yield* readComment(scan);
    else if (scan.takes("<![CDATA["))
      builder.section(yield* scan.clean(scan.upTo("]]>", "CDATA"), false));
    else if (scan.takes("<?")) yield* builder.instruction();
    else if (scan.takes("</")) builder.close();
    else builder.open();
    if (step % stepLength === 0) yield;
  }
  return { root: builder.finish(), source };
}

function readDeclaration(scan: XmlScanner): void {
  if (!/^<\?xml[ \t\r\n]/.test(scan.source)) return;
  const match = declaration.exec(scan.source.slice(0, 256));
  if (match === null) throw scan.malformed("the XML declaration is not version 1.0");
  if ((match[3] ?? "UTF-8").toUpperCase() !== "UTF-8")
    throw new GatewayError("INPUT_INVALID", "XML declares another encoding than UTF-8");
  scan.at = match[0].length;
}

function* readComment(scan: XmlScanner): Steps<undefined> {
  scan.count();
  yield* scan.clean(scan.upTo("--", "a comment"), false);
  if (!scan.takes(">")) throw scan.malformed("-- in a comment");
  return undefined;
}

class TreeBuilder {
  readonly #scan: XmlScanner;
  readonly #limits: XmlLimits;
  readonly #stack: { readonly element: OpenElement; readonly scope: Scope }[] = [];
  #root: XmlElement | undefined;

  constructor(scan: XmlScanner, limits: XmlLimits) {
    this.#scan = scan;
    this.#limits = limits;
  }

  finish(): XmlElement {
    if (this.#root === undefined || this.#stack.length > 0)
      throw this.#scan.malformed("the document is not complete");
    return this.#root;
  }

  text(value: string): void {
    const open = this.#stack.at(-1)?.element;
    if (open === undefined) {
      if (/[^ \t\n]/.test(value)) throw this.#scan.malformed("text outside of the root element");
      return;
    }
    if (value === "") return;
    const last = open.children.at(-1);
    if (last?.kind === "text") {
      open.children[open.children.length - 1] = { kind: "text", value: last.value + value };
      return;
    }
    this.#scan.count();
    open.children.push({ kind: "text", value });
  }

  section(value: string): void {
    if (this.#stack.length === 0) throw this.#scan.malformed("CDATA outside of the root element");
    this.#scan.count();
    this.text(value);
  }

  *instruction(): Steps<undefined> {
    const scan = this.#scan;
    scan.count();
    const { name, prefix } = scan.name();
    if (prefix !== "" || name.toLowerCase() === "xml")
      throw scan.malformed("a forbidden processing instruction");
    const spaced = scan.blank();
    const data = yield* scan.clean(scan.upTo("?>", "a processing instruction"), false);
    if (!spaced && data !== "") throw scan.malformed("a broken processing instruction");
    // Outside of the root element they belong to no subset that we sign or read.
    this.#stack.at(-1)?.element.children.push({ kind: "instruction", target: name, data });
    return undefined;
  }

  close(): void {
    const scan = this.#scan;
    const open = this.#stack.pop()?.element;
    const { name } = scan.name();
    scan.blank();
    if (open?.name !== name || !scan.takes(">"))
      throw scan.malformed("an end tag that does not fit");
    open.end = scan.at;
  }

  open(): void {
    const scan = this.#scan;
    const start = scan.at;
    if (!scan.takes("<")) throw scan.malformed("markup is expected");
    if (scan.source[scan.at] === "!") throw scan.malformed("a markup declaration");
    if (this.#stack.length === 0 && this.#root !== undefined)
      throw scan.malformed("a second root element");
    if (this.#stack.length >= this.#limits.maxDepth)
      throw new GatewayError("INPUT_HOSTILE", `XML is nested deeper than ${this.#limits.maxDepth}`);
    scan.count();
    const name = scan.name();
    const { attributes, namespaces } = readAttributes(scan, this.#limits);
    const parent = this.#stack.at(-1);
    const scope = enter(namespaces, parent?.scope ?? outermost);
    const element: OpenElement = {
      kind: "element",
      ...name,
      uri: resolve(scan, name.prefix, scope),
      attributes: attributes.some(({ prefix }) => prefix !== "")
        ? attributes.map((attribute) => qualify(scan, attribute, scope))
        : attributes,
      namespaces,
      children: [],
      parent: parent?.element,
      start,
      end: start,
    };
    refuseTwins(scan, element.attributes);
    this.#root ??= element;
    parent?.element.children.push(element);
    if (scan.takes("/>")) element.end = scan.at;
    else if (scan.takes(">")) this.#stack.push({ element, scope });
    else throw scan.malformed("a start tag is not closed");
  }
}

function readAttributes(
  scan: XmlScanner,
  limits: XmlLimits,
): { attributes: readonly XmlAttribute[]; namespaces: readonly XmlNamespace[] } {
  // Most elements have neither: they share one empty list.
  if (!scan.blank() || /[/>]/.test(scan.source[scan.at] ?? ">")) return bare;
  const attributes: XmlAttribute[] = [];
  const namespaces: XmlNamespace[] = [];
  const names = new Set<string>();
  do {
    const name = scan.name();
    scan.count();
    scan.blank();
    if (!scan.takes("=")) throw scan.malformed("an attribute without a value");
    scan.blank();
    const value = scan.quoted();
    if (names.has(name.name)) throw scan.malformed("an attribute occurs twice");
    names.add(name.name);
    if (names.size > limits.maxAttributes)
      throw new GatewayError("INPUT_HOSTILE", "an XML element has too many attributes");
    if (name.name === "xmlns") namespaces.push(declare(scan, "", value));
    else if (name.prefix === "xmlns") namespaces.push(declare(scan, name.local, value));
    else attributes.push({ ...name, uri: "", value });
  } while (scan.blank() && !/[/>]/.test(scan.source[scan.at] ?? ">"));
  return { attributes, namespaces };
}

/** Namespaces in XML 1.0 §3: what may be bound to what. */
function declare(scan: XmlScanner, prefix: string, uri: string): XmlNamespace {
  const reserved = prefix === "xmlns" || uri === XMLNS_NAMESPACE;
  const takenBack = prefix !== "" && uri === "";
  if (reserved || takenBack || (prefix === "xml") !== (uri === XML_NAMESPACE))
    throw scan.malformed("a namespace declaration that is not allowed");
  return { prefix, uri };
}

function enter(namespaces: readonly XmlNamespace[], outer: Scope): Scope {
  if (namespaces.length === 0) return outer;
  return { own: new Map(namespaces.map(({ prefix, uri }) => [prefix, uri])), outer };
}

function resolve(scan: XmlScanner, prefix: string, scope: Scope): string {
  for (let here: Scope | undefined = scope; here !== undefined; here = here.outer) {
    const uri = here.own.get(prefix);
    if (uri !== undefined) return uri;
  }
  if (prefix === "") return "";
  throw scan.malformed("a prefix without a namespace");
}

function qualify(scan: XmlScanner, attribute: XmlAttribute, scope: Scope): XmlAttribute {
  if (attribute.prefix === "") return attribute;
  return { ...attribute, uri: resolve(scan, attribute.prefix, scope) };
}

/** Two prefixes of one namespace must not hide the same attribute twice. */
function refuseTwins(scan: XmlScanner, attributes: readonly XmlAttribute[]): void {
  if (attributes.length < 2) return;
  const seen = new Set(attributes.map(({ uri, local }) => `${uri} ${local}`));
  if (seen.size !== attributes.length) throw scan.malformed("an attribute occurs twice");
}
