import { EGVP } from "./profile.ts";

/** Names of files, in both directions (facts §5.6, §8.18): readers get safe ones, EGVP gets legal ones. */

const MAX_READ_CHARACTERS = 180;
const MAX_EXTENSION = 12;
// Control characters, marks that turn the direction of writing, and characters without width: they make a name look
// like another one (`Rechnung\u202efdp.exe`).
const INVISIBLE =
  // eslint-disable-next-line no-control-regex -- these characters are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g;
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;

/** What is left of the name when nothing in it may lead anywhere or deceive: never a path, never empty. */
export function readableName(given: string): string {
  const flat = given.toWellFormed().normalize("NFC").replace(INVISIBLE, "");
  const last = flat.split(/[/\\]/).findLast((part) => part.trim() !== "") ?? "";
  const cleaned = last
    .replace(/[<>:"|?*]/g, "_")
    .trim()
    .replace(/[. ]+$/, "");
  const named = /^(\.|$)/.test(cleaned) ? `Datei${cleaned}` : cleaned;
  return shorten(RESERVED.test(named) ? `_${named}` : named, MAX_READ_CHARACTERS);
}

/** Gives every name to one file only; two that differ in case alone count as equal, as they do on many disks. */
export class NameRegister {
  readonly #taken = new Set<string>();
  constructor(reserved: readonly string[] = []) {
    for (const name of reserved) this.#taken.add(fold(name));
  }
  /** `mark` says how a number is put to a name that is taken: " (2)" or "_2". */
  take(name: string, maxCharacters: number, mark: (count: number) => string): string {
    let free = shorten(name, maxCharacters);
    for (let count = 2; this.#taken.has(fold(free)); count += 1)
      free = shorten(name, maxCharacters, mark(count));
    this.#taken.add(fold(free));
    return free;
  }
}

export const MAX_READABLE = MAX_READ_CHARACTERS + 10;

/** The legal form: German letters, digits, underscore, hyphen and one dot before the extension; other letters lose their marks. */
export function legalName(given: string): string {
  const { base, extension } = splitName(readableName(given));
  const clean = (text: string, more = "") =>
    text
      .replace(new RegExp(`[^${EGVP.outgoing.nameCharacters}${more}]`, "gu"), transliterate)
      .replace(/_{2,}/g, "_")
      .replace(/^_+|_+$/g, "");
  const name = clean(base);
  const ending = clean(extension.slice(1)).replace(/[^A-Za-z0-9]/g, "");
  return (name === "" ? "Datei" : name) + (ending === "" ? "" : `.${ending}`);
}

const LETTERS: Readonly<Record<string, string>> = {
  æ: "ae",
  Æ: "Ae",
  œ: "oe",
  Œ: "Oe",
  ø: "oe",
  Ø: "Oe",
  å: "aa",
  Å: "Aa",
  ł: "l",
  Ł: "L",
  đ: "d",
  Đ: "D",
  þ: "th",
  ð: "d",
  ı: "i",
  ẞ: "SS",
  "§": "Par",
  "&": "und",
  "€": "EUR",
  "–": "-",
  "—": "-",
};
function transliterate(character: string): string {
  const known = LETTERS[character];
  if (known !== undefined) return known;
  const bare = character.normalize("NFKD").replace(/\p{M}/gu, "");
  return /^[A-Za-z0-9]+$/.test(bare) ? bare : "_";
}

/** Lower case, with dot; empty when there is none. */
export function extensionOf(name: string): string {
  return splitName(name).extension.toLowerCase();
}

export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function splitName(name: string): { base: string; extension: string } {
  const dot = name.lastIndexOf(".");
  const isExtension = dot > 0 && name.length - dot <= MAX_EXTENSION && dot < name.length - 1;
  return isExtension
    ? { base: name.slice(0, dot), extension: name.slice(dot) }
    : { base: name, extension: "" };
}

/** Cuts before the mark and the extension. */
function shorten(name: string, maxCharacters: number, mark = ""): string {
  const { base, extension } = splitName(name);
  const room = maxCharacters - countCharacters(mark + extension);
  return [...base].slice(0, Math.max(room, 1)).join("") + mark + extension;
}
function fold(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
