import { findForbidden } from "../../src/guard/html.ts";
import type { Letter } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import type { Profile } from "./profile.ts";

/**
 * Every limit of the interface that a letter itself shows, in one place for both directions: what we send and what
 * legacy systems send us. Limits are Unicode characters (code points), where not said otherwise.
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const HTTPS_URL = /^https:\/\/[^\s/"'<>][^\s"'<>]*$/i;
const MAIL_ADDRESS =
  /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
// eslint-disable-next-line no-control-regex -- the point of the rule
const CONTROL = /[\u0000-\u001f\u007f]/;
// eslint-disable-next-line no-control-regex -- the point of the rule
const CONTROL_BUT_LINES = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}
export function isMailAddress(text: string): boolean {
  return MAIL_ADDRESS.test(text);
}

/** @throws LetterFault for the first rule that is broken */
export function checkLetter(letter: Letter, profile: Profile): void {
  const { fields, limits } = profile;
  if (!isUuid(letter.mailbox)) throw fault(fields.mailbox, "must be a UUID", "Das Postfach");
  checkText(fields.sender, letter.sender, { min: 1, max: limits.sender, label: "Der Absender" });
  checkText(fields.title, letter.title, { min: 1, max: limits.title, label: "Der Betreff" });
  checkText(fields.service, letter.service, {
    min: 1,
    max: limits.service,
    label: "Der Name der Leistung",
  });
  checkOptional(letter, profile);
  checkBody(letter.body, profile);
  checkFiles(letter, profile);
}

function checkOptional(letter: Letter, { fields, limits }: Profile): void {
  const { url, reference, receiptAddress, replyAddress, application, routing } = letter;
  if (url !== undefined) {
    checkText(fields.url, url, { min: 1, max: limits.url, label: "Die Internetadresse" });
    if (!HTTPS_URL.test(url))
      throw fault(fields.url, "must be an https URL", "Die Internetadresse");
  }
  if (reference !== undefined)
    checkText(fields.reference, reference, {
      min: 0,
      max: limits.reference,
      label: "Das Aktenzeichen",
    });
  for (const [field, address] of [
    [fields.receiptAddress, receiptAddress],
    [fields.replyAddress, replyAddress],
  ] as const) {
    if (address === undefined) continue;
    checkText(field, address, { min: 3, max: limits.address, label: "Die E-Mail-Adresse" });
    if (!isMailAddress(address))
      throw fault(field, "must be an e-mail address", "Die E-Mail-Adresse");
  }
  if (application !== undefined && !isUuid(application))
    throw fault(fields.application, "must be a UUID", "Die Antragsnummer");
  if (routing !== undefined)
    checkText(fields.routing, routing, {
      min: 1,
      max: limits.routing,
      label: "Die Antwortkennung",
    });
}

function checkText(
  field: string,
  text: string,
  rule: { min: number; max: number; label: string },
): void {
  const length = countCharacters(text);
  if (length < rule.min)
    throw new LetterFault("schema", field, "must not be empty", { notice: `${rule.label} fehlt.` });
  if (length > rule.max)
    throw new LetterFault("schema", field, `longer than ${rule.max} characters (${length})`, {
      notice: `${rule.label} ist zu lang: höchstens ${rule.max} Zeichen, es sind ${length}.`,
    });
  if (CONTROL.test(text) || !text.isWellFormed())
    throw fault(field, "contains control characters", rule.label);
}

function checkBody(body: string, { fields, limits }: Profile): void {
  if (body === "")
    throw new LetterFault("schema", fields.body, "must not be empty", {
      notice: "Das Schreiben hat keinen Text.",
    });
  const size = Buffer.byteLength(body, "utf8");
  if (size > limits.bodyBytes)
    throw new LetterFault("size", fields.body, `more than ${limits.bodyBytes} bytes (${size})`, {
      notice: `Der Text ist zu lang: höchstens ${limits.bodyBytes} Bytes, es sind ${size}.`,
    });
  if (CONTROL_BUT_LINES.test(body) || !body.isWellFormed())
    throw fault(fields.body, "contains control characters", "Der Text");
  const [finding] = findForbidden(body, limits.html);
  if (finding !== undefined)
    throw new LetterFault(
      "content",
      fields.body,
      `${finding.kind} ${finding.what} at character ${finding.at} is not allowed`,
      { notice: `Der Text enthält eine nicht zugelassene Formatierung (${finding.what}).` },
    );
}

function checkFiles({ attachments }: Letter, { fields, limits }: Profile): void {
  if (attachments.length > limits.files)
    throw new LetterFault("size", fields.attachments, `more than ${limits.files} files`, {
      notice: `Das Schreiben hat zu viele Anlagen: höchstens ${limits.files}, es sind ${attachments.length}.`,
      aboutFile: true,
    });
  const seen = new Set<string>();
  attachments.forEach(({ name, length }, index) => {
    const field = `${fields.attachments}[${index}]`;
    checkFileName(`${field}.${fields.attachmentName}`, name, seen, limits);
    if (length > limits.fileBytes)
      throw new LetterFault(
        "size",
        `${field}.${fields.attachmentLength}`,
        `more than ${limits.fileBytes} bytes (${length})`,
        {
          notice: `Die Anlage „${name}“ ist zu groß: höchstens ${limits.fileBytes} Bytes, es sind ${length}.`,
          aboutFile: true,
        },
      );
  });
}

function checkFileName(
  field: string,
  name: string,
  seen: Set<string>,
  limits: Profile["limits"],
): void {
  const refuse = (message: string, notice: string) =>
    new LetterFault("schema", field, message, { notice, aboutFile: true });
  const length = countCharacters(name);
  if (length === 0 || name === "." || name === "..")
    throw refuse("is not a file name", "Eine Anlage hat keinen Namen.");
  if (length > limits.fileName)
    throw refuse(
      `longer than ${limits.fileName} characters`,
      `Der Name einer Anlage ist zu lang: höchstens ${limits.fileName} Zeichen, es sind ${length}.`,
    );
  const forbidden = [...name].find((character) => limits.forbiddenInFileName.includes(character));
  if (forbidden !== undefined || CONTROL.test(name) || !name.isWellFormed())
    throw refuse(
      `contains a character that is not allowed (${limits.forbiddenInFileName} or control)`,
      "Der Name einer Anlage enthält nicht zugelassene Zeichen.",
    );
  if (seen.has(name))
    throw refuse("comes twice", `Zwei Anlagen heißen gleich: „${name}“. Bitte eine umbenennen.`);
  seen.add(name);
}

export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function fault(field: string, message: string, label: string): LetterFault {
  return new LetterFault("schema", field, message, { notice: `${label} ist nicht zulässig.` });
}
