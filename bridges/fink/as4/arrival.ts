import { GatewayError } from "../../../src/model/errors.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import type { KeptAnswer, SoapAnswer } from "./answer.ts";
import type { As4Parts } from "./contract.ts";
import { readHeader, readPayloads, requireAnswer } from "./envelope-read.ts";
import type { PayloadRef, ReceivedHeader } from "./envelope-read.ts";
import { ownParty, partyOf } from "./identity.ts";
import type { Mailbox } from "./payload.ts";

/** A fetched message: its envelope read, its files in the blob store, nothing believed yet. */
export interface Arrival {
  readonly messageId: string;
  /** The whole answer as it came. */
  readonly original: BlobRef;
  readonly header: ReceivedHeader;
  readonly files: readonly ArrivedFile[];
}
export interface ArrivedFile {
  readonly href: string;
  readonly blob: BlobRef;
}

/** @throws GatewayError INPUT_INVALID, INPUT_HOSTILE */
export function readArrival(
  messageId: string,
  { original }: KeptAnswer<SoapAnswer>,
  answer: SoapAnswer,
): Arrival {
  const header = readHeader(answer.envelope);
  const refs = readPayloads(requireAnswer(answer.envelope, "retrieveMessageResponse"));
  if (header.messageId !== messageId)
    throw new GatewayError("INPUT_INVALID", "the answer holds another message than was asked for");
  return { messageId, original, header, files: filesOf(refs, answer) };
}

/** Every file belongs to exactly one payload and the other way round: a file too much or too few is no reading. */
function filesOf(refs: readonly PayloadRef[], answer: SoapAnswer): readonly ArrivedFile[] {
  const used = new Set<string>();
  const files = refs.map(({ href, value, contentId }) => {
    const blob = contentId === undefined ? answer.files[value] : answer.parts.get(contentId);
    const key = contentId === undefined ? `#${value}` : `cid:${contentId}`;
    if (blob === undefined)
      throw new GatewayError("INPUT_INVALID", "a payload refers to a part that is not there");
    if (used.has(key)) throw new GatewayError("INPUT_HOSTILE", "two payloads share one part");
    used.add(key);
    return { href, blob };
  });
  const stored = answer.parts.size + answer.files.filter((file) => file !== undefined).length;
  if (stored !== used.size)
    throw new GatewayError("INPUT_INVALID", "the answer holds a part that no payload names");
  if (new Set(files.map(({ href }) => href)).size !== files.length)
    throw new GatewayError("INPUT_INVALID", "two payloads have one name");
  return files;
}

export type Purpose = "letter" | "acknowledgement" | "readReceipt";

export interface TrustedArrival extends Arrival {
  readonly purpose: Purpose;
  readonly from: Mailbox;
  readonly to: Mailbox;
}

/**
 * Who sent it, to whom, and what for. The name in `originalSender` counts only when the access point that sent it is
 * the one of that entity by the federation: the access points have proved that to each other, the property is just text.
 * @throws GatewayError ROUTING_INVALID, PARTICIPANT_REMOVED
 */
export function trust(arrival: Arrival, parts: As4Parts): TrustedArrival {
  const { header } = arrival;
  const { exchange, properties } = parts.profile;
  const own = ownParty(parts);
  if (header.service !== exchange.service.value) throw routing("another service is named");
  const purpose = (["letter", "acknowledgement", "readReceipt"] as const).find(
    (name) => exchange.actions[name] === header.action,
  );
  if (purpose === undefined) throw routing("an action is named that the profile does not know");
  const from = mailboxOf(header.properties.get(properties.originalSender), "originalSender");
  const to = mailboxOf(header.properties.get(properties.finalRecipient), "finalRecipient");
  if (to.entityId !== parts.settings.entityId || !sameParty(header.to, own))
    throw routing("it is addressed to another entity or access point");
  if (parts.isExcluded?.(from.entityId) === true)
    throw new GatewayError("PARTICIPANT_REMOVED", "the sender's account left the federation");
  const party = partyOf(parts, from.entityId);
  if (party === undefined || !sameParty(header.from, party))
    throw routing("it came from an access point that is not the sender's by the federation");
  return { ...arrival, purpose, from, to };
}

function mailboxOf(property: string | undefined, name: string): Mailbox {
  const at = property?.indexOf("#") ?? -1;
  if (property === undefined || at <= 0 || at === property.length - 1)
    throw routing(`${name} is missing or is not <entity>#<mailbox>`);
  return { entityId: property.slice(0, at), mailbox: property.slice(at + 1) };
}

function sameParty(one: { id: string; type: string }, other: { id: string; type: string }) {
  return one.id === other.id && one.type === other.type;
}

export interface SortedParts {
  readonly document: ArrivedFile;
  readonly attachments: readonly (ArrivedFile & { name?: string; mediaType: string })[];
}

/** The document and the files, as the envelope lists them. @throws GatewayError INPUT_INVALID */
export function sortParts({ header, files }: Arrival, { profile }: As4Parts): SortedParts {
  const { document, attachment, mediaTypeProperty } = profile.payload;
  if (header.parts.length !== files.length)
    throw new GatewayError("INPUT_INVALID", "the envelope lists other parts than there are");
  if (files.length - 1 > attachment.maxParts)
    throw new GatewayError("ATTACHMENT_REJECTED", `more than ${attachment.maxParts} files`);
  const listed = header.parts.map(({ href, properties }) => {
    const file = files.find((candidate) => candidate.href === href);
    if (file === undefined)
      throw new GatewayError("INPUT_INVALID", "the envelope lists a part that is not there");
    const mediaType = (properties.get(mediaTypeProperty) ?? "").trim().toLowerCase();
    const name = properties.get(attachment.nameProperty);
    return { ...file, mediaType, ...(name === undefined ? {} : { name }) };
  });
  const first = listed.find(({ href }) => href === document.href);
  if (first === undefined || first.mediaType !== document.mediaType)
    throw new GatewayError("INPUT_INVALID", "the document is missing or of another type");
  if (new Set(listed.map(({ href }) => href)).size !== listed.length)
    throw new GatewayError("INPUT_INVALID", "a part is listed twice");
  return { document: first, attachments: listed.filter(({ href }) => href !== document.href) };
}

function routing(detail: string): GatewayError {
  return new GatewayError("ROUTING_INVALID", detail);
}
