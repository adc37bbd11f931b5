import { writeElement, writeText } from "../../../src/guard/xml-write.ts";
import type { EgvpAddressee, EgvpOutgoingContainer, EgvpSender } from "./contract.ts";
import type { EgvpDocument, EgvpOutgoingFile } from "./contract.ts";
import { EGVP } from "./profile.ts";
import { writeProperties } from "./properties.ts";
import { CARD_STYLESHEET, LETTER_STYLESHEET } from "./stylesheets.ts";

/** Elements of `visitenkarte.xml` that an operator fills in; the other two are SAFE-ID and role (facts §5.1). */
export const CARD_FIELDS = [
  "Organisation",
  "Organisationszusatz",
  "Anrede",
  "Titel",
  "Vorname",
  "Name",
  "Strasse",
  "Hausnummer",
  "Postleitzahl",
  "Ort",
  "Bundesland",
  "Land",
  "E-Mail",
  "Mobiltelefon",
  "Telefon",
  "Fax",
] as const;

export interface Cover {
  readonly kind: string;
  readonly subject: string;
  readonly text: string;
  /** File numbers of sender and addressee. */
  readonly ours: string | undefined;
  readonly theirs: string | undefined;
}

type Field = readonly [name: string, value: string];

/** `project_coco` with the documents and files, `govello_coco` with `additional_infos`. */
export function writeContainers(
  cover: Cover,
  { sender, addressee }: { readonly sender: EgvpSender; readonly addressee: EgvpAddressee },
  files: readonly EgvpOutgoingFile[],
  now: Date,
): readonly EgvpOutgoingContainer[] {
  const letter: readonly Field[] = [
    ["Nachrichtentyp", cover.kind],
    ["Signaturniveau", EGVP.signatureLevel],
    ["Empfaengerkennung", addressee.safeId],
    ["Betreff", cover.subject],
    ["Aktenzeichen_Empfaenger", cover.theirs ?? ""],
    ["Aktenzeichen_Absender", cover.ours ?? ""],
    ["Freitext", cover.text],
  ];
  const product: readonly Field[] = [
    ["Name_des_Produkts_und_Softwareversion", EGVP.product.name],
    ["Hersteller_des_Produkts", EGVP.product.manufacturer],
    ["Registrierungs_ID", EGVP.product.registration],
  ];
  const documents: readonly EgvpDocument[] = [
    { id: "nachricht.xml", bytes: writeFlat("Nachricht", letter) },
    { id: "nachricht.xsl", bytes: LETTER_STYLESHEET },
    { id: "visitenkarte.xml", bytes: writeFlat("Visitenkarte", cardOf(sender)) },
    { id: "visitenkarte.xsl", bytes: CARD_STYLESHEET },
    { id: "herstellerinformation.xml", bytes: writeFlat("Herstellerinformation", product) },
  ];
  const infos = writeProperties(
    [
      ["user_id", sender.safeId],
      ["signature_level", EGVP.signatureLevel],
      ["subject", cover.subject],
    ],
    now,
  );
  return [
    { id: "project_coco", documents, files },
    { id: "govello_coco", documents: [{ id: "additional_infos", bytes: infos }], files: [] },
  ];
}

/** Names of the settings count in either case. */
function cardOf({ card, organisation, safeId, role }: EgvpSender): readonly Field[] {
  const given = new Map(Object.entries(card).map(([key, value]) => [key.toLowerCase(), value]));
  const fields = CARD_FIELDS.map((name): Field => {
    const fallback = name === "Organisation" || name === "Name" ? organisation : "";
    return [name, given.get(name.toLowerCase()) ?? fallback];
  });
  return [...fields, ["Nutzer_ID", safeId], ["Rollen_ID", role], ["Externe_ID", ""]];
}

function writeFlat(root: string, fields: readonly Field[]): Buffer {
  const content = fields.map(([name, value]) => `${writeElement(name, [], writeText(value))}\n`);
  const xml = writeElement(root, [], `\n${content.join("")}`);
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${xml}\n`);
}
