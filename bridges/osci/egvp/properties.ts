import { GatewayError } from "../../../src/model/errors.ts";

/**
 * `additional_infos`: the text form of Java's `Properties` (facts §5.1). Read are all its rules: comments (`#`, `!`),
 * the separators `=`, `:` and blank, continued lines, `\uXXXX` and the short escapes, CR, LF and CRLF.
 */

const MAX_ENTRIES = 1_000;
const SHORT: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f" };

/**
 * As in Java the last of several values of a key counts. Bytes that are not UTF-8 are taken as Latin-1, which is what
 * older Java wrote.
 * @throws GatewayError INPUT_HOSTILE (too many entries)
 */
export function readProperties(bytes: Uint8Array): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  let count = 0;
  for (const line of logicalLines(decode(bytes))) {
    count += 1;
    if (count > MAX_ENTRIES)
      throw new GatewayError("INPUT_HOSTILE", `additional_infos: more than ${MAX_ENTRIES} entries`);
    const end = keyEnd(line);
    const key = unescapeText(line.slice(0, end));
    entries.set(key, unescapeText(line.slice(valueStart(line, end))));
  }
  return entries;
}

/** `now` becomes the comment line that Java writes, in UTC. Everything but printable ASCII is escaped. */
export function writeProperties(
  entries: readonly (readonly [key: string, value: string])[],
  now: Date,
): Buffer {
  const lines = entries.map(([key, value]) => `${escapeKey(key)}=${escapeValue(value)}`);
  return Buffer.from([`#${javaDate(now)}`, ...lines, ""].join("\r\n"), "latin1");
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString("latin1");
  }
}

/** Lines without comments; a line that ends in an odd number of backslashes goes on in the next one. */
function* logicalLines(text: string): Generator<string> {
  let pieces: string[] | undefined;
  for (const natural of text.split(/\r\n|\r|\n/)) {
    const line = natural.replace(/^[ \t\f]+/, "");
    if (pieces === undefined && (line === "" || line.startsWith("#") || line.startsWith("!")))
      continue;
    const continued = endsInOddBackslashes(line);
    (pieces ??= []).push(continued ? line.slice(0, -1) : line);
    if (continued) continue;
    yield pieces.join("");
    pieces = undefined;
  }
  if (pieces !== undefined) yield pieces.join("");
}

function endsInOddBackslashes(line: string): boolean {
  let count = 0;
  while (count < line.length && line[line.length - 1 - count] === "\\") count += 1;
  return count % 2 === 1;
}

function keyEnd(line: string): number {
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === "\\") at += 1;
    else if (/[=: \t\f]/.test(line.charAt(at))) return at;
  }
  return line.length;
}
function valueStart(line: string, end: number): number {
  const blank = /[ \t\f]/;
  let at = end;
  while (blank.test(line.charAt(at))) at += 1;
  if (line[at] !== "=" && line[at] !== ":") return at;
  at += 1;
  while (blank.test(line.charAt(at))) at += 1;
  return at;
}

function unescapeText(text: string): string {
  return text.replace(/\\(u[\s\S]{0,4}|[\s\S]|$)/g, (whole, what: string) => {
    if (!what.startsWith("u")) return SHORT[what] ?? what;
    const hex = what.slice(1);
    // Java would refuse the file; a path such as C:\users that nobody escaped is no reason to hold a letter back.
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) return whole;
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
}

function escapeKey(key: string): string {
  return escapeCommon(key).replaceAll(" ", "\\ ");
}
function escapeValue(value: string): string {
  return escapeCommon(value).replace(/^ +/, (blanks) => "\\ ".repeat(blanks.length));
}
function escapeCommon(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "\t": "\\t",
    "\n": "\\n",
    "\r": "\\r",
    "\f": "\\f",
  };
  return text
    .replace(/[\\:=#!]/g, (character) => `\\${character}`)
    .replace(/[\t\n\r\f]/g, (character) => names[character] ?? character)
    .replace(
      // By code unit: Java writes a character beyond the first plane as two escapes.
      /[^\x20-\x7e]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`,
    );
}

/** `Sat Nov 21 03:20:34 UTC 2026`, the form of `java.util.Date.toString`. */
function javaDate(date: Date): string {
  const [weekday = "", day = "", month = "", year = "", time = ""] = date
    .toUTCString()
    .replace(",", "")
    .split(" ");
  return `${weekday} ${month} ${day} ${time} UTC ${year}`;
}
