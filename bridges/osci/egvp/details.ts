import type { Detail } from "../../../src/model/message.ts";
import type { ReadFile } from "./attachments.ts";
import type { EgvpDelivery } from "./contract.ts";
import { lineOf } from "./documents.ts";
import type { CoverDocuments } from "./documents.ts";
import { isAnswerable } from "./eeb.ts";
import { readableName } from "./file-names.ts";
import { nameOf } from "./origin.ts";
import type { Origin } from "./origin.ts";
import { EGVP } from "./profile.ts";
import { formatMoment } from "./time.ts";
import type { XjustizReading } from "./read.ts";
import type { Xjustiz, XjustizParty } from "./xjustiz.ts";
import { describeReceipt } from "./xjustiz-receipt.ts";

/** What the reader sees beside the letter; labels and values German, in this order. */
export interface Facts {
  readonly delivery: EgvpDelivery;
  readonly documents: CoverDocuments;
  readonly origin: Origin;
  readonly claimed: string | undefined;
  readonly files: readonly ReadFile[];
  readonly xjustiz: XjustizReading;
  readonly subject: string | undefined;
}

type Row = readonly [label: string, value: string | undefined];

export function listDetails(facts: Facts): readonly Detail[] {
  const rows: readonly Row[] = [
    ...coverRows(facts),
    ...warningRows(facts),
    ...xjustizRows(facts.xjustiz, facts.files),
    ...fileRows(facts.files),
  ];
  return rows.flatMap(([label, value]) =>
    value === undefined || value === "" ? [] : [{ label, value: cut(value) }],
  );
}

function coverRows({ delivery, documents, origin, subject }: Facts): readonly Row[] {
  const { letter, card } = documents;
  const kind = lineOf(letter, "Nachrichtentyp");
  const kinds = [...new Set([delivery.kind, kind].filter((text) => text !== undefined))];
  const level = lineOf(letter, "Signaturniveau");
  const signers = delivery.containers.flatMap((container) => container.signers);
  const names = signers.map(
    ({ subject: name }) => nameOf(name, "CN") ?? name.replaceAll("\n", ", "),
  );
  const place = [lineOf(card, "Postleitzahl"), lineOf(card, "Ort")].filter(Boolean).join(" ");
  const street = [lineOf(card, "Strasse"), lineOf(card, "Hausnummer")].filter(Boolean).join(" ");
  return [
    ["Herkunft", origin.sentence],
    ["Eingang auf dem Server", formatMoment(delivery.depositedAt)],
    ["Nachrichtentyp", kinds.join(" / ")],
    ["Betreff", (subject?.length ?? 0) > EGVP.incoming.subject ? subject : undefined],
    ["Aktenzeichen des Absenders", lineOf(letter, "Aktenzeichen_Absender")],
    ["Aktenzeichen des Empfängers", lineOf(letter, "Aktenzeichen_Empfaenger")],
    ["Organisation des Absenders", lineOf(card, "Organisation")],
    ["Anschrift des Absenders", [street, place].filter(Boolean).join(", ")],
    ["Signaturniveau", level === EGVP.signatureLevel ? undefined : level],
    ["Signiert von", [...new Set(names)].join(", ")],
  ];
}

function warningRows({ delivery, origin, claimed }: Facts): readonly Row[] {
  const { mailbox } = origin;
  // Certificates of old carry a govello number, which no card repeats: nothing to compare.
  const differs = isSafeId(mailbox) && claimed !== undefined && !sameId(origin, claimed);
  return [
    ["Kennung im Herkunftsnachweis", isSafeId(mailbox) ? undefined : mailbox],
    [
      "Hinweis zum Absender",
      differs ? `Der Herkunftsnachweis nennt ${mailbox}, die Visitenkarte ${claimed}.` : undefined,
    ],
    [
      "Nicht lesbar",
      delivery.closed > 0
        ? `${delivery.closed} Teil(e) sind für andere Empfänger verschlüsselt.`
        : undefined,
    ],
  ];
}

/** Ids of old (`govello-…`) stand in no directory any more (facts §5.2). */
export function isSafeId(id: string | undefined): id is string {
  return id !== undefined && /^DE\./i.test(id);
}
export function sameId(origin: Origin, claimed: string): boolean {
  return origin.mailbox?.toLowerCase() === claimed.toLowerCase();
}

function xjustizRows(
  { data, problem }: XjustizReading,
  files: readonly ReadFile[],
): readonly Row[] {
  if (problem !== undefined) return [["XJustiz", `XJustiz-Datensatz nicht lesbar: ${problem}`]];
  if (data === undefined) return [];
  const titles = data.documents.map(({ title, files: names }) => title ?? names[0] ?? "ohne Namen");
  const demanded = data.documents.filter(({ receiptDemanded }) => receiptDemanded);
  const named = demanded.map(({ title, files: names }) => title ?? names[0] ?? "ohne Namen");
  const version = data.version === undefined ? "" : ` (Version ${data.version})`;
  return [
    ["XJustiz", data.message + version],
    ["XJustiz: Absender", describeParty(data.sender)],
    ["XJustiz: Empfänger", describeParty(data.addressee)],
    ["XJustiz: Aktenzeichen des Absenders", data.theirs],
    ["XJustiz: Aktenzeichen des Empfängers", data.ours],
    ["XJustiz: Verfahrensgegenstand", data.matter],
    ["XJustiz: Kurzrubrum", data.title],
    ["XJustiz: erstellt am", describeMoment(data.createdAt)],
    ["XJustiz: Kennung", data.ownId],
    ["XJustiz: Antwort auf", data.foreignIds.join(", ")],
    ["XJustiz: Dokumente", list(titles)],
    ["XJustiz: nennt fehlende Dateien", list(missingFiles(data, files))],
    ["Empfangsbekenntnis", data.receipt === undefined ? undefined : describeReceipt(data.receipt)],
    ["Empfangsbekenntnis angefordert", data.receiptDemanded ? list(named) || "ja" : undefined],
    [
      "Hinweis zum Empfangsbekenntnis",
      data.receiptDemanded && !isAnswerable(data)
        ? "Es kann hier nicht abgegeben werden: Der Anforderung fehlen Kennung, Version oder Absender."
        : undefined,
    ],
  ];
}

/** Names are compared in NFC: senders mix both forms of umlauts (facts §8.18). */
function missingFiles(data: Xjustiz, files: readonly ReadFile[]): readonly string[] {
  const there = new Set(files.map(({ given }) => given));
  const named = data.documents.flatMap((document) => document.files);
  return [...new Set(named)].filter((name) => !there.has(name));
}

function fileRows(files: readonly ReadFile[]): readonly Row[] {
  const show = (name: string) => `„${name.replace(/[\p{Cc}\p{Cf}]/gu, "\u{fffd}")}“`;
  const renamed = files
    .filter(({ attachment, given }) => attachment.name !== given)
    .map(({ attachment, given }) => `${show(given)} → ${show(attachment.name)}`);
  const conflicts = files.flatMap(({ conflicting, attachment }) =>
    conflicting === undefined
      ? []
      : [`${show(attachment.name)} heißt auch ${show(readableName(conflicting))}`],
  );
  return [
    ["Dateiname angepasst", list(renamed)],
    ["Dateiname uneinheitlich", list(conflicts)],
  ];
}

function describeParty(party: XjustizParty | undefined): string | undefined {
  if (party?.code === undefined) return party?.name;
  const kind = party.kind === "gericht" ? "Gericht" : party.kind;
  return `${kind} ${party.code}`;
}
/** A time without zone is the sender's: shown as written. */
function describeMoment(text: string | undefined): string | undefined {
  if (text === undefined || !/(Z|[+-]\d{2}:\d{2})$/.test(text)) return text;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : formatMoment(date);
}
function list(names: readonly string[]): string {
  const { listed } = EGVP.incoming;
  const more = names.length > listed ? [`und ${names.length - listed} weitere`] : [];
  return [...names.slice(0, listed), ...more].join("; ");
}
function cut(value: string): string {
  const { field } = EGVP.incoming;
  return value.length > field ? `${value.slice(0, field).toWellFormed()} …` : value;
}
