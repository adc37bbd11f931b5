import { Readable } from "node:stream";
import type { Log, Refusal } from "../bridge/contract.ts";
import { describeError, noticeFor } from "../model/errors.ts";
import type { BlobRef, IncomingMessage, Message } from "../model/message.ts";
import type { Directory } from "../pipeline/directory.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Conversation, EventResult, Store, StoredMessage } from "../store/store.ts";
import type { MatrixAccount, MatrixDeps } from "./contract.ts";
import type { RoomEvent } from "./events.ts";
import { SCOPE, memberKey, readMember } from "./facts.ts";

/** `extra` of a letter that was written in Matrix. */
export const SENDER_KEY = "matrix.sender";
export const SENDER_NAME_KEY = "matrix.sender-name";
/** Function mailbox in whose name the clerk wrote, and the absent person for whom a deputy did (docs/people.md). */
export const SENDER_DESK_KEY = "matrix.sender-desk";
export const SENDER_FOR_KEY = "matrix.sender-for";
export const ROOM_KEY = "matrix.room";
/** The event it was written with, where that is not its source id. */
export const EVENT_KEY = "matrix.event";
/** A German sentence that its status shows in every stage. */
export const NOTE_KEY = "matrix.note";

export const MAX_EVENT_BYTES = 16 * 2 ** 20;
/** A bridge knows its limits by heart; one that thinks longer than this is not waited for, milliseconds. */
const REVIEW_MS = 10_000;

export interface EnvelopeDeps {
  readonly store: Store;
  readonly log: Log;
  readonly accept: MatrixDeps["accept"];
  readonly now: () => Date;
  /** Knows in whose place somebody writes; absent: that is not noted. */
  readonly directory?: Pick<Directory, "capacityOf">;
  account(name: string): MatrixAccount;
}

/** Who, to whom, when: the same for letters, acts and refusals. */
export async function envelope(
  deps: Pick<EnvelopeDeps, "store" | "now" | "directory">,
  conversation: Conversation,
  event: RoomEvent,
): Promise<IncomingMessage> {
  const { event_id: sourceId, room_id: roomId, sender } = event;
  const name = (await readMember(deps.store, memberKey(roomId, sender)))?.name;
  const capacity = await deps.directory?.capacityOf(conversation, sender);
  const now = deps.now().getTime();
  const { local, counterpart } = conversation;
  return {
    sourceId,
    conversation: conversation.key,
    // A homeserver with a wrong clock must not date a letter into the future.
    sentAt: new Date(Math.min(event.origin_server_ts ?? now, now)),
    // The name that the legacy side knows goes first: a Matrix profile may claim any name.
    from: { ...local, ...(local.name === undefined && name !== undefined ? { name } : {}) },
    to: [counterpart],
    attachments: [],
    level: conversation.level,
    replyPolicy: "possible",
    extra: {
      [SENDER_KEY]: sender,
      [ROOM_KEY]: roomId,
      ...(name === undefined ? {} : { [SENDER_NAME_KEY]: name }),
      ...(capacity?.desk === undefined ? {} : { [SENDER_DESK_KEY]: capacity.desk }),
      ...(capacity?.insteadOf === undefined ? {} : { [SENDER_FOR_KEY]: capacity.insteadOf }),
    },
  };
}

/** The store empties the event once it was taken in: its bytes are the evidence of what was written. */
export function keepEvent(blobs: BlobStore, raw: string): Promise<BlobRef> {
  return blobs.put(Readable.from([Buffer.from(raw)]), MAX_EVENT_BYTES);
}

/** The event that a letter from Matrix was written with. */
export function eventIdOf(message: Message): string {
  return message.extra?.[EVENT_KEY] ?? message.sourceId;
}

/** The letter that an event in a room is: its text, one of its files, or the command of an act. */
export async function letterOf(
  store: Store,
  account: string,
  eventId: string,
): Promise<StoredMessage | undefined> {
  const direct =
    (await store.messageByRemote(account, eventId)) ??
    (await store.messageBySource(account, eventId));
  return direct ?? actOf(store, account, eventId);
}

/** Written before the act is accepted, so that the same event never becomes another act after a crash in between. */
export async function noteAct(store: Store, eventId: string, sourceId: string): Promise<void> {
  await store.putFact(SCOPE.act, eventId, sourceId);
}

/** The act that was given by this very event. */
export async function actOf(
  store: Store,
  account: string,
  eventId: string,
): Promise<StoredMessage | undefined> {
  const sourceId = await store.fact(SCOPE.act, eventId);
  if (sourceId === undefined) return undefined;
  const act = await store.messageBySource(account, sourceId);
  return act && eventIdOf(act.message) === eventId ? act : undefined;
}

/**
 * What the bridge has against this letter. A bridge that fails or does not answer here must not lose or hold up the
 * letter: `deliver` looks at it again and decides.
 */
export async function review(
  deps: Pick<EnvelopeDeps, "account" | "log">,
  conversation: Pick<Conversation, "account">,
  message: IncomingMessage,
  signal: AbortSignal,
  limitMs = REVIEW_MS,
): Promise<Refusal | undefined> {
  const { review: ask } = deps.account(conversation.account);
  if (!ask) return undefined;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  try {
    return await Promise.race([ask(message, limited), endOf(limited)]);
  } catch (error) {
    signal.throwIfAborted();
    const fields = { account: conversation.account, sourceId: message.sourceId };
    deps.log.error({ ...fields, error: describeError(error) }, "review-failed");
    return undefined;
  }
}

function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = () => reject(new Error("the review took too long", { cause: signal.reason }));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

/** Kept as a letter that never leaves, without its content: the sender is told why, in the room. */
export async function turnDown(
  deps: EnvelopeDeps,
  conversation: Conversation,
  event: RoomEvent,
  { code, detail, notice }: Refusal,
): Promise<EventResult> {
  const base = await envelope(deps, conversation, event);
  const allowed = code !== "SENDER_NOT_ALLOWED";
  const message = allowed ? base : { ...base, from: { address: event.sender } };
  const refuse = { code, detail, notice: notice ?? noticeFor(code) };
  const { id, outcome } = await deps.accept(conversation, message, { refuse });
  return { outcome: "done", messageId: id, detail: outcome };
}
