import { findForbidden, sanitise, textOf } from "../../../src/guard/html.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import { digestOf } from "../../../src/model/id.ts";
import type {
  Attachment,
  BlobRef,
  Detail,
  IncomingMessage,
  Message,
  Party,
} from "../../../src/model/message.ts";
import { normaliseMailbox, parseRemoteAddress, remoteAddress } from "../address.ts";
import type { BspLetter, BspSender } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import { checkLetter } from "./letter-rules.ts";
import type { Profile } from "./profile.ts";
import type { AuthoritySettings } from "./settings.ts";
import { escapePlain, readText } from "./text.ts";

/** Canonical message ↔ BspNachricht. Pure: no I/O, no clock, nothing read but its arguments. */

/** Keys of `Message.extra` under which a letter keeps what the canonical form has no place for. */
export const EXTRA = {
  /** `bsp`: came as BspNachricht. */
  way: "way",
  /** Short name of the authority that delivered it. */
  peer: "peer",
  id: "nachrichtenId",
  service: "dienst",
  procedure: "verfahren",
  municipality: "gemeindeschluessel",
  link: "hyperlink",
  email: "email",
  phone: "telefon",
  category: "kategorie",
  receiptAddress: "lesebestaetigungAntwortAdresse",
} as const;

/** Marks a case id as ours: it names the letter and nothing else. */
const OWN_CASE = "mxgw:";
const AUTHORITY = "authority:";
/** Under this key the gateway names the Matrix user who wrote a letter (docs/people.md). */
const WRITER = "matrix.sender";

/** What a letter says that no message knows. */
export interface Letterhead {
  readonly authority: AuthoritySettings;
  readonly form: "text" | "html";
  /** The letter this one answers, if it is known. */
  readonly answered?: Message;
}

type Outgoing = IncomingMessage & { readonly id?: string };

/**
 * @throws DeliveryError permanent, when the interface does not allow this letter; names the element
 */
export function letterOf<F>(
  message: Outgoing,
  files: readonly F[],
  head: Letterhead,
  profile: Profile,
): BspLetter<F> {
  const { authority, answered } = head;
  const { write, tables } = profile;
  const id = message.id ?? "00000000-0000-7000-8000-000000000000";
  const service = serviceOf(message, head);
  const level = message.level > authority.minimumLevel ? message.level : authority.minimumLevel;
  const answerTo = answered?.extra?.[EXTRA.id];
  const letter: BspLetter<F> = {
    version: write.version,
    issue: write.issue,
    createdAt: message.sentAt,
    id,
    ...operatorOf(message, authority),
    sender: senderOf(message, head, service),
    recipient: recipientOf(message),
    ...(answerTo === undefined ? {} : { answerTo }),
    subject: subjectOf(message, head),
    ...categoryOf(message, tables.category.values),
    level,
    case: {
      name: service,
      id: message.case?.reference ?? OWN_CASE + id,
      status: write.caseStatus,
    },
    ...contentOf(message, head, profile),
    files,
  };
  try {
    checkLetter(letter, profile);
  } catch (error) {
    throw error instanceof LetterFault ? error.asDeliveryError() : error;
  }
  return letter;
}

function recipientOf(message: Outgoing): BspLetter<never>["recipient"] {
  const [to, second] = message.to;
  if (to === undefined || second !== undefined)
    throw new DeliveryError("permanent", "LETTER_INVALID", "a letter goes to exactly one mailbox");
  const remote = parseRemoteAddress(to.address);
  if (remote === undefined)
    throw new DeliveryError("permanent", "RECIPIENT_UNKNOWN", "no mailbox of another account");
  return { mailbox: remote.mailbox, ...(to.name === undefined ? {} : { name: to.name }) };
}

function serviceOf({ extra }: Outgoing, { authority, answered }: Letterhead): string {
  return extra?.[EXTRA.service] ?? answered?.extra?.[EXTRA.service] ?? authority.service;
}

/** Anwenderkennung names the clerk who sends, for the logs over there (bundid-fink.md §1.7); a citizen is none. */
function operatorOf({ from, extra }: Outgoing, { nameClerk }: AuthoritySettings) {
  const operator = nameClerk && from.role !== "citizen" ? extra?.[WRITER] : undefined;
  return operator === undefined ? {} : { operator };
}

/** An authority writes with its own data; a citizen who answers with the mailbox that the letter had reached. */
function senderOf(
  { from }: Outgoing,
  { authority, answered }: Letterhead,
  service: string,
): BspSender {
  const { procedure, municipality, mailbox, email, phone, link } = authority;
  if (from.role === "citizen")
    return {
      mailbox: from.address,
      service,
      tenant: answered?.from.name ?? authority.name,
      ...(from.name === undefined ? {} : { name: from.name }),
    };
  return {
    ...(mailbox === undefined ? {} : { mailbox }),
    ...(procedure === undefined ? {} : { procedure }),
    service,
    tenant: authority.name,
    ...(municipality === undefined ? {} : { municipality }),
    ...(email === undefined ? {} : { email }),
    ...(phone === undefined ? {} : { phone }),
    ...(link === undefined ? {} : { link }),
  };
}

function subjectOf({ subject }: Outgoing, { authority, answered }: Letterhead): string {
  if (subject !== undefined && subject.trim() !== "") return subject;
  return answered?.subject === undefined ? authority.defaultTitle : `Re: ${answered.subject}`;
}

function categoryOf({ extra }: Outgoing, known: readonly string[]) {
  const category = extra?.[EXTRA.category];
  return category !== undefined && known.includes(category) ? { category } : {};
}

function contentOf(
  message: Outgoing,
  { authority, form }: Letterhead,
  profile: Profile,
): { readonly encoding: string; readonly text: string } {
  const encodingOf = (wanted: "plain" | "html") =>
    Object.entries(profile.encodings).find(([, kind]) => kind === wanted)?.[0] ?? `text/${wanted}`;
  const { html, text } = message;
  if (html !== undefined && html.trim() !== "") {
    if (form === "html" && isAllowed(html, profile))
      return { encoding: encodingOf("html"), text: sanitise(html, profile.html) };
    return { encoding: encodingOf("plain"), text: escapePlain(text ?? textOf(html)) };
  }
  const plain = text?.trim() === "" ? undefined : text;
  if (plain === undefined && message.attachments.length === 0)
    throw new DeliveryError("permanent", "CONTENT_UNSUPPORTED", "neither text nor files", {
      notice: "Ein Schreiben ohne Text und ohne Anlagen kann nicht übermittelt werden.",
    });
  return { encoding: encodingOf("plain"), text: escapePlain(plain ?? authority.attachmentText) };
}

/** A tag or a link that the mailbox would refuse makes it plain text; a stray attribute is only cut away. */
function isAllowed(html: string, profile: Profile): boolean {
  return findForbidden(html, profile.html).every(
    ({ kind }) => kind !== "element" && kind !== "link",
  );
}

/** What is known about a letter that came in, beside what it says itself. */
export interface Arrival {
  readonly sourceId: string;
  readonly peer: { readonly name: string; readonly entityId?: string | undefined };
  readonly receivedAt: Date;
  readonly files: readonly Attachment[];
  readonly original?: BlobRef;
  /** The letter of ours that this one answers. */
  readonly answered?: Message;
}

/** A checked letter as a canonical message. */
export function messageOf(
  letter: BspLetter<unknown>,
  arrival: Arrival,
  profile: Profile,
): IncomingMessage {
  const { answered, peer } = arrival;
  const from = counterpartOf(letter, peer, answered, profile);
  const reference = referenceOf(letter);
  const details = detailsOf(letter);
  const mailbox = normaliseMailbox(letter.recipient.mailbox);
  return {
    sourceId: arrival.sourceId,
    conversation: answered?.conversation ?? conversationOf(letter, peer.name),
    ...(answered === undefined ? {} : { inReplyTo: answered.id }),
    sentAt: letter.createdAt > arrival.receivedAt ? arrival.receivedAt : letter.createdAt,
    from,
    to: [answered?.from ?? recipientParty(mailbox, letter)],
    subject: letter.subject,
    ...readText(letter.text, profile.encodings[letter.encoding] ?? "plain", profile),
    attachments: arrival.files,
    level: letter.level,
    replyPolicy: parseRemoteAddress(from.address) === undefined ? "forbidden" : "possible",
    ...(reference === undefined ? {} : { case: { reference } }),
    ...(details.length === 0 ? {} : { details }),
    ...(arrival.original === undefined ? {} : { original: arrival.original }),
    extra: extraOf(letter, peer.name),
  };
}

function recipientParty(address: string, { recipient }: BspLetter<unknown>): Party {
  const { name } = recipient;
  return { address, ...(name === undefined ? {} : { name }), role: "citizen" };
}

/** The other side: reachable when it named its own mailbox and the operator its account (profile: returnAddress). */
function counterpartOf(
  { sender }: BspLetter<unknown>,
  peer: Arrival["peer"],
  answered: Message | undefined,
  { returnAddress }: Profile,
): Party {
  const name = sender.tenant ?? sender.name;
  const isAnswerOfCitizen = answered !== undefined && answered.to[0]?.role !== "authority";
  const { entityId } = peer;
  const reachable =
    returnAddress === "sender-mailbox" && sender.mailbox !== undefined && entityId !== undefined;
  const address = reachable
    ? remoteAddress({ entityId, mailbox: normaliseMailbox(sender.mailbox) })
    : authorityAddress(peer.name);
  const known = isAnswerOfCitizen ? answered.to[0] : undefined;
  if (known !== undefined)
    return sender.name === undefined ? known : { name: sender.name, ...known };
  return { address, name: name ?? peer.name, role: "authority" };
}

/** Address of an authority that has no mailbox of its own: it cannot be answered. */
export function authorityAddress(peer: string): string {
  return AUTHORITY + peer;
}

/** The sender's file number; undefined when it is only the mark of a gateway like this one. */
function referenceOf({ case: proceedings }: BspLetter<unknown>): string | undefined {
  const id = proceedings?.id;
  return id === undefined || id.startsWith(OWN_CASE) ? undefined : id;
}
/** Ids of ours that this letter may answer: it names one, or carries on the case id that we gave. */
export function answeredIds({ answerTo, case: proceedings }: BspLetter<unknown>): string[] {
  const own = proceedings?.id?.startsWith(OWN_CASE) ? proceedings.id.slice(OWN_CASE.length) : "";
  return [answerTo ?? "", own].filter((id) => id !== "");
}

/** One case, one room: by the file number, else by the service; never across senders or mailboxes. */
function conversationOf(letter: BspLetter<unknown>, peer: string): string {
  const { service, procedure } = letter.sender;
  const reference = referenceOf(letter);
  const key =
    reference === undefined ? ["service", service ?? procedure ?? ""] : ["case", reference];
  const mailbox = normaliseMailbox(letter.recipient.mailbox);
  return `case:${digestOf("bsp", peer, mailbox, ...key).slice(0, 40)}`;
}

function detailsOf({ sender, case: proceedings }: BspLetter<unknown>): Detail[] {
  const found: readonly (readonly [string, string | undefined])[] = [
    ["Dienst", sender.service],
    ["Verfahren", sender.procedure],
    ["Stelle", sender.tenant === undefined ? undefined : sender.name],
    ["Vorgang", proceedings?.name === sender.service ? undefined : proceedings?.name],
    ["Anschrift", sender.address],
    ["E-Mail", sender.email],
    ["Telefon", sender.phone],
    ["Internet", sender.link],
  ];
  return found.flatMap(([label, value]) =>
    value === undefined || value === "" ? [] : [{ label, value }],
  );
}

function extraOf({ id, sender, category, receiptAddress }: BspLetter<unknown>, peer: string) {
  const known: Readonly<Record<string, string | undefined>> = {
    [EXTRA.way]: "bsp",
    [EXTRA.peer]: peer,
    [EXTRA.id]: id,
    [EXTRA.service]: sender.service,
    [EXTRA.procedure]: sender.procedure,
    [EXTRA.municipality]: sender.municipality,
    [EXTRA.link]: sender.link,
    [EXTRA.email]: sender.email,
    [EXTRA.phone]: sender.phone,
    [EXTRA.category]: category,
    [EXTRA.receiptAddress]: receiptAddress,
  };
  const present = Object.entries(known).flatMap(([key, value]) =>
    value === undefined || value === "" ? [] : [[key, value] as const],
  );
  return Object.fromEntries(present);
}
