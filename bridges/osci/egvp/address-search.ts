import type { AddressEntry } from "./address-book.ts";

export const MAX_FOUND = 50;
const MAX_QUERY_CHARACTERS = 200;
const MAX_QUERY_WORDS = 10;

/**
 * A SAFE-ID names exactly one mailbox. Anything else is words: every one must begin a word of name or place, case and
 * umlauts fold ("Köln", "koln" and "Koeln" are the same). Sorted by name, then SAFE-ID.
 */
export function findEntries(
  entries: readonly AddressEntry[],
  query: string,
): readonly AddressEntry[] {
  const wanted = query.trim().slice(0, MAX_QUERY_CHARACTERS);
  const exact = entries.filter(({ safeId }) => safeId.toLowerCase() === wanted.toLowerCase());
  if (exact.length > 0) return exact;
  const words = splitWords(wanted).slice(0, MAX_QUERY_WORDS);
  if (words.length === 0) return [];
  return entries
    .filter((entry) => {
      const known = splitWords(`${entry.name} ${entry.place ?? ""}`);
      return words.every((forms) =>
        known.some((has) => has.some((form) => forms.some((begin) => form.startsWith(begin)))),
      );
    })
    .sort((left, right) => compare(left.name, right.name) || compare(left.safeId, right.safeId))
    .slice(0, MAX_FOUND);
}

/** Each word in its foldings: umlauts spelled out, and umlauts without their dots. */
function splitWords(text: string): readonly (readonly string[])[] {
  return text
    .normalize("NFC")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "")
    .map((word) => [strip(spellOut(word)), strip(word.replaceAll("ß", "ss"))]);
}
function spellOut(word: string): string {
  const letters: Readonly<Record<string, string>> = { ä: "ae", ö: "oe", ü: "ue", ß: "ss" };
  return word.replace(/[äöüß]/g, (letter) => letters[letter] ?? letter);
}
function strip(word: string): string {
  return word.normalize("NFD").replace(/\p{M}/gu, "");
}
// By code unit, not by locale: the order must not depend on the machine.
function compare(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}
