import { DeliveryError } from "../../../src/model/errors.ts";
import type { AccessPoint } from "./access-point.ts";
import type { As4Parts } from "./contract.ts";
import { writeMessaging } from "./envelope-write.ts";
import type { MessageHeader, MessageProperty } from "./envelope-write.ts";
import { ownParty, partyOf } from "./identity.ts";
import type { PayloadFile } from "./payload.ts";
import { composeInline, composeMtom } from "./submit-body.ts";
import type { SubmitPart } from "./submit-body.ts";

/** One message of ours as the access point takes it: envelope values by the profile, payload as parts. */
export interface Submission {
  readonly messageId: string;
  readonly refToMessageId?: string;
  readonly conversationId: string;
  readonly action: string;
  readonly entityId: string;
  readonly mailboxes: { readonly from: string; readonly to: string };
  readonly document: Uint8Array;
  readonly attachments: readonly PayloadFile[];
  readonly level?: string;
  readonly legalBasis?: string;
}

/** Hands it over. Throws AccessPointFault or DeliveryError; resolves when the access point has it under our id. */
export async function submit(
  parts: As4Parts,
  accessPoint: AccessPoint,
  submission: Submission,
  at: Date,
  signal: AbortSignal,
): Promise<void> {
  const to = partyOf(parts, submission.entityId);
  if (to === undefined)
    throw new DeliveryError("transient", "CONFIG_INVALID", "the entity names no access point", {
      notice:
        "Für das Empfangssystem ist zurzeit kein Übermittlungsweg bekannt; es wird weiter versucht.",
    });
  const { profile, context } = parts;
  const payloads = payloadsOf(submission, parts);
  const { messageId, conversationId, action, refToMessageId } = submission;
  const header: MessageHeader = {
    ...{ messageId, conversationId, action, to, timestamp: at },
    ...(refToMessageId === undefined ? {} : { refToMessageId }),
    from: ownParty(parts),
    properties: propertiesOf(submission, parts),
    parts: payloads.map(({ href, properties }) => ({ href, properties })),
  };
  const compose = profile.backend.upload === "mtom" ? composeMtom : composeInline;
  const body = compose(writeMessaging(header, profile), payloads, (blob) => context.open(blob));
  const ids = await accessPoint.submit(body, signal);
  if (ids.length !== 1 || ids[0] !== messageId)
    throw new DeliveryError(
      "unknown",
      "REMOTE_ANSWER_INVALID",
      "the access point took the message under another id, so a repetition would not be seen",
    );
}

type Payload = SubmitPart & { readonly properties: readonly MessageProperty[] };

function payloadsOf({ document, attachments }: Submission, { profile }: As4Parts): Payload[] {
  const { payload } = profile;
  if (document.length > payload.document.maxBytes)
    throw new DeliveryError("permanent", "LETTER_INVALID", "the document is larger than allowed");
  if (attachments.length > payload.attachment.maxParts)
    throw new DeliveryError("permanent", "ATTACHMENT_REJECTED", "more attachments than allowed");
  const typeOf = (value: string) => ({ name: payload.mediaTypeProperty, value });
  const first: Payload = {
    href: payload.document.href,
    mediaType: payload.document.mediaType,
    content: document,
    properties: [typeOf(payload.document.mediaType)],
  };
  const others = attachments.map(({ name, mediaType, blob }, index): Payload => ({
    href: payload.attachment.href.replace("%n", String(index + 1)),
    mediaType,
    content: blob,
    properties: [typeOf(mediaType), { name: payload.attachment.nameProperty, value: name }],
  }));
  return [first, ...others];
}

function propertiesOf(submission: Submission, { profile, settings }: As4Parts): MessageProperty[] {
  const { properties } = profile;
  const { mailboxes, entityId, level, legalBasis } = submission;
  const type = properties.type === undefined ? {} : { type: properties.type };
  const address = (entity: string, mailbox: string) => `${entity}${properties.separator}${mailbox}`;
  const optional = (name: string | undefined, value: string | undefined) =>
    name === undefined || value === undefined ? [] : [{ name, value }];
  return [
    {
      name: properties.originalSender,
      value: address(settings.entityId, mailboxes.from),
      ...type,
    },
    { name: properties.finalRecipient, value: address(entityId, mailboxes.to), ...type },
    ...optional(properties.level, level),
    ...optional(properties.legalBasis, legalBasis),
    ...Object.entries(properties.fixed).map(([name, value]) => ({ name, value })),
  ];
}
