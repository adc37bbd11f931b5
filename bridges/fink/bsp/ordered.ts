import { childElements, hasText, textOf } from "../../../src/guard/xml.ts";
import type { XmlElement } from "../../../src/guard/xml.ts";
import { LetterFault } from "./letter-fault.ts";

/** Walks through the children of one element in the order of its schema: what is not next in line is refused. */
export class OrderedReader {
  readonly path: string;
  readonly #children: readonly XmlElement[];
  readonly #uri: string;
  #at = 0;

  constructor(element: XmlElement, path: string) {
    if (hasText(element)) throw new LetterFault("20", path, "holds text between its elements");
    this.path = path;
    this.#uri = element.uri;
    this.#children = childElements(element);
  }

  /** The next element, if it has this name. */
  take(name: string): XmlElement | undefined {
    const next = this.#children[this.#at];
    if (next?.local !== name || next.uri !== this.#uri) return undefined;
    this.#at += 1;
    return next;
  }
  need(name: string): XmlElement {
    const found = this.take(name);
    if (found === undefined) throw new LetterFault("20", this.placeOf(name), this.#whatIsThere());
    return found;
  }
  text(name: string): string | undefined {
    const element = this.take(name);
    return element && this.plain(element);
  }
  needText(name: string): string {
    return this.plain(this.need(name));
  }
  /** The Schluessel in an element of a key table; the table named there must be the right one. */
  key(name: string, table: string): string | undefined {
    const element = this.take(name);
    if (element === undefined) return undefined;
    const inside = new OrderedReader(element, this.placeOf(name));
    const named = inside.needText("Tabelle");
    const value = inside.needText("Schluessel");
    inside.end();
    if (named.trim() !== table)
      throw new LetterFault("20", inside.path, `is a key of table ${table}, not of another`);
    return value.trim();
  }
  needKey(name: string, table: string): string {
    const value = this.key(name, table);
    if (value === undefined) throw new LetterFault("20", this.placeOf(name), this.#whatIsThere());
    return value;
  }
  inside(name: string, mark = ""): OrderedReader {
    return new OrderedReader(this.need(name), this.placeOf(name) + mark);
  }
  insideOptional(name: string): OrderedReader | undefined {
    const element = this.take(name);
    return element && new OrderedReader(element, this.placeOf(name));
  }
  /** Nothing may be left. */
  end(): void {
    const left = this.#children[this.#at];
    if (left !== undefined)
      throw new LetterFault("20", this.path, `${describe(left, this.#uri)} is not expected here`);
  }
  placeOf(name: string): string {
    return this.path === "" ? name : `${this.path}/${name}`;
  }
  plain(element: XmlElement): string {
    if (childElements(element).length > 0)
      throw new LetterFault("20", this.placeOf(element.local), "holds elements instead of text");
    return textOf(element);
  }

  #whatIsThere(): string {
    const next = this.#children[this.#at];
    return next === undefined ? "is missing" : `is missing; ${describe(next, this.#uri)} is there`;
  }
}

/** Names of elements are the sender's choice: only what could be a name of the schema is repeated. */
function describe({ local, uri }: XmlElement, expected: string): string {
  const name = /^[A-Za-z.]{1,40}$/.test(local) ? local : "an unknown element";
  return uri === expected ? name : `${name} of another namespace`;
}
