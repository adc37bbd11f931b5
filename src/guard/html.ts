import sanitizeHtml from "sanitize-html";

/** Which HTML may pass. Everything else is either refused (`findForbidden`) or cut away (`sanitise`). */
export interface HtmlRules {
  /** Lower case. */
  readonly tags: readonly string[];
  /** Attributes by tag. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  /** Schemes of links, without colon. */
  readonly schemes: readonly string[];
}

/**
 * element: a tag that is not on the list. attribute: one that is not. link: a scheme that is not. markup: something a
 * browser would take for markup, but broken, unbalanced, a comment or a declaration.
 */
export interface HtmlFinding {
  readonly kind: "element" | "attribute" | "link" | "markup";
  /** Name of the element or attribute, or the scheme; never content. */
  readonly what: string;
  /** Character at which it stands. */
  readonly at: number;
}

const MAX_FINDINGS = 20;
const MAX_DEPTH = 64;
const VOID_TAGS = ["br", "hr", "img", "wbr", "input", "meta", "link", "col"];
const MARKUP = /<[A-Za-z/!?]/g;
/** No `<` or `>` inside a value: keeps the search linear, and what contains one is reported as broken. */
const TAG =
  /<(\/?)([A-Za-z][A-Za-z0-9-]*)((?:\s+[^\s=<>"'/]+(?:\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=`]+))?)*)\s*(\/?)>/y;
const ATTRIBUTE = /([^\s=<>"'/]+)(?:\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)'|([^\s"'<>=`]+)))?/g;

/** What the rules forbid in a text that will be shown as HTML; empty: nothing. At most 20 findings. */
export function findForbidden(html: string, rules: HtmlRules): readonly HtmlFinding[] {
  const findings: HtmlFinding[] = [];
  const open: string[] = [];
  MARKUP.lastIndex = 0;
  for (const { index: at } of html.matchAll(MARKUP)) {
    if (findings.length >= MAX_FINDINGS) break;
    TAG.lastIndex = at;
    const [, slash, name, attributes = "", selfClosing] = TAG.exec(html) ?? [];
    if (name === undefined) {
      findings.push({ kind: "markup", what: "broken tag, comment or declaration", at });
      continue;
    }
    const tag = name.toLowerCase();
    if (!rules.tags.includes(tag)) findings.push({ kind: "element", what: tag, at });
    else if (slash === "") findings.push(...judgeAttributes(tag, attributes, rules, at));
    if (!keepsBalance(open, tag, slash === "/", selfClosing === "/"))
      findings.push({ kind: "markup", what: `unbalanced ${tag}`, at });
  }
  if (open.length > 0)
    findings.push({ kind: "markup", what: `unclosed ${open.join(" ")}`, at: html.length });
  return findings.slice(0, MAX_FINDINGS);
}

function keepsBalance(open: string[], tag: string, closes: boolean, selfClosing: boolean): boolean {
  if (closes) return open.pop() === tag;
  if (VOID_TAGS.includes(tag)) return true;
  open.push(tag);
  return !selfClosing && open.length <= MAX_DEPTH;
}

function judgeAttributes(
  tag: string,
  attributes: string,
  rules: HtmlRules,
  at: number,
): HtmlFinding[] {
  const findings: HtmlFinding[] = [];
  const seen = new Set<string>();
  for (const [, raw = "", double, single, bare] of attributes.matchAll(ATTRIBUTE)) {
    const name = raw.toLowerCase();
    const allowed = rules.attributes[tag]?.includes(name) ?? false;
    if (!allowed || seen.has(name)) findings.push({ kind: "attribute", what: name, at });
    else if (name === "href" && !isAllowedLink(double ?? single ?? bare ?? "", rules))
      findings.push({ kind: "link", what: schemeOf(double ?? single ?? bare ?? ""), at });
    seen.add(name);
  }
  return findings;
}

/** The scheme must stand there in plain letters: an encoded or relative one is refused. */
function isAllowedLink(link: string, rules: HtmlRules): boolean {
  return (
    rules.schemes.includes(schemeOf(link)) && /^[a-z]+:\/\/[^\s/"'<>]|^mailto:[^\s]/i.test(link)
  );
}
function schemeOf(link: string): string {
  return /^([a-z][a-z0-9+.-]{0,20}):/i.exec(link)?.[1]?.toLowerCase() ?? "relative";
}

/** HTML with nothing but what the rules allow, balanced and escaped. */
export function sanitise(html: string, rules: HtmlRules): string {
  return sanitizeHtml(html, {
    allowedTags: [...rules.tags],
    allowedAttributes: Object.fromEntries(
      Object.entries(rules.attributes).map(([tag, names]) => [tag, [...names]]),
    ),
    allowedSchemes: [...rules.schemes],
    allowedSchemesAppliedToAttributes: ["href", "src", "cite"],
    allowProtocolRelative: false,
    disallowedTagsMode: "discard",
    nestingLimit: MAX_DEPTH,
    parseStyleAttributes: false,
  });
}

/** Does a reader have to show this as HTML? Entities alone do not make HTML, tags do. */
export function hasTags(text: string): boolean {
  return /<\/?[a-z][a-z0-9-]{0,20}(?:\s[^<>]{0,4000})?\/?>/i.test(text);
}

/** Plain text with its entities resolved, for a text without tags. */
export function decodeEntities(text: string): string {
  return unescape(sanitise(text.replaceAll("<", "&lt;"), NO_TAGS));
}
const NO_TAGS: HtmlRules = { tags: [], attributes: {}, schemes: [] };

/** Text to be shown as HTML: escaped, line ends as `<br>`. `textOf` gives the same text back. */
export function htmlOf(text: string): string {
  return escape(text.replace(/\r\n?/g, "\n")).replaceAll("\n", "<br>");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
function unescape(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
}

/** Enough structure to derive text; scripts and styles fall out with their content. */
const READABLE: HtmlRules = {
  tags: ["p", "div", "br", "ul", "ol", "li", "a", "h1", "h2", "h3", "h4", "h5", "h6", "tr"].concat([
    "blockquote",
    "pre",
  ]),
  attributes: { a: ["href"] },
  schemes: ["https", "http", "mailto"],
};
const PIECE = /<(\/?)([a-z0-9]+)([^>]*)>|[^<]+/g;

/** The same content as plain text: paragraphs, line ends, list marks, and where a link leads. */
export function textOf(html: string): string {
  const writer = new TextWriter();
  for (const [piece, slash, tag, attributes = ""] of sanitise(html, READABLE).matchAll(PIECE)) {
    if (tag === undefined) writer.text(unescape(piece));
    else if (slash === "/") writer.close(tag);
    else writer.open(tag, unescape(/href="([^"]*)"/.exec(attributes)?.[1] ?? ""));
  }
  return writer.result();
}

class TextWriter {
  #out = "";
  readonly #lists: { ordered: boolean; count: number }[] = [];
  #link: { href: string; from: number } | undefined;

  text(text: string): void {
    for (const part of text.split(/(\s*\n\s*)/)) {
      if (!/^\s*\n\s*$/.test(part)) this.#out += part;
      else if (this.#out !== "" && !this.#out.endsWith("\n")) this.#out += " ";
    }
  }
  open(tag: string, href: string): void {
    if (tag === "br") this.#out += "\n";
    else if (tag === "a") this.#link = { href, from: this.#out.length };
    else if (tag === "li") this.#item();
    else {
      this.#breakTo(tag === "tr" || this.#lists.length > 0 ? 1 : 2);
      if (tag === "ul" || tag === "ol") this.#lists.push({ ordered: tag === "ol", count: 0 });
    }
  }
  close(tag: string): void {
    if (tag === "a") this.#endLink();
    else if (tag === "li" || tag === "tr") this.#breakTo(1);
    else {
      if (tag === "ul" || tag === "ol") this.#lists.pop();
      this.#breakTo(this.#lists.length > 0 ? 1 : 2);
    }
  }
  result(): string {
    return this.#out.replace(/[ \t]+\n/g, "\n").replace(/^\n+|\s+$/g, "");
  }
  #item(): void {
    this.#breakTo(1);
    const list = this.#lists.at(-1);
    if (list !== undefined) list.count += 1;
    this.#out += list?.ordered === true ? `${list.count}. ` : "- ";
  }
  #endLink(): void {
    const link = this.#link;
    this.#link = undefined;
    if (link === undefined || link.href === "") return;
    const shown = this.#out.slice(link.from).trim();
    if (shown !== link.href) this.#out += ` (${link.href})`;
  }
  #breakTo(lines: number): void {
    if (this.#out === "") return;
    this.#out = this.#out.replace(/[ \t]+$/, "");
    const present = /\n*$/.exec(this.#out)?.[0].length ?? 0;
    this.#out += "\n".repeat(Math.max(0, lines - present));
  }
}
