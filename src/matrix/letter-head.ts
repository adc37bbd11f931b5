import { textOfHtml } from "./html.ts";

/** Longest subject and file number that are taken from a text; a longer line is part of the letter. */
const MAX_SUBJECT = 1_000;
const MAX_REFERENCE = 255;

/** What people write above a letter in a client that has no fields for it. */
export interface LetterHead {
  readonly subject?: string;
  readonly reference?: string;
}
export interface HeadedText {
  readonly head: LetterHead;
  /** The letter without these lines; empty when there is nothing else. */
  readonly rest: string;
}

const LINE = /^(Betreff|Aktenzeichen|Az\.?)\s*:\s*(\S.*)$/i;

/**
 * `Betreff: …` and `Aktenzeichen: …` (`Az.: …`) as first lines, then an empty line or the end. Pure. undefined: the text
 * has no such head; without the empty line it could be the first sentence of the letter.
 */
export function splitHead(text: string): HeadedText | undefined {
  const lines = text.split(/\r?\n/);
  const blank = lines.findIndex((line) => line.trim() === "");
  const head = readHead(blank < 0 ? lines : lines.slice(0, blank));
  if (!head) return undefined;
  return {
    head,
    rest:
      blank < 0
        ? ""
        : lines
            .slice(blank + 1)
            .join("\n")
            .trim(),
  };
}

/**
 * The same for sanitised HTML: the head is the first paragraph, or what stands before the first empty line or block. The
 * paragraph's end is the empty line. Pure.
 */
export function splitHtmlHead(html: string): HeadedText | undefined {
  const opening = /^\s*(?:<p>|<div>)?\s*/.exec(html)?.[0] ?? "";
  const body = html.slice(opening.length);
  const end = END.exec(body);
  const first = end === null ? body : body.slice(0, end.index);
  const head = readHead(textOfHtml(first).split("\n"));
  if (!head) return undefined;
  if (end === null) return { head, rest: "" };
  const after = body.slice(end.index);
  const closed = after.replace(/^<\/(?:p|div)>\s*/, "");
  if (closed !== after) return { head, rest: closed.trim() };
  // Cut inside a paragraph or before a block: what was opened goes on with the rest.
  const rest = after.replace(/^(?:<br\s*\/?>\s*)+/, "").trim();
  return { head, rest: `${opening.trim()}${rest}` };
}

const END =
  /<\/(?:p|div)>|<br\s*\/?>\s*(?:<br\s*\/?>\s*)+|<(?:p|div|ul|ol|blockquote|pre|table|h[1-6]|hr)(?:\s[^>]*)?\/?>/;

/** Every line must be one of the head, and each at most once. */
function readHead(lines: readonly string[]): LetterHead | undefined {
  let subject: string | undefined;
  let reference: string | undefined;
  for (const line of lines) {
    const [, word = "", value = ""] = LINE.exec(line.trim()) ?? [];
    const given = value.trim();
    const isSubject = word.toLowerCase() === "betreff";
    if (given === "" || given.length > (isSubject ? MAX_SUBJECT : MAX_REFERENCE)) return undefined;
    if ((isSubject ? subject : reference) !== undefined) return undefined;
    if (isSubject) subject = given;
    else reference = given;
  }
  if (subject === undefined && reference === undefined) return undefined;
  return {
    ...(subject === undefined ? {} : { subject }),
    ...(reference === undefined ? {} : { reference }),
  };
}
