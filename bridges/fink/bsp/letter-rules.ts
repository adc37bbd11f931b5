import type { BspLetter } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import type { Profile } from "./profile.ts";
import { findContentFault } from "./text.ts";

/** Every rule of the interface that the text of a letter shows, in one place for both directions. Characters are code points. */

const HTTPS_URL = /^https:\/\/[^\s/"'<>][^\s"'<>]*$/i;
const MAIL_ADDRESS = /^[^\s@<>"'\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$/;
// eslint-disable-next-line no-control-regex -- the point of the rule
const CONTROL = /[\u0000-\u001f\u007f]/;

/** @throws LetterFault for the first rule that is broken */
export function checkLetter(letter: BspLetter<unknown>, profile: Profile): void {
  const { limits } = profile;
  checkMailbox(letter.recipient.mailbox, profile);
  for (const [field, text] of fieldsOf(letter)) checkField(field, text, limits.field);
  checkField("Betreff", letter.subject, limits.subject, "Der Betreff");
  if (letter.subject.trim() === "")
    throw new LetterFault("20", "Betreff", "must not be empty", { notice: "Der Betreff fehlt." });
  checkAddresses(letter);
  checkText(letter, profile);
}

export function checkMailbox(mailbox: string, { mailbox: pattern }: Profile): void {
  if (new RegExp(pattern).test(mailbox)) return;
  throw new LetterFault("30", "Empfaenger/PostkorbId", "has not the form of a mailbox handle", {
    notice: "Die Kennung des Postfachs ist ungültig.",
  });
}

function* fieldsOf(letter: BspLetter<unknown>): Generator<readonly [string, string]> {
  const groups: readonly (readonly [string, object | undefined])[] = [
    ["Absender", letter.sender],
    ["Empfaenger", letter.recipient],
    ["ZuVorgang", letter.case],
  ];
  for (const [group, members] of groups)
    for (const [name, value] of Object.entries(members ?? {}))
      if (typeof value === "string") yield [`${group}/${ELEMENTS[name] ?? name}`, value];
  for (const [name, value] of Object.entries({
    NachrichtenId: letter.id,
    Anwenderkennung: letter.operator,
    AntwortAuf: letter.answerTo,
    WeiterleitungZu: letter.forwardOf,
    lesebestaetigungAntwortAdresse: letter.receiptAddress,
    Encoding: letter.encoding,
  }))
    if (value !== undefined) yield [name, value];
}

/** Members of our type by the name of their element. */
const ELEMENTS: Readonly<Record<string, string>> = {
  mailbox: "PostkorbId",
  procedure: "Verfahren",
  service: "Dienst",
  tenant: "Mandant",
  municipality: "Gemeindeschluessel",
  name: "Name",
  address: "Anschrift",
  email: "Email",
  phone: "Telefon",
  link: "Hyperlink",
  id: "VorgangsId",
  status: "VorgangStatus",
};

function checkField(field: string, text: string, max: number, label?: string): void {
  const length = [...text].length;
  const said = label ?? `Die Angabe „${field}“`;
  if (length > max)
    throw new LetterFault("20", field, `longer than ${max} characters (${length})`, {
      notice: `${said} ist zu lang: höchstens ${max} Zeichen, es sind ${length}.`,
    });
  if (CONTROL.test(text) || !text.isWellFormed())
    throw new LetterFault("20", field, "contains control characters", {
      notice: `${said} enthält unzulässige Zeichen.`,
    });
}

function checkAddresses({ sender, receiptAddress }: BspLetter<unknown>): void {
  if (sender.link !== undefined && !HTTPS_URL.test(sender.link))
    throw new LetterFault("31", "Absender/Hyperlink", "must be an https URL", {
      notice: "Die Internetadresse muss mit https:// beginnen.",
    });
  if (receiptAddress !== undefined && !MAIL_ADDRESS.test(receiptAddress))
    throw new LetterFault("20", "lesebestaetigungAntwortAdresse", "must be an e-mail address");
}

/** Mandant, Betreff and Text are looked through for what a browser would take for markup (facts §1.7). */
function checkText(letter: BspLetter<unknown>, profile: Profile): void {
  if (letter.text.trim() === "")
    throw new LetterFault("20", "FreiText/Text", "must not be empty", {
      notice: "Das Schreiben hat keinen Text.",
    });
  const length = letter.text.length;
  if (length > profile.limits.textCharacters)
    throw new LetterFault(
      "20",
      "FreiText/Text",
      `more than ${profile.limits.textCharacters} characters`,
      {
        notice: `Der Text ist zu lang: höchstens ${profile.limits.textCharacters} Zeichen, es sind ${length}.`,
      },
    );
  if (profile.encodings[letter.encoding] === undefined)
    throw new LetterFault("31", "FreiText/Encoding", "this kind of text is not taken here");
  for (const [field, text] of [
    ["Absender/Mandant", letter.sender.tenant ?? ""],
    ["Betreff", letter.subject],
    ["FreiText/Text", letter.text],
  ] as const) {
    const found = findContentFault(text, profile);
    if (found !== undefined)
      throw new LetterFault("31", field, `${found} is not allowed`, {
        notice:
          "Das Schreiben enthält eine Formatierung oder einen Verweis, den das Empfangssystem nicht zulässt. Verweise müssen mit https:// beginnen, spitze Klammern sind nicht möglich.",
      });
  }
}
