import { writeElement, writeText } from "../../../src/guard/xml-write.ts";
import { base64Length, encodeBase64 } from "./base64.ts";
import { BSP_NAMESPACE } from "./letter.ts";
import type { BspLetter, BspParty, BspSender, OutgoingFile } from "./letter.ts";
import type { Profile } from "./profile.ts";

/** A document as pieces: markup, and files that are read when it is their turn. */
export type Piece = string | OutgoingFile;

/**
 * Writes a BspNachricht in the version of the profile, in exactly the order of the schema. Files stay streams.
 * @throws GatewayError CONTENT_REJECTED for a character that XML does not know
 */
export function writeLetter(letter: BspLetter<OutgoingFile>, profile: Profile): readonly Piece[] {
  const { write } = profile;
  // Attributes of the root are in the order of the facts; a canonical form is nobody's wish here.
  const open = writeElement("BspNachricht", [
    ["xmlns", BSP_NAMESPACE],
    ["version", write.version],
    ["fassung", write.issue],
    ["produkt", write.product],
  ]).replace(/<\/BspNachricht>$/, "");
  const pieces: Piece[] = [open, writeHead(letter, profile), "<NachrichtenInhalt>"];
  pieces.push(writeContent(letter, profile));
  for (const file of letter.files) {
    const name = element("FileName", file.name);
    const type = key("FileType", profile.tables.fileType, file.type);
    pieces.push("<DataContainer><Inhalt>", file, `</Inhalt>${name}${type}</DataContainer>`);
  }
  return [...pieces, "</NachrichtenInhalt></BspNachricht>"];
}

/** The pieces as bytes; `escape` makes them text of another document. base64 needs no escaping. */
export async function* streamPieces(
  pieces: readonly Piece[],
  escape: (markup: string) => string = (markup) => markup,
): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    if (typeof piece === "string") yield Buffer.from(escape(piece), "utf8");
    else yield* encodeBase64(piece.read());
  }
}
/** How many bytes `streamPieces` will make. */
export function lengthOfPieces(
  pieces: readonly Piece[],
  escape: (markup: string) => string = (markup) => markup,
): number {
  return pieces.reduce(
    (sum, piece) =>
      sum +
      (typeof piece === "string" ? Buffer.byteLength(escape(piece)) : base64Length(piece.size)),
    0,
  );
}

function writeHead(letter: BspLetter<unknown>, profile: Profile): string {
  const { write, tables } = profile;
  const { event } = tables;
  const identity = [
    write.event ? key("Ereignis", event.table, event.value) : "",
    element("Erstellungszeitpunkt", letter.createdAt.toISOString()),
    element("NachrichtenId", letter.id),
  ];
  return writeElement(
    "NachrichtenKopf",
    [],
    [
      writeElement("Identifikation.Nachricht", [], identity.join("")),
      optional("Anwenderkennung", letter.operator),
      writeElement("Absender", [], writeSender(letter.sender, profile)),
      writeElement("Empfaenger", [], writeParty(letter.recipient, profile)),
      optional("AntwortAuf", letter.answerTo),
      optional("WeiterleitungZu", letter.forwardOf),
      optional("lesebestaetigungAntwortAdresse", letter.receiptAddress),
    ].join(""),
  );
}

function writeSender(sender: BspSender, profile: Profile): string {
  return [
    writeParty(sender, profile),
    optional("Email", sender.email),
    optional("Telefon", sender.phone),
    optional("Hyperlink", sender.link),
  ].join("");
}

/** Anschrift is never written: its form is not public. */
function writeParty(party: BspParty, { tables, write }: Profile): string {
  const { municipality } = party;
  return [
    optional("PostkorbId", party.mailbox),
    optional("Verfahren", party.procedure),
    optional("Dienst", party.service),
    optional("Mandant", party.tenant),
    municipality === undefined ? "" : key("Gemeindeschluessel", tables.municipality, municipality),
    write.senderName ? optional("Name", party.name) : "",
  ].join("");
}

function writeContent(letter: BspLetter<unknown>, { tables, levels }: Profile): string {
  const { case: proceedings } = letter;
  const caseParts = proceedings && [
    element("VorgangsName", proceedings.name ?? ""),
    element("VorgangsId", proceedings.id ?? ""),
    key("VorgangStatus", tables.status.table, proceedings.status ?? ""),
  ];
  const { category } = letter;
  const text =
    key("Encoding", tables.encoding.table, letter.encoding) + element("Text", letter.text);
  return [
    element("Betreff", letter.subject),
    category === undefined ? "" : key("Kategorie", tables.category.table, category),
    element("StorkQaaLevel", levels.write[letter.level - 1] ?? ""),
    caseParts === undefined ? "" : writeElement("ZuVorgang", [], caseParts.join("")),
    writeElement("FreiText", [], text),
  ].join("");
}

function element(name: string, text: string): string {
  return writeElement(name, [], writeText(text));
}
function optional(name: string, text: string | undefined): string {
  return text === undefined ? "" : element(name, text);
}
function key(name: string, table: string, value: string): string {
  return writeElement(name, [], element("Tabelle", table) + element("Schluessel", value));
}
