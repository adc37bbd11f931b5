import { escapeAttribute, escapeText } from "./xml-escape.ts";
import type { Steps } from "./xml-pace.ts";
import {
  XML_NAMESPACE,
  type XmlAttribute,
  type XmlElement,
  type XmlInstruction,
} from "./xml-tree.ts";

/** Canonical XML 1.0, inclusive, without comments (W3C REC-xml-c14n-20010315). */
export const INCLUSIVE_C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
/** Exclusive XML Canonicalization 1.0, without comments (W3C REC-xml-exc-c14n-20020718). */
export const EXCLUSIVE_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#";

export interface CanonicalForm {
  /**
   * Exclusive form: only namespaces that are visibly used. The prefixes given here ("" is the default namespace) are
   * treated as in the inclusive form (InclusiveNamespaces PrefixList). Without it: the inclusive form.
   */
  readonly exclusive?: ReadonlySet<string>;
  /** Left out with everything in it: an enveloped signature. */
  readonly without?: XmlElement;
}

/** Characters that are handed on at once, at most twice of it. */
const pieceLength = 64 * 1024;

/** Namespaces that the output already declares, innermost first. */
interface Rendered {
  readonly own: ReadonlyMap<string, string>;
  readonly outer: Rendered | undefined;
}

/**
 * Writes the canonical form of the subset that consists of `apex` and everything in it. The apex takes over the
 * namespaces in scope and the `xml:` attributes of its ancestors (§2.4), unless the form is exclusive. `write` gets whole
 * characters, never half of a surrogate pair, in pieces of bounded length.
 */
export function* canonicalSteps(
  apex: XmlElement,
  write: (piece: string) => void,
  form: CanonicalForm = {},
): Steps<undefined> {
  const output = new Pieces(write);
  const stack: { readonly element: XmlElement; readonly scope: Rendered; next: number }[] = [];
  const enter = (element: XmlElement, outer: Rendered | undefined): void => {
    const scope = renderedBy(element, outer, form.exclusive);
    const taken = outer === undefined && form.exclusive === undefined ? inherited(element) : [];
    output.add(startTag(element, scope, outer, taken));
    stack.push({ element, scope, next: 0 });
  };
  enter(apex, undefined);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const node = top.element.children[top.next];
    top.next += 1;
    if (node === undefined) {
      output.add(`</${top.element.name}>`);
      stack.pop();
    } else if (node === form.without) continue;
    else if (node.kind === "element") enter(node, top.scope);
    else if (node.kind === "instruction") output.add(instruction(node));
    else yield* output.text(node.value);
    if (output.wrote()) yield;
  }
  output.flush();
  return undefined;
}

/** The canonical form of a small subset as one string. */
export function canonicalize(apex: XmlElement, form: CanonicalForm = {}): string {
  const pieces: string[] = [];
  const steps = canonicalSteps(apex, (piece) => pieces.push(piece), form);
  while (steps.next().done !== true);
  return pieces.join("");
}

class Pieces {
  readonly #write: (piece: string) => void;
  #held: string[] = [];
  #length = 0;
  #wrote = false;

  constructor(write: (piece: string) => void) {
    this.#write = write;
  }

  add(text: string): void {
    this.#held.push(text);
    this.#length += text.length;
    if (this.#length >= pieceLength) this.flush();
  }

  *text(value: string): Steps<undefined> {
    for (let start = 0; start < value.length;) {
      const end = cutBetweenCharacters(value, start + pieceLength);
      this.add(escapeText(value.slice(start, end)));
      start = end;
      if (start < value.length) yield;
    }
    return undefined;
  }

  flush(): void {
    if (this.#length > 0) this.#write(this.#held.join(""));
    this.#held = [];
    this.#length = 0;
    this.#wrote = true;
  }

  /** Whether something was handed on since the last question. */
  wrote(): boolean {
    const wrote = this.#wrote;
    this.#wrote = false;
    return wrote;
  }
}

function cutBetweenCharacters(text: string, end: number): number {
  if (end >= text.length) return text.length;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

/** What stands declared after the start tag of `element`: for the apex everything in scope, else its own. */
function renderedBy(
  element: XmlElement,
  outer: Rendered | undefined,
  exclusive: ReadonlySet<string> | undefined,
): Rendered {
  if (exclusive !== undefined) return { own: usedBy(element, outer, exclusive), outer };
  const own = new Map<string, string>();
  for (
    let here: XmlElement | undefined = element;
    here !== undefined;
    here = outer === undefined ? here.parent : undefined
  )
    for (const { prefix, uri } of here.namespaces) if (!own.has(prefix)) own.set(prefix, uri);
  return { own, outer };
}

/** Exclusive form §3: what the element and its attributes use, and of the listed prefixes what is declared here. */
function usedBy(
  element: XmlElement,
  outer: Rendered | undefined,
  listed: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const own = new Map([[element.prefix, element.uri]]);
  for (const { prefix, uri } of element.attributes) if (prefix !== "") own.set(prefix, uri);
  if (listed.size === 0) return own;
  for (
    let here: XmlElement | undefined = element;
    here !== undefined;
    here = outer === undefined ? here.parent : undefined
  )
    for (const { prefix, uri } of here.namespaces)
      if (listed.has(prefix) && !own.has(prefix)) own.set(prefix, uri);
  return own;
}

function lookUp(scope: Rendered | undefined, prefix: string): string {
  for (let here = scope; here !== undefined; here = here.outer) {
    const uri = here.own.get(prefix);
    if (uri !== undefined) return uri;
  }
  return "";
}

function startTag(
  element: XmlElement,
  scope: Rendered,
  outer: Rendered | undefined,
  taken: readonly XmlAttribute[],
): string {
  const namespaces = [...scope.own]
    .filter(([prefix, uri]) => prefix !== "xml" && lookUp(outer, prefix) !== uri)
    .sort(([left], [right]) => compareCodePoints(left, right))
    .map(([prefix, uri]) => {
      const name = prefix === "" ? "xmlns" : `xmlns:${prefix}`;
      return ` ${name}="${escapeAttribute(uri)}"`;
    });
  const attributes = [...element.attributes, ...taken]
    .sort(
      (left, right) =>
        compareCodePoints(left.uri, right.uri) || compareCodePoints(left.local, right.local),
    )
    .map(({ name, value }) => ` ${name}="${escapeAttribute(value)}"`);
  return `<${element.name}${namespaces.join("")}${attributes.join("")}>`;
}

/** `xml:lang`, `xml:space` and the like of the ancestors, the nearest of each name. */
function inherited(apex: XmlElement): readonly XmlAttribute[] {
  const names = new Set(
    apex.attributes.filter(({ uri }) => uri === XML_NAMESPACE).map(({ local }) => local),
  );
  const found: XmlAttribute[] = [];
  for (let here = apex.parent; here !== undefined; here = here.parent)
    for (const attribute of here.attributes)
      if (attribute.uri === XML_NAMESPACE && !names.has(attribute.local)) {
        names.add(attribute.local);
        found.push(attribute);
      }
  return found;
}

function instruction({ target, data }: XmlInstruction): string {
  return `<?${target}${data === "" ? "" : ` ${data}`}?>`;
}

/** Order of the canonical form: by code point, not by UTF-16 unit. */
function compareCodePoints(left: string, right: string): number {
  const one = Array.from(left);
  const other = Array.from(right);
  for (let index = 0; index < Math.min(one.length, other.length); index += 1) {
    const difference = (one[index]?.codePointAt(0) ?? 0) - (other[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}
