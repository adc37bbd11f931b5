import { writeElement, writeText } from "../../../src/guard/xml-write.ts";
import type { Demand, Receipt } from "./eeb.ts";
import { EGVP, formFor } from "./profile.ts";
import type { XjustizForm } from "./profile.ts";
import { deriveUuid } from "./identifiers.ts";
import type { XjustizParty } from "./xjustiz.ts";

/** XJustiz messages of ours (facts §5.2, §5.5), in the form of the version that is wanted. */

type Attributes = readonly (readonly [string, string])[];

const PREFIX = "tns";

interface Head {
  readonly form: XjustizForm;
  readonly version: string;
  readonly sender: XjustizParty;
  readonly addressee: XjustizParty;
  /** File numbers of sender and addressee. */
  readonly ours?: string | undefined;
  readonly theirs?: string | undefined;
  readonly ownId: string;
  readonly foreignId?: string | undefined;
  readonly now: Date;
}

/** Answer to a demand: who was addressed is the sender now, and the court the addressee. */
export function writeReceipt(
  receipt: Receipt,
  demand: Demand,
  our: { readonly name: string; readonly letterId: string; readonly now: Date },
): Buffer {
  const { form, version } = demand;
  const head = writeHead({
    form,
    version,
    sender: demand.addressed ?? { kind: form.otherKind, name: our.name },
    addressee: demand.court,
    ours: demand.ours,
    theirs: demand.theirs,
    ownId: deriveUuid(our.letterId, "eeb"),
    foreignId: demand.id,
    now: our.now,
  });
  const base = form.layout === "flat" ? element("grunddaten", "", versionAttribute(version)) : "";
  const body = element("fachdaten", writeOutcome(receipt, form));
  return writeMessage(EGVP.eeb.message, form.receiptSchema, head + base + body);
}

function writeOutcome(receipt: Receipt, form: XjustizForm): string {
  const { confirmation, rejection, rejectionCode, rejectionReason } = EGVP.eeb;
  if (receipt.kind === "given") return text(confirmation, receipt.day);
  const code = codeElement(rejectionCode, receipt.code, form.rejectionList);
  const reason = receipt.reason === "" ? "" : text(rejectionReason, receipt.reason);
  return element(rejection, code + reason);
}

export interface OutgoingDocument {
  readonly title: string;
  readonly fileName: string;
}

/** The dataset that goes with a letter: its files in their order. */
export function writeTransmission(
  documents: readonly OutgoingDocument[],
  about: {
    readonly letterId: string;
    readonly now: Date;
    readonly sender: string;
    readonly addressee: string;
    readonly ours: string | undefined;
    readonly theirs: string | undefined;
    readonly answers: string | undefined;
  },
): Buffer {
  const { send } = EGVP.xjustiz;
  const form = formFor(send.version);
  if (form === undefined) throw new RangeError("the profile names no form for its own version");
  const party = (name: string): XjustizParty => ({ kind: form.otherKind, name });
  const head = writeHead({
    form,
    version: send.version,
    sender: party(about.sender),
    addressee: party(about.addressee),
    ours: about.ours,
    theirs: about.theirs,
    ownId: deriveUuid(about.letterId, "xjustiz"),
    foreignId: about.answers,
    now: about.now,
  });
  const base = element(
    "grunddaten",
    "",
    form.layout === "flat" ? versionAttribute(send.version) : [],
  );
  const list = documents.map((document, index) =>
    writeDocument(document, index + 1, about.letterId),
  );
  return writeMessage(
    send.message,
    send.schema,
    head + base + element("schriftgutobjekte", list.join("")),
  );
}

function writeDocument(
  { title, fileName }: OutgoingDocument,
  position: number,
  letterId: string,
): string {
  const { documentClass, documentClassList, part, partList } = EGVP.xjustiz.send;
  const identity = element(
    "identifikation",
    text("id", deriveUuid(letterId, `document ${position}`)) +
      text("nummerImUebergeordnetenContainer", String(position)),
  );
  const file = element(
    "datei",
    text("dateiname", fileName) + codeElement("bestandteil", part, partList),
  );
  const data =
    codeElement("dokumentklasse", documentClass, documentClassList) +
    text("anzeigename", title) +
    file;
  return element("dokument", identity + element("xjustiz.fachspezifischeDaten", data));
}

function writeHead(head: Head): string {
  const attributes = head.form.layout === "flat" ? [] : versionAttribute(head.version);
  const content = head.form.layout === "partner" ? partnerHead(head) : classicHead(head);
  return element("nachrichtenkopf", content, attributes);
}

/** Up to 3.5. */
function classicHead({ form, ours, theirs, now, ...head }: Head): string {
  const side = (name: "absender" | "empfaenger", party: XjustizParty) =>
    form.layout === "flat"
      ? writeParty(`${name}_${capitalise(party.kind)}`, party)
      : element(`auswahl_${name}`, writeParty(`${name}.${party.kind}`, party));
  return [
    ours === undefined ? "" : text("aktenzeichen.absender", ours),
    theirs === undefined ? "" : text("aktenzeichen.empfaenger", theirs),
    text("erstellungszeitpunkt", now.toISOString()),
    side("absender", head.sender),
    side("empfaenger", head.addressee),
    text(form.ownId, head.ownId),
    head.foreignId === undefined ? "" : text(form.foreignId, head.foreignId),
  ].join("");
}

/** From 3.6 on. */
function partnerHead({ form, ours, theirs, now, ...head }: Head): string {
  const partner = (party: XjustizParty) =>
    element(
      "informationen",
      element("auswahl_kommunikationspartner", writeParty(party.kind, party)),
    );
  const number =
    theirs === undefined
      ? text("aktenzeichen.unbekannt", "true")
      : text("aktenzeichen.freitext", theirs);
  const sender = [
    partner(head.sender),
    ours === undefined ? "" : text("aktenzeichen", ours),
    text(form.ownId, head.ownId),
  ];
  const addressee = [
    partner(head.addressee),
    element("auswahl_aktenzeichen", number),
    head.foreignId === undefined ? "" : text(form.foreignId, head.foreignId),
  ];
  const { name, manufacturer } = EGVP.product;
  return [
    text("erstellungszeitpunkt", now.toISOString()),
    element("absender", sender.join("")),
    element("empfaenger", addressee.join("")),
    element(
      "herstellerinformation",
      text("nameDesProdukts", name) +
        text("herstellerDesProdukts", manufacturer) +
        text("version", EGVP.profile),
    ),
  ].join("");
}

function writeParty(name: string, { code, listVersion, name: words }: XjustizParty): string {
  if (code === undefined) return text(name, words ?? "");
  return codeElement(name, code, listVersion);
}

function writeMessage(name: string, schema: string, content: string): Buffer {
  const { namespace } = EGVP.xjustiz;
  const root = writeElement(
    `${PREFIX}:${name}`,
    [
      [`xmlns:${PREFIX}`, namespace],
      ["xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"],
      ["xsi:schemaLocation", `${namespace} ${schema}`],
    ],
    content,
  );
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`);
}

function element(name: string, content: string, attributes: Attributes = []): string {
  return writeElement(`${PREFIX}:${name}`, attributes, content);
}
function text(name: string, value: string): string {
  return element(name, writeText(value));
}
/** `code` itself stands in no namespace. */
function codeElement(name: string, code: string, list: string | undefined): string {
  const attributes: Attributes = list === undefined ? [] : [["listVersionID", list]];
  return element(name, writeElement("code", [], writeText(code)), attributes);
}
function versionAttribute(version: string): Attributes {
  return [["xjustizVersion", version]];
}
function capitalise(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
