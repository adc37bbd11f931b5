import type { Delivery } from "../bridge/contract.ts";
import type { HomeserverConfig } from "../config/schema.ts";
import { DeliveryError } from "../model/errors.ts";
import type { Message } from "../model/message.ts";
import { historySourceOf } from "../model/history.ts";
import { conversationIdOf } from "../pipeline/lanes.ts";
import type { Conversation, Store } from "../store/store.ts";
import { isCopy } from "../transition/phases.ts";
import type { MatrixAccount } from "./contract.ts";
import { eventIdOf } from "./envelope.ts";
import { SCOPE } from "./facts.ts";
import {
  fileAnnouncement,
  fileToEvent,
  inPlaceOf,
  letterToEvents,
  type LetterEvents,
  type LetterFile,
} from "./letter-events.ts";
import { findMarked, type MarkedParts } from "./marker.ts";
import type { Media } from "./media.ts";
import { noReader } from "./members.ts";
import { noteRequest } from "./requests.ts";
import { speak, txnIdOf, type Voice, type VoiceDeps } from "./voice.ts";

/** Synapse forgets transaction ids after 24 hours; from then on only our own mark in the room tells. */
const TXN_TRUSTED_MS = 23 * 3_600_000;

export interface DeliverDeps extends VoiceDeps {
  readonly homeserver: Pick<HomeserverConfig, "historyVisibility">;
  readonly store: Store;
  readonly media: Media;
  readonly now: () => Date;
  account(name: string): MatrixAccount;
}

/** One letter of the legacy side into its room, in order, each part once. Throws DeliveryError, never `unknown` for a send. */
export async function deliverLetter(
  deps: DeliverDeps,
  message: Message,
  deliveryId: string,
  signal: AbortSignal,
): Promise<Delivery> {
  const conversation = await conversationOf(deps.store, message);
  await noteRequest(deps.store, conversation.id, message);
  const copy = await isCopyHere(deps.store, message);
  const events = letterToEvents(message, {
    conversation: conversation.id,
    bridge: deps.account(message.account).bridgeName,
    deliveryId,
    ...(await answeredEvent(deps.store, message)),
    copy,
  });
  const parts = await speak(deps, conversation, message.from, signal, async (voice) => {
    await seatReaders(deps, conversation, voice, signal);
    const sent = await alreadySent(deps, message, deliveryId, voice, signal);
    return sendParts(deps, message, deliveryId, { ...events, copy }, voice, sent, signal);
  });
  await forgetUploads(deps.store, deliveryId, events.files.length);
  const [remoteId] = parts;
  if (remoteId === undefined) throw new Error("a letter without events");
  return { remoteId, parts };
}

/** Settles an open question by our own marks in the room; all parts or "absent", because sending again is safe. */
export async function findLetter(
  deps: DeliverDeps,
  message: Message,
  deliveryId: string,
  signal: AbortSignal,
): Promise<Delivery | "absent"> {
  const conversation = await conversationOf(deps.store, message);
  if (conversation.roomId === undefined) return "absent";
  const context = { conversation: conversation.id, bridge: "", deliveryId };
  const expected = letterToEvents(message, context).files.length;
  const marked = await speak(deps, conversation, message.from, signal, (voice) =>
    findMarked(deps.client, voice, deliveryId, signal),
  );
  const files = Array.from({ length: expected }, (_, index) => marked.files.get(index));
  const parts = [marked.main, ...files].filter((id) => id !== undefined);
  const [remoteId] = parts;
  return parts.length === expected + 1 && remoteId ? { remoteId, parts } : "absent";
}

export async function conversationOf(store: Store, message: Message): Promise<Conversation> {
  const id = conversationIdOf(message.account, message.conversation);
  const conversation = await store.conversation(id);
  if (!conversation) throw new DeliveryError("permanent", "NOT_FOUND", `no conversation ${id}`);
  return conversation;
}

/** A letter that nobody can read is not delivered; somebody who may no longer read it is removed before it is sent. */
async function seatReaders(
  deps: DeliverDeps,
  conversation: Conversation,
  voice: Voice,
  signal: AbortSignal,
): Promise<void> {
  const readers = await deps.members.readersOf(conversation);
  const seated = await deps.members.align(voice.roomId, readers, signal);
  if (seated.size === 0) throw noReader("nobody who reads this mailbox could be invited");
  if (deps.homeserver.historyVisibility === "invited") return;
  // Who joins later would never see it: the letter waits for the first reader.
  if ([...seated.values()].some((fact) => fact.membership === "join")) return;
  await deps.members.refresh(voice.roomId, signal);
  const now = await deps.members.align(voice.roomId, readers, signal);
  if (![...now.values()].some((fact) => fact.membership === "join"))
    throw noReader("no reader of this mailbox has joined the room yet");
}

async function alreadySent(
  deps: DeliverDeps,
  message: Message,
  deliveryId: string,
  voice: Voice,
  signal: AbortSignal,
): Promise<MarkedParts> {
  const none = new Map<number, string>();
  const nothing = { main: undefined, files: none, announced: none };
  const now = deps.now().getTime();
  // The id of a letter holds when it was accepted: a young letter needs no look into the database.
  if (now - timeOfId(message.id) < TXN_TRUSTED_MS) return nothing;
  // All its attempts count, also those before an operator sent it again.
  const attempts = (await deps.store.trace(message.id))?.attempts ?? [];
  if (!attempts.some((one) => now - one.startedAt.getTime() >= TXN_TRUSTED_MS)) return nothing;
  return findMarked(deps.client, voice, deliveryId, signal);
}

/** Milliseconds since the epoch in the first 48 bits of a UUIDv7 (RFC 9562 §5.7). 0 for anything else. */
export function timeOfId(id: string): number {
  const time = Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
  return Number.isNaN(time) ? 0 : time;
}

async function sendParts(
  deps: DeliverDeps,
  message: Message,
  deliveryId: string,
  events: LetterEvents & { readonly copy: boolean },
  voice: Voice,
  sent: MarkedParts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  // First all uploads: a file that the homeserver refuses must not leave half a letter in the room.
  const uploads: string[] = [];
  for (const [index, file] of events.files.entries())
    uploads.push(await uploadOnce(deps, file, `${deliveryId}/${index}`, voice.ghost, signal));
  const put = (part: string, content: LetterEvents["main"]) =>
    deps.client.send(
      voice.roomId,
      "m.room.message",
      txnIdOf(deliveryId, part, voice.ghost),
      content,
      {
        as: voice.ghost,
        ts: message.sentAt.getTime(),
        signal,
      },
    );
  const main = sent.main ?? (await put("main", events.main));
  const parts = [main];
  for (const [index, file] of events.files.entries()) {
    const content = fileToEvent(message, deliveryId, file, index, uploads[index] ?? "", main);
    const announce = async () =>
      sent.announced.get(index) ??
      (await put(`notice-${index}`, fileAnnouncement(deliveryId, file, index, main)));
    const whole = async () => (events.copy ? inPlaceOf(await announce(), content) : content);
    parts.push(sent.files.get(index) ?? (await put(`file-${index}`, await whole())));
  }
  return parts;
}

/** Uploads know no transaction id: what was uploaded is written down before it is used. */
async function uploadOnce(
  deps: DeliverDeps,
  file: LetterFile,
  key: string,
  ghost: string,
  signal: AbortSignal,
): Promise<string> {
  const known = await deps.store.fact(SCOPE.media, key);
  if (known !== undefined) return known;
  const mxc = await deps.media.upload(file, ghost, signal);
  await deps.store.putFact(SCOPE.media, key, mxc);
  return mxc;
}

async function forgetUploads(store: Store, deliveryId: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1)
    await store.removeFact(SCOPE.media, `${deliveryId}/${index}`);
}

/** Copies cannot be answered, or are history: only for such letters the store has to be asked. */
async function isCopyHere(store: Store, message: Message): Promise<boolean> {
  if (message.replyPolicy !== "forbidden" && historySourceOf(message) === undefined) return false;
  const stored = await store.message(message.id);
  return stored !== undefined && isCopy(stored);
}

async function answeredEvent(store: Store, message: Message): Promise<{ inReplyTo?: string }> {
  if (message.inReplyTo === undefined) return {};
  const answered = await store.message(message.inReplyTo);
  if (answered?.message.conversation !== message.conversation) return {};
  const event = answered.origin === "matrix" ? eventIdOf(answered.message) : answered.remoteId;
  return event?.startsWith("$") ? { inReplyTo: event } : {};
}
