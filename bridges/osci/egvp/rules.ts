import { findFileType } from "../../../src/guard/filetype.ts";
import { writeText } from "../../../src/guard/xml-write.ts";
import type { Refusal } from "../../../src/bridge/contract.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { Attachment, IncomingMessage, Message } from "../../../src/model/message.ts";
import type { EgvpLimits, ReviewEgvp } from "./contract.ts";
import { isFault, readAct, readDemand } from "./eeb.ts";
import { countCharacters, extensionOf, legalName } from "./file-names.ts";
import { EGVP } from "./profile.ts";

/** Characters with the extension (facts §5.6); the writer cuts what a review did not see. */
export const MAX_NAME_CHARACTERS = 90;

/** The dataset of the letter's author; it is sent as it is. */
export function isDataset(name: string): boolean {
  return name.normalize("NFC").toLowerCase() === EGVP.xjustiz.file;
}

type Rule = (
  letter: IncomingMessage,
  limits: EgvpLimits,
  answered: Message | undefined,
) => Refusal | undefined;

const RULES: readonly Rule[] = [
  checkAddressee,
  checkAct,
  checkWords,
  checkEmptiness,
  checkCount,
  checkSize,
  checkFiles,
];

/** The first thing that speaks against the letter. */
export const reviewEgvp: ReviewEgvp = (letter, limits, answered) => {
  for (const rule of RULES) {
    const refusal = rule(letter, limits, answered);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
};

function checkAddressee({ to }: IncomingMessage): Refusal | undefined {
  const [addressee, second] = to;
  if (addressee === undefined || addressee.address.trim() === "")
    return refuse(
      "RECIPIENT_UNKNOWN",
      "no addressee",
      "Das Schreiben nennt kein Empfangspostfach.",
    );
  if (second !== undefined)
    return refuse(
      "LETTER_INVALID",
      "more than one addressee",
      `Ein EGVP-Schreiben hat genau ein Empfangspostfach, genannt sind ${to.length}.`,
    );
  return undefined;
}

function checkAct(
  letter: IncomingMessage,
  _limits: EgvpLimits,
  answered: Message | undefined,
): Refusal | undefined {
  if (letter.action === undefined) return undefined;
  if (letter.inReplyTo === undefined)
    return refuse(
      "REPLY_NOT_POSSIBLE",
      "a receipt that answers no letter",
      "Ein Empfangsbekenntnis muss sich auf ein Schreiben beziehen.",
    );
  const act = readAct(letter, answered);
  if (isFault(act)) return act;
  if (act.kind === "refused" && !isWritable(act.reason)) return unwritable("Der Grund");
  if (answered === undefined) return undefined;
  const demand = readDemand(answered);
  if (isFault(demand)) return demand;
  const [addressee] = letter.to;
  return addressee?.address.toLowerCase() === answered.from.address.toLowerCase()
    ? undefined
    : refuse(
        "ROUTING_INVALID",
        "a receipt goes to nobody but who asked for it",
        "Ein Empfangsbekenntnis geht nur an die Stelle, die es angefordert hat.",
      );
}

function checkWords({ subject, text, action }: IncomingMessage): Refusal | undefined {
  if (action !== undefined) return undefined;
  const { subject: subjectLimit, text: textLimit } = EGVP.outgoing;
  const subjectLength = countCharacters(subject ?? "");
  if (subjectLength > subjectLimit)
    return refuse(
      "LETTER_INVALID",
      `subject of ${subjectLength} characters`,
      `Der Betreff ist zu lang: höchstens ${subjectLimit} Zeichen, es sind ${subjectLength}.`,
    );
  const textLength = countCharacters(text ?? "");
  if (textLength > textLimit)
    return refuse(
      "LETTER_INVALID",
      `text of ${textLength} characters`,
      `Der Text ist zu lang: höchstens ${textLimit} Zeichen, es sind ${textLength}. Bitte senden Sie ihn als Datei.`,
    );
  if (!isWritable(subject ?? "")) return unwritable("Der Betreff");
  return isWritable(text ?? "") ? undefined : unwritable("Der Text");
}

function checkEmptiness({ text, attachments, action }: IncomingMessage): Refusal | undefined {
  if (action !== undefined || attachments.length > 0 || (text ?? "").trim() !== "")
    return undefined;
  return refuse("LETTER_INVALID", "an empty letter", "Das Schreiben hat weder Text noch Anlagen.");
}

function checkCount({ attachments }: IncomingMessage, limits: EgvpLimits): Refusal | undefined {
  const datasets = attachments.filter(({ name }) => isDataset(name)).length;
  if (datasets > 1)
    return refuse(
      "ATTACHMENT_REJECTED",
      "two datasets",
      `Nur eine Anlage darf „${EGVP.xjustiz.file}“ heißen.`,
    );
  const added = EGVP.xjustiz.send.enabled && datasets === 0 && attachments.length > 0 ? 1 : 0;
  const room = limits.files - added;
  if (attachments.length <= room) return undefined;
  const why = added === 0 ? "" : " (eine weitere Datei ist der XJustiz-Datensatz)";
  return refuse(
    "ATTACHMENT_REJECTED",
    `${attachments.length} files`,
    `Das Schreiben hat zu viele Anlagen: höchstens ${room}${why}, es sind ${attachments.length}.`,
  );
}

function checkSize({ attachments }: IncomingMessage, limits: EgvpLimits): Refusal | undefined {
  const total = attachments.reduce((sum, { blob }) => sum + blob.size, 0);
  if (total <= limits.bytes) return undefined;
  const largest = attachments.reduce((one, other) =>
    other.blob.size > one.blob.size ? other : one,
  );
  return refuse(
    "ATTACHMENT_REJECTED",
    `${total} bytes`,
    `Die Anlagen sind zusammen zu groß: höchstens ${megabytes(limits.bytes)}, es sind ${megabytes(total)}. Die größte ist „${largest.name}“ mit ${megabytes(largest.blob.size)}.`,
  );
}

function checkFiles({ attachments }: IncomingMessage, limits: EgvpLimits): Refusal | undefined {
  for (const attachment of attachments) {
    const refusal = checkName(attachment, limits) ?? checkType(attachment, limits);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Counted is the name as it would be sent. */
function checkName({ name }: Attachment, limits: EgvpLimits): Refusal | undefined {
  const limit = Math.min(limits.fileNameLength, MAX_NAME_CHARACTERS);
  const length = countCharacters(legalName(name));
  if (length <= limit) return undefined;
  return refuse(
    "ATTACHMENT_REJECTED",
    `a file name of ${length} characters`,
    `Der Name der Anlage „${name}“ ist zu lang: höchstens ${limit} Zeichen mit Endung, es sind ${length}.`,
  );
}

/** By name and declared type; the bytes are looked at when the file is read. */
function checkType({ name, mediaType }: Attachment, limits: EgvpLimits): Refusal | undefined {
  if (isDataset(name)) return undefined;
  const declared = findFileType(EGVP.mediaTypes, mediaType);
  const extension = extensionOf(name) || (declared?.extensions[0] ?? "");
  const allowed = limits.fileTypes.map((type) => `.${type}`);
  const refusal = (why: string) =>
    refuse(
      "ATTACHMENT_REJECTED",
      `a file of type ${mediaType}`,
      `Die Anlage „${name}“ kann nicht übermittelt werden. ${why}`,
    );
  if (!allowed.includes(extension))
    return refusal(`Zugelassen sind Dateien mit der Endung ${allowed.join(", ")}.`);
  if (declared !== undefined && !declared.extensions.includes(extension))
    return refusal(`Die Endung ${extension} passt nicht zur Art der Datei (${declared.type}).`);
  return undefined;
}

function isWritable(text: string): boolean {
  try {
    writeText(text);
    return true;
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw error;
  }
}
function unwritable(what: string): Refusal {
  return refuse(
    "CONTENT_REJECTED",
    "a character that XML does not allow",
    `${what} enthält ein Steuerzeichen, das nicht übermittelt werden kann.`,
  );
}
function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toLocaleString("de-DE", { maximumFractionDigits: 1 })} MB`;
}
function refuse(code: Refusal["code"], detail: string, notice: string): Refusal {
  return { code, detail, notice };
}
