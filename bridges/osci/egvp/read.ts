import { GatewayError } from "../../../src/model/errors.ts";
import type { Party } from "../../../src/model/message.ts";
import { digestOfCertificate } from "./address-book.ts";
import { readFiles, readWhole } from "./attachments.ts";
import type { ReadFile } from "./attachments.ts";
import type { CaseReferences, EgvpDelivery, ReadEgvp } from "./contract.ts";
import { isSafeId, listDetails, sameId } from "./details.ts";
import { fileNumber, lineOf, optional, readDocuments, toLine } from "./documents.ts";
import type { CoverDocuments } from "./documents.ts";
import { requestReceipt } from "./eeb.ts";
import { EXTRA } from "./extra.ts";
import { originOf } from "./origin.ts";
import type { Origin } from "./origin.ts";
import { EGVP } from "./profile.ts";
import { readXjustiz } from "./xjustiz.ts";
import type { Xjustiz } from "./xjustiz.ts";

/** The dataset, or why it says nothing (German): it never holds a letter back. */
export interface XjustizReading {
  readonly data?: Xjustiz;
  readonly problem?: string;
}

/** Turns a delivery into a letter (facts §5.1): everything in it is shown, nothing in it is run. */
export const readEgvp: ReadEgvp = async (delivery) => {
  const documents = await readDocuments(delivery);
  const files = await readFiles(delivery, documents.others);
  const { letter, infos } = documents;
  if (letter === undefined && infos === undefined && files.length === 0)
    throw new GatewayError("INPUT_INVALID", "the delivery holds nothing that can be read");
  const xjustiz = await readDataset(files, delivery);
  const origin = originOf(delivery.signer, delivery.vhnAuthorities, delivery.depositedAt);
  const claimed = claimedId(lineOf(documents.card, "Nutzer_ID") ?? lineOf(infos, "user_id"));
  const subject =
    lineOf(letter, "Betreff") ?? lineOf(infos, "subject") ?? subjectOf(xjustiz.data, delivery);
  const text = textOf(letter?.get("Freitext"));
  const references = referencesOf(documents, xjustiz.data);
  const facts = { delivery, documents, origin, claimed, files, xjustiz, subject };
  return {
    letter: {
      sentAt: delivery.depositedAt,
      from: senderOf(documents, origin, claimed, delivery),
      ...optional("subject", subject === undefined ? undefined : shorten(subject)),
      ...optional("text", text),
      attachments: files.map(({ attachment }) => attachment),
      level: EGVP.level,
      replyPolicy: claimed === undefined && origin.mailbox === undefined ? "forbidden" : "possible",
      ...(references.theirs === undefined ? {} : { case: { reference: references.theirs } }),
      details: listDetails(facts),
      ...optional("request", requestReceipt(xjustiz.data)),
      extra: extraOf(delivery, documents, origin, references, xjustiz.data),
    },
    references,
  };
};

const MAX_ID = 255;
const MAX_NAME = 300;

const PROBLEMS: Readonly<Record<string, string>> = {
  INPUT_HOSTILE: "Die Datei überschreitet eine Grenze oder enthält Verbotenes.",
};

async function readDataset(
  files: readonly ReadFile[],
  delivery: EgvpDelivery,
): Promise<XjustizReading> {
  const datasets = files.filter(({ given }) => given.toLowerCase() === EGVP.xjustiz.file);
  const [dataset] = datasets;
  if (dataset === undefined) return {};
  if (datasets.length > 1) return { problem: "Es gibt mehrere." };
  const { blob } = dataset.attachment;
  if (blob.size > EGVP.incoming.xjustizBytes) return { problem: "Die Datei ist zu groß." };
  // Outside of the guard below: a store that cannot be read is a fault of ours, not of the dataset.
  const bytes = await readWhole(blob, delivery, EGVP.incoming.xjustizBytes);
  try {
    return { data: await readXjustiz(bytes, delivery.signal) };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { problem: PROBLEMS[error.code] ?? "Die Datei ist kein wohlgeformtes XJustiz." };
  }
}

/**
 * The address that a reply goes to. A proved certificate names the mailbox better than the card, which its author
 * writes; but certificates of old carry a govello number, which no directory knows any more (facts §5.2).
 */
function senderOf(
  { card }: CoverDocuments,
  origin: Origin,
  claimed: string | undefined,
  delivery: EgvpDelivery,
): Party {
  const certified = origin.proved && isSafeId(origin.mailbox) ? origin.mailbox : undefined;
  const person = [lineOf(card, "Titel"), lineOf(card, "Vorname"), lineOf(card, "Name")]
    .filter((part) => part !== undefined)
    .join(" ");
  const name = person === "" ? lineOf(card, "Organisation") : person;
  // A card that names another mailbox than the certificate does not name this sender either.
  const trusted = certified === undefined || claimed === undefined || sameId(origin, claimed);
  const rolesId = lineOf(card, "Rollen_ID") ?? "";
  const role = origin.role ?? EGVP.roles.find(({ pattern }) => pattern.test(rolesId))?.role;
  const address = certified ?? claimed ?? origin.mailbox ?? fallbackAddress(delivery);
  return {
    address,
    ...optional("name", trusted ? name?.slice(0, MAX_NAME).toWellFormed() : undefined),
    ...optional("role", role),
  };
}

/** What is too long for a SAFE-ID is none. */
function claimedId(id: string | undefined): string | undefined {
  return id !== undefined && id.length <= MAX_ID ? id : undefined;
}

/** Nobody says who wrote: the mailbox certificate tells at least such senders apart. */
function fallbackAddress({ originator, signer }: EgvpDelivery): string {
  const certificate = originator ?? signer;
  return certificate === undefined ? "unbekannt" : `sha256:${digestOfCertificate(certificate)}`;
}

function referencesOf({ letter }: CoverDocuments, xjustiz: Xjustiz | undefined): CaseReferences {
  const theirs = fileNumber(letter?.get("Aktenzeichen_Absender")) ?? xjustiz?.theirs;
  const ours = fileNumber(letter?.get("Aktenzeichen_Empfaenger")) ?? xjustiz?.ours;
  return {
    ...optional("theirs", theirs),
    ...optional("ours", ours),
    answers: (xjustiz?.foreignIds ?? []).map((id) => id.toLowerCase()),
    ...optional("xjustizId", xjustiz?.ownId?.toLowerCase()),
  };
}

function extraOf(
  delivery: EgvpDelivery,
  { letter, product }: CoverDocuments,
  origin: Origin,
  references: CaseReferences,
  xjustiz: Xjustiz | undefined,
): Record<string, string> {
  const { namespace, name } = EGVP.header;
  const values: Record<keyof typeof EXTRA, string | undefined> = {
    messageId: delivery.messageId,
    kind: toLine(delivery.kind) ?? lineOf(letter, "Nachrichtentyp"),
    theirs: references.theirs,
    ours: references.ours,
    originator: delivery.originator && digestOfCertificate(delivery.originator),
    vhn: origin.proved ? origin.kind : undefined,
    product: lineOf(product, "Name_des_Produkts_und_Softwareversion"),
    requestSignature: delivery.customHeaders.includes(`{${namespace}}${name}`) ? "true" : undefined,
    version: xjustiz?.version,
    xjustizId: xjustiz?.ownId,
    sender: xjustiz?.sender && JSON.stringify(xjustiz.sender),
    addressee: xjustiz?.addressee && JSON.stringify(xjustiz.addressee),
  };
  const known = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [[EXTRA[key as keyof typeof EXTRA], value] as const],
  );
  return Object.fromEntries(known);
}

function subjectOf(xjustiz: Xjustiz | undefined, delivery: EgvpDelivery): string | undefined {
  const document = xjustiz?.documents.find(({ title }) => title !== undefined)?.title;
  return xjustiz?.title ?? xjustiz?.matter ?? document ?? toLine(delivery.kind);
}
function shorten(subject: string): string {
  const { subject: limit } = EGVP.incoming;
  return subject.length > limit ? `${subject.slice(0, limit - 1).toWellFormed()}…` : subject;
}
function textOf(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === "" ? undefined : text;
}
