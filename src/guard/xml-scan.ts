import { GatewayError } from "../model/errors.ts";
import type { XmlLimits } from "./xml.ts";
import type { Steps } from "./xml-pace.ts";

/** Text is looked at in pieces of this many characters, so that one huge text node does not hold the event loop. */
const sliceLength = 128 * 1024;
/** The longest reference that is legal here ("&#x0010FFFF;" and a little slack). */
const maxReferenceLength = 14;

// XML 1.0 (fifth edition) §2.3 [4] and [4a], without ":": prefixes are looked at by the reader of names.
const startCharacters =
  "A-Z_a-z\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C\\u200D" +
  "\\u2070-\\u218F\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD\\u{10000}-\\u{EFFFF}";
const plainName = `[${startCharacters}][-.0-9\\u00B7\\u0300-\\u036F\\u203F\\u2040${startCharacters}]*`;
// eslint-disable-next-line no-misleading-character-class -- the ranges are those of the standard, joiners included
const qualifiedName = new RegExp(`(?:(${plainName}):)?(${plainName})`, "uy");
const blanks = /[ \t\r\n]*/y;
// XML 1.0 §2.2 [2]; the input was decoded from UTF-8, so there are no lone surrogates.
// eslint-disable-next-line no-control-regex -- these characters are what is looked for
const illegalCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const reference = /&(?:#x([0-9A-Fa-f]{1,8});|#([0-9]{1,8});|(lt|gt|amp|apos|quot);)?/g;
const predefined: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  apos: "'",
  quot: '"',
};

export interface QualifiedName {
  readonly name: string;
  readonly prefix: string;
  readonly local: string;
}

/** Position in the text of a document, and what may be read at it. Never repairs: anything malformed throws. */
export class XmlScanner {
  readonly source: string;
  readonly #limits: XmlLimits;
  at = 0;
  #pieces = 0;

  constructor(source: string, limits: XmlLimits) {
    this.source = source;
    this.#limits = limits;
  }

  malformed(what: string): GatewayError {
    return new GatewayError("INPUT_INVALID", `XML: ${what} at character ${String(this.at)}`);
  }

  /** Counts elements, attributes, texts and references against the limit. */
  count(): void {
    this.#pieces += 1;
    if (this.#pieces > this.#limits.maxNodes)
      throw new GatewayError("INPUT_HOSTILE", `XML has more than ${this.#limits.maxNodes} nodes`);
  }

  /** Skips white space; tells whether there was some. */
  blank(): boolean {
    blanks.lastIndex = this.at;
    const length = blanks.exec(this.source)?.[0].length ?? 0;
    this.at += length;
    return length > 0;
  }

  /** Steps over `text` when it stands here. */
  takes(text: string): boolean {
    if (!this.source.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  name(): QualifiedName {
    qualifiedName.lastIndex = this.at;
    const match = qualifiedName.exec(this.source);
    const [name, prefix = "", local] = match ?? [];
    if (name === undefined || local === undefined) throw this.malformed("a name is expected");
    this.at += name.length;
    if (this.source[this.at] === ":") throw this.malformed("a name has too many colons");
    return { name, prefix, local };
  }

  /** A quoted attribute value, normalised (XML 1.0 §3.3.3, type CDATA). */
  quoted(): string {
    const quote = this.source[this.at];
    if (quote !== '"' && quote !== "'") throw this.malformed("a quoted value is expected");
    const end = this.source.indexOf(quote, this.at + 1);
    if (end === -1) throw this.malformed("a value is not closed");
    if (end - this.at > this.#limits.maxAttributeLength)
      throw new GatewayError("INPUT_HOSTILE", "an XML attribute is too long");
    const raw = this.source.slice(this.at + 1, end);
    if (raw.includes("<")) throw this.malformed("< in an attribute value");
    this.refuseIllegal(raw);
    const value = this.resolve(raw.replace(/\r\n|[\t\r\n]/g, " "));
    this.at = end + 1;
    return value;
  }

  /** Everything up to `terminator`, which is stepped over. */
  upTo(terminator: string, what: string): string {
    const end = this.source.indexOf(terminator, this.at);
    if (end === -1) throw this.malformed(`${what} is not closed`);
    const text = this.source.slice(this.at, end);
    this.at = end + terminator.length;
    return text;
  }

  /** Character data up to `end`, references resolved and line ends normalised (XML 1.0 §2.11). */
  *characters(end: number): Steps<string> {
    const raw = this.source.slice(this.at, end);
    if (raw.includes("]]>")) throw this.malformed("]]> in text");
    const value = yield* this.clean(raw, true);
    this.at = end;
    return value;
  }

  /** Checks and normalises text; `references` is false for CDATA, where "&" is a character like any other. */
  *clean(raw: string, references: boolean): Steps<string> {
    const asIs = !raw.includes("\r") && !(references && raw.includes("&"));
    const pieces: string[] = [];
    for (let start = 0; start < raw.length;) {
      const end = this.cut(raw, start, references);
      const slice = raw.slice(start, end);
      this.refuseIllegal(slice);
      if (!asIs) {
        const lines = slice.replace(/\r\n?/g, "\n");
        pieces.push(references ? this.resolve(lines) : lines);
      }
      start = end;
      if (start < raw.length) yield;
    }
    return asIs ? raw : pieces.join("");
  }

  /** End of the next slice: never inside a reference or between CR and LF. */
  private cut(raw: string, start: number, references: boolean): number {
    const end = start + sliceLength;
    if (end >= raw.length) return raw.length;
    const opened = references ? raw.slice(end - maxReferenceLength, end).lastIndexOf("&") : -1;
    if (opened !== -1) return end - maxReferenceLength + opened;
    return raw[end] === "\n" && raw[end - 1] === "\r" ? end - 1 : end;
  }

  private refuseIllegal(text: string): void {
    if (illegalCharacter.test(text)) throw this.malformed("a character that XML does not allow");
  }

  private resolve(text: string): string {
    if (!text.includes("&")) return text;
    return text.replace(reference, (_whole, hex?: string, decimal?: string, known?: string) => {
      this.count();
      if (known !== undefined) return predefined[known] ?? "";
      if (hex === undefined && decimal === undefined) throw this.malformed("an unknown reference");
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      const surrogate = code >= 0xd800 && code <= 0xdfff;
      if (code > 0x10ffff || surrogate || illegalCharacter.test(String.fromCodePoint(code)))
        throw this.malformed("a reference to a character that XML does not allow");
      return String.fromCodePoint(code);
    });
  }
}
