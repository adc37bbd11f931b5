import type { Readable } from "node:stream";
import { z } from "zod";
import type { Log, QuarantinedInput } from "../bridge/contract.ts";
import { DeliveryError, GatewayError, describeError } from "../model/errors.ts";
import { laneOfRoom } from "../pipeline/lanes.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Conversation, EventResult, Store, StoredEvent } from "../store/store.ts";
import type { ClaimRooms } from "./claim-rooms.ts";
import { MAX_EVENT_BYTES, keepEvent } from "./envelope.ts";
import { CONTENT_TYPES, readEventSchema, roomEventSchema, type RoomEvent } from "./events.ts";
import { SCOPE, putMember } from "./facts.ts";
import { takeLetter, type LetterIntakeDeps } from "./intake-letter.ts";
import { takeRead, type ReceiptIntakeDeps } from "./intake-receipt.ts";
import type { Invitations } from "./invitations.ts";
import { isApplicationUser, type Names } from "./names.ts";
import { takeRedaction, type RedactionDeps } from "./redactions.ts";
import type { Upgrades } from "./upgrades.ts";

/** An event that fails for reasons of its own so often is set aside, so that those behind it go on. */
const TRIES_BEFORE_QUARANTINE = 5;

export interface IntakeDeps extends LetterIntakeDeps, ReceiptIntakeDeps, RedactionDeps {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly names: Names;
  readonly log: Log;
  readonly invitations: Invitations;
  readonly claimRooms?: ClaimRooms | undefined;
  readonly upgrades: Upgrades;
}

export interface Intake {
  takeEvent(event: StoredEvent, signal: AbortSignal): Promise<EventResult>;
  readmit(item: QuarantinedInput, signal: AbortSignal): Promise<void>;
}

export function createIntake(deps: IntakeDeps): Intake {
  return {
    async takeEvent(event, signal) {
      try {
        return await take(deps, event, signal);
      } catch (error) {
        if (signal.aborted || isTransient(error) || event.attempts < TRIES_BEFORE_QUARANTINE)
          throw error;
        return setAside(deps, event, error);
      }
    },
    async readmit(item, signal) {
      const raw = await readText(await deps.blobs.open(item.original));
      const ids = z.object({ event_id: z.string(), room_id: z.string() }).safeParse(parse(raw));
      if (!ids.success)
        throw new GatewayError(
          "INPUT_INVALID",
          "this event has no usable id: it cannot be taken in",
        );
      const { event_id: eventId, room_id: roomId } = ids.data;
      const recordedAt = deps.now();
      const event = {
        eventId,
        roomId,
        lane: laneOfRoom(roomId),
        raw,
        seq: 0,
        attempts: 0,
        recordedAt,
      };
      await take(deps, event, signal);
    },
  };
}

async function take(
  deps: IntakeDeps,
  stored: StoredEvent,
  signal: AbortSignal,
): Promise<EventResult> {
  const value = parse(stored.raw);
  const read = readEventSchema.safeParse(value);
  const conversation = await deps.store.conversationByRoom(stored.roomId);
  if (read.success) {
    if (!conversation) return ignored("no room of a case");
    return takeRead(deps, conversation, read.data, signal);
  }
  const event = roomEventSchema.parse(value);
  // An account that is switched off lets its events wait: this throws a transient fault.
  if (conversation) deps.account(conversation.account);
  const chatted = conversation ? undefined : await deps.claimRooms?.take(event, signal);
  if (chatted) return chatted;
  if (event.type === "m.room.member") return takeMember(deps, conversation, event, signal);
  if (!conversation) return ignored("no room of a case");
  if (event.type === "m.room.tombstone") return deps.upgrades.follow(conversation, event, signal);
  if (event.type === "m.room.redaction") return takeRedaction(deps, conversation, event, signal);
  if (isApplicationUser(event.sender) && !(await deps.members.mayWrite(conversation, event.sender)))
    return ignored("from an application service");
  if (CONTENT_TYPES.includes(event.type))
    return takeLetter(deps, conversation, event, stored, signal);
  return ignored("says nothing");
}

const memberContent = z.object({
  membership: z.enum(["invite", "join", "leave", "ban", "knock"]),
  displayname: z.string().max(255).nullish(),
});

async function takeMember(
  deps: IntakeDeps,
  conversation: Conversation | undefined,
  event: RoomEvent,
  signal: AbortSignal,
): Promise<EventResult> {
  const content = memberContent.safeParse(event.content);
  const user = event.state_key;
  if (!content.success || user === undefined) return ignored("no membership");
  const { membership, displayname: name } = content.data;
  const isOurs = deps.names.isOwn(user);
  if (!conversation) {
    if (isOurs && membership === "invite") return deps.invitations.answer(event, signal);
    const space = await deps.store.fact(SCOPE.spaceRoom, event.room_id);
    if (space === undefined) return ignored("no room of ours");
  }
  const named = typeof name === "string" && name !== "" ? { name } : {};
  await putMember(deps.store, event.room_id, user, { membership, ...named });
  if (isOurs && (membership === "leave" || membership === "ban"))
    deps.log.error({ roomId: event.room_id, user, by: event.sender }, "ghost-removed-from-room");
  return { outcome: "done", detail: `${membership} of ${user}` };
}

/** The other side or our database may be well again later; everything else is the event's own fault, or ours. */
function isTransient(error: unknown): boolean {
  if (error instanceof DeliveryError) return error.fault === "transient";
  return error instanceof GatewayError && error.code === "STORE_UNAVAILABLE";
}

async function setAside(
  deps: IntakeDeps,
  event: StoredEvent,
  error: unknown,
): Promise<EventResult> {
  const detail = `could not be taken in: ${describeError(error)}`;
  const original = await keepEvent(deps.blobs, event.raw);
  const conversation = await deps.store.conversationByRoom(event.roomId);
  const item = {
    account: conversation?.account ?? "-",
    side: "matrix" as const,
    sourceId: event.eventId,
    code: "INTERNAL" as const,
    detail,
    original,
  };
  await deps.store.quarantine(item, deps.now());
  deps.log.error({ eventId: event.eventId, detail }, "event-quarantined");
  return { outcome: "quarantined", detail };
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAX_EVENT_BYTES) throw new GatewayError("INPUT_HOSTILE", "an event of this size");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}

function ignored(detail: string): EventResult {
  return { outcome: "ignored", detail };
}
