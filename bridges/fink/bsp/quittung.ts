import type { XmlElement } from "../../../src/guard/xml.ts";
import { writeElement, writeText } from "../../../src/guard/xml-write.ts";
import { BSP_NAMESPACE } from "./letter.ts";
import type { BspReceipt } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import { OrderedReader } from "./ordered.ts";
import type { Profile } from "./profile.ts";
import { parseDocument, readVersion } from "./read-letter.ts";

/** BspQuittung, both ways (bundid-fink.md §1.7). */

/** @throws LetterFault when it is not one */
export async function parseReceipt(
  xml: string | Uint8Array,
  profile: Profile,
  signal?: AbortSignal,
): Promise<BspReceipt> {
  return readReceipt(await parseDocument(xml, profile.limits.answerBytes, signal), profile);
}

/** @throws LetterFault when the element is no BspQuittung */
export function readReceipt(root: XmlElement, profile: Profile): BspReceipt {
  if (root.local !== "BspQuittung" || root.uri !== BSP_NAMESPACE)
    throw new LetterFault("20", "BspQuittung", "is not the root element");
  readVersion(root, profile);
  const reader = new OrderedReader(root, "BspQuittung");
  const word = reader.needText("AnnahmeErfolgreich").trim();
  if (!/^(true|false|1|0)$/.test(word))
    throw new LetterFault("20", reader.placeOf("AnnahmeErfolgreich"), "is neither true nor false");
  const status = reader.needKey("ErgebnisStatus", profile.tables.result);
  const hints = reader.text("ErgaenzendeHinweise");
  reader.end();
  return {
    accepted: word === "true" || word === "1",
    status,
    ...(hints === undefined ? {} : { hints: hints.slice(0, profile.limits.hints) }),
  };
}

export function writeReceipt({ accepted, status, hints }: BspReceipt, profile: Profile): string {
  const { write, tables, limits } = profile;
  const text = (name: string, value: string) => writeElement(name, [], writeText(value));
  const result = text("Tabelle", tables.result) + text("Schluessel", status);
  const children = [
    text("AnnahmeErfolgreich", String(accepted)),
    writeElement("ErgebnisStatus", [], result),
    hints === undefined
      ? ""
      : text("ErgaenzendeHinweise", [...hints].slice(0, limits.hints).join("")),
  ];
  const attributes = [
    ["xmlns", BSP_NAMESPACE],
    ["version", write.version],
    ["fassung", write.issue],
    ["produkt", write.product],
  ] as const;
  return writeElement("BspQuittung", attributes, children.join(""));
}
