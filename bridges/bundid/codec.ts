import {
  decodeEntities,
  findForbidden,
  hasTags,
  htmlOf,
  sanitise,
  textOf,
} from "../../src/guard/html.ts";
import { DeliveryError } from "../../src/model/errors.ts";
import { digestOf } from "../../src/model/id.ts";
import type {
  Attachment,
  BlobRef,
  CaseInfo,
  IncomingMessage,
  Message,
  ReplyPolicy,
  TrustLevel,
} from "../../src/model/message.ts";
import type { DeclaredFile, Letter } from "./letter.ts";
import { checkLetter } from "./letter-rules.ts";
import { LetterFault } from "./letter-fault.ts";
import type { Profile } from "./profile.ts";

/** Canonical message ↔ letter of the BundID mailbox. Pure: no I/O, no clock, nothing read but its arguments. */

/** What a letter says that no message knows: who we are, and how answers find back. */
export interface Letterhead {
  readonly senderName: string;
  readonly service: string;
  readonly url?: string;
  readonly minimumLevel: TrustLevel;
  readonly defaultTitle: string;
  readonly attachmentText: string;
  readonly forbiddenHtml: "text" | "refuse";
  readonly routing?: string;
  readonly receiptAddress?: string;
}

/** Keys of `Message.extra` under which a letter keeps what the canonical form has no place for. */
export const EXTRA = {
  /** `inlet`: came from a legacy system through our inlet. `reply`: an answer out of ZBP. */
  way: "way",
  /** `letter` or `application-state`. */
  kind: "kind",
  signer: "signer",
  service: "service",
  url: "senderUrl",
  routing: "routingInfo",
  replyAddress: "replyAddress",
  receiptAddress: "retrievalConfirmationAddress",
  replyId: "replyId",
} as const;

const OWN_REFERENCE = "mxgw:";
const AUTHORITY = "authority:";

/** Address of a legacy authority: named by the CN of its mailbox certificate. */
export function authorityAddress(cn: string): string {
  return AUTHORITY + cn;
}
export function signerOf(address: string): string | undefined {
  return address.startsWith(AUTHORITY) ? address.slice(AUTHORITY.length) : undefined;
}

/** The reference under which a letter is found again: the authority's own file number, else our id. */
export function referenceOf(message: Pick<Message, "id" | "case">): string {
  return message.case?.reference ?? OWN_REFERENCE + message.id;
}
export function isOwnReference(reference: string): boolean {
  return reference.startsWith(OWN_REFERENCE);
}

/**
 * `files` are the attachments of the message as they will be sent.
 * @throws DeliveryError permanent, when the interface does not allow this letter; names the field
 */
export function letterOf(
  message: Message,
  files: readonly DeclaredFile[],
  head: Letterhead,
  profile: Profile,
): Letter {
  const [recipient, second] = message.to;
  if (recipient === undefined || second !== undefined)
    throw new DeliveryError("permanent", "LETTER_INVALID", "a letter goes to exactly one mailbox");
  const url = message.extra?.[EXTRA.url] ?? head.url;
  const replyAddress = message.extra?.[EXTRA.replyAddress];
  const application = message.case?.applicationId;
  const letter: Letter = {
    mailbox: recipient.address.toLowerCase(),
    level: message.level > head.minimumLevel ? message.level : head.minimumLevel,
    sender: head.senderName,
    title: message.subject ?? head.defaultTitle,
    body: bodyOf(message, head, profile),
    service: message.extra?.[EXTRA.service] ?? head.service,
    reference: referenceOf(message),
    ...(url === undefined ? {} : { url }),
    ...(replyAddress === undefined ? {} : { replyAddress }),
    ...(application === undefined ? {} : { application }),
    ...(head.receiptAddress === undefined ? {} : { receiptAddress: head.receiptAddress }),
    ...(head.routing === undefined || message.replyPolicy === "forbidden"
      ? {}
      : { routing: head.routing }),
    attachments: files,
  };
  try {
    checkLetter(letter, profile);
  } catch (error) {
    throw error instanceof LetterFault ? error.asDeliveryError() : error;
  }
  return letter;
}

/**
 * The text of a letter as the interface wants it.
 * @throws DeliveryError permanent, when there is none or its formatting is refused
 */
export function bodyOf(
  message: Message,
  head: Pick<Letterhead, "attachmentText" | "forbiddenHtml">,
  profile: Profile,
): string {
  const plain = (text: string) => (profile.body.text === "html" ? htmlOf(text) : text);
  const { html, text } = message;
  if (html !== undefined && html.trim() !== "") {
    const finding = findForbidden(html, profile.limits.html).find(
      ({ kind }) => kind === "element" || kind === "link",
    );
    if (finding === undefined) return sanitise(html, profile.limits.html);
    if (head.forbiddenHtml === "refuse")
      throw new LetterFault(
        "content",
        profile.fields.body,
        `${finding.kind} ${finding.what} is not allowed`,
        {
          notice: `Der Text enthält eine nicht zugelassene Formatierung (${finding.what}).`,
        },
      ).asDeliveryError();
    return plain(text ?? textOf(html));
  }
  if (text !== undefined && text.trim() !== "") return plain(text);
  if (message.attachments.length > 0) return plain(head.attachmentText);
  throw new DeliveryError("permanent", "CONTENT_UNSUPPORTED", "neither text nor files", {
    notice: "Ein Schreiben ohne Text und ohne Anlagen kann nicht übermittelt werden.",
  });
}

/** What is known about a letter that came in, beside what it says itself. */
export interface Arrival {
  readonly sourceId: string;
  /** CN of the certificate that signed it. */
  readonly signer: string;
  readonly receivedAt: Date;
  /** In the order of the letter's own list. */
  readonly files: readonly Attachment[];
  readonly replyPolicy: ReplyPolicy;
  readonly original?: BlobRef;
}

/** A letter of a legacy system, checked before, as a canonical message. */
export function messageOf(letter: Letter, arrival: Arrival, profile: Profile): IncomingMessage {
  const caseInfo: CaseInfo = {
    ...(letter.reference === undefined ? {} : { reference: letter.reference }),
    ...(letter.application === undefined ? {} : { applicationId: letter.application }),
  };
  return {
    sourceId: arrival.sourceId,
    conversation: conversationOf(letter, arrival.signer),
    sentAt: arrival.receivedAt,
    from: {
      address: authorityAddress(arrival.signer),
      name: letter.sender,
      role: "authority",
    },
    to: [{ address: letter.mailbox, role: "citizen" }],
    subject: letter.title,
    ...contentOf(letter.body, profile),
    attachments: arrival.files,
    level: letter.level,
    replyPolicy: arrival.replyPolicy,
    ...(Object.keys(caseInfo).length === 0 ? {} : { case: caseInfo }),
    ...(arrival.original === undefined ? {} : { original: arrival.original }),
    extra: extraOf(letter, arrival.signer),
  };
}

function extraOf(letter: Letter, signer: string): Record<string, string> {
  const { url, routing, replyAddress, receiptAddress } = letter;
  return {
    [EXTRA.way]: "inlet",
    [EXTRA.kind]: "letter",
    [EXTRA.signer]: signer,
    [EXTRA.service]: letter.service,
    ...(url === undefined ? {} : { [EXTRA.url]: url }),
    ...(routing === undefined ? {} : { [EXTRA.routing]: routing }),
    ...(replyAddress === undefined ? {} : { [EXTRA.replyAddress]: replyAddress }),
    ...(receiptAddress === undefined ? {} : { [EXTRA.receiptAddress]: receiptAddress }),
  };
}

/** One case, one room: by the file number, else the application, else the service; never across senders or mailboxes. */
export function conversationOf(
  letter: Pick<Letter, "mailbox" | "reference" | "application" | "service">,
  signer: string,
): string {
  const { reference, application, service } = letter;
  const key =
    reference !== undefined && reference !== ""
      ? ["reference", reference]
      : application === undefined
        ? ["service", service]
        : ["application", application.toLowerCase()];
  return `case:${digestOf(signer, letter.mailbox, ...key).slice(0, 40)}`;
}

/** The same for a letter of the past, in either direction; it has no service, so it has to name its case. */
export function caseKeyOf({
  from,
  to: [to],
  case: matter,
}: Pick<Message, "from" | "to" | "case">): string | undefined {
  const { reference, applicationId: application } = matter ?? {};
  if (!to || (!reference && application === undefined)) return undefined;
  const signer = signerOf(from.address) ?? signerOf(to.address);
  if (signer === undefined) return undefined;
  const mailbox = (signerOf(from.address) === undefined ? from : to).address.toLowerCase();
  return conversationOf(
    {
      ...{ mailbox, service: "" },
      ...(reference === undefined ? {} : { reference }),
      ...(application === undefined ? {} : { application }),
    },
    signer,
  );
}

/** `content` of a letter or reply as text, and as HTML when it has tags. What the rules forbid is cut away. */
export function contentOf(body: string, profile: Profile): { text: string; html?: string } {
  if (!hasTags(body)) return { text: profile.body.text === "html" ? decodeEntities(body) : body };
  const html = sanitise(body, profile.limits.html);
  return { text: textOf(html), html };
}
