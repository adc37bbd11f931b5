import { Readable } from "node:stream";
import type { BridgeContext, Delivery } from "../../src/bridge/contract.ts";
import { DeliveryError, describeError } from "../../src/model/errors.ts";
import type { BlobRef, Message } from "../../src/model/message.ts";
import type { Receipt } from "../../src/model/receipt.ts";
import { checkState, serialiseState } from "./application-state.ts";
import type { ApplicationState } from "./application-state.ts";
import { EXTRA, letterOf } from "./codec.ts";
import type { Letterhead } from "./codec.ts";
import { prepareFiles } from "./files.ts";
import { serialiseLetter } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import { composeBody } from "./multipart-body.ts";
import type { BodyPart } from "./multipart-body.ts";
import { evidenceOf, jsonOf } from "./outcome.ts";
import type { Answer } from "./outcome.ts";
import type { Profile } from "./profile.ts";
import type { Sender } from "./sender.ts";
import { wrapSigned } from "./signature.ts";
import { readPathText } from "./value-path.ts";

/** How far a time in an answer may be from ours to be taken as the time of receipt. */
const PLAUSIBLE_MS = 600_000;

type Context = Pick<BridgeContext<unknown>, "open" | "store" | "log">;

/**
 * Hands a letter from Matrix to the mailbox.
 * @throws DeliveryError
 */
export async function deliverLetter(
  context: Context,
  sender: Sender,
  message: Message,
  deliveryId: string,
  signal: AbortSignal,
): Promise<Delivery> {
  refuseAborted(signal);
  const { profile, transport, identity } = sender;
  const files = await prepareFiles(message, (blob) => context.open(blob), profile, signal);
  const letter = letterOf(message, files, letterheadOf(sender, message), profile);
  const { send } = profile;
  const json = wrapSigned(serialiseLetter(letter, profile), identity.key, profile);
  const parts: BodyPart[] = [
    { name: send.jsonPart, mediaType: send.jsonType, content: Buffer.from(json, "utf8") },
    ...files.map(({ name, mediaType, blob }) => ({
      name: send.filePart,
      fileName: name,
      mediaType,
      content: blob,
    })),
  ];
  const body = composeBody(parts, (blob) => context.open(blob));
  const authorization = await transport.authorization();
  refuseAborted(signal);
  const answer = await transport.send(send, body, authorization, signal);
  return deliveryOf(context, profile, answer, deliveryId);
}

function letterheadOf(sender: Sender, message: Message): Letterhead {
  const { settings, routing } = sender;
  return {
    senderName: settings.name,
    service: settings.service,
    ...(settings.senderUrl === undefined ? {} : { url: settings.senderUrl }),
    minimumLevel: settings.minimumLevel,
    defaultTitle: settings.defaultTitle,
    attachmentText: settings.attachmentText,
    forbiddenHtml: settings.forbiddenHtml,
    ...(settings.replies.enabled ? { routing: routing.routingInfo(message.id) } : {}),
    ...(sender.receiptDomain === undefined
      ? {}
      : { receiptAddress: `${routing.localPart(message.id)}@${sender.receiptDomain}` }),
  };
}

/** Extra keys of a message that is a status, not a letter. */
const STATE = { status: "status", details: "statusDetails", information: "additionalInformation" };

/** Hands the state of an application to the status monitor. @throws DeliveryError */
export async function deliverState(
  context: Context,
  sender: Sender,
  message: Message,
  deliveryId: string,
  signal: AbortSignal,
): Promise<Delivery> {
  refuseAborted(signal);
  const { profile, transport, identity, settings } = sender;
  const { extra = {} } = message;
  const details = extra[STATE.details];
  const information = extra[STATE.information];
  const reference = message.case?.reference;
  const state: ApplicationState = {
    application: message.case?.applicationId ?? "",
    status: extra[STATE.status] ?? "",
    service: extra[EXTRA.service] ?? settings.service,
    sender: settings.name,
    ...(details === undefined ? {} : { details }),
    ...(information === undefined ? {} : { information }),
    ...(reference === undefined ? {} : { reference }),
    createdAt: message.sentAt,
  };
  try {
    checkState(state, profile);
  } catch (error) {
    throw error instanceof LetterFault ? error.asDeliveryError() : error;
  }
  const body = wrapSigned(serialiseState(state, profile), identity.key, profile);
  const authorization = await transport.authorization();
  const answer = await transport.send(profile.state, body, authorization, signal);
  return deliveryOf(context, profile, answer, deliveryId);
}

/** The answer becomes evidence; its id, if it has one, the name of the letter over there. */
export async function deliveryOf(
  context: Context,
  profile: Profile,
  answer: Answer,
  deliveryId: string,
): Promise<Delivery> {
  const json = jsonOf(answer);
  const id = readPathText(json, profile.answer.id, 200);
  const at = plausible(readPathText(json, profile.answer.receivedAt, 40));
  const evidence = await keepEvidence(context, answer);
  const detail = id === undefined ? `answered ${answer.status} without an id` : undefined;
  const receipt: Receipt = {
    kind: "delivered",
    at,
    ...(evidence === undefined ? {} : { evidence }),
    ...(detail === undefined ? {} : { detail: answer.complete ? detail : `${detail}, cut off` }),
  };
  return { remoteId: id ?? `zbp:${deliveryId}`, receipt };
}

/** A letter that arrived stays delivered, even when its receipt cannot be stored. */
async function keepEvidence(context: Context, answer: Answer): Promise<BlobRef | undefined> {
  try {
    return await context.store("answer", Readable.from([evidenceOf(answer)]));
  } catch (error) {
    context.log.warn({ error: describeError(error) }, "evidence-not-stored");
    return undefined;
  }
}

function plausible(text: string | undefined): Date {
  const now = Date.now();
  const time = Date.parse(text ?? "");
  return new Date(Math.abs(time - now) <= PLAUSIBLE_MS ? time : now);
}

export function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted)
    throw new DeliveryError("transient", "REMOTE_UNAVAILABLE", "stopped before anything was sent", {
      cause: signal.reason,
    });
}
