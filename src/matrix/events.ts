import { z } from "zod";
import { digestOf } from "../model/id.ts";
import { laneOfRoom } from "../pipeline/lanes.ts";
import type { IncomingEvent } from "../store/store.ts";
import type { Names } from "./names.ts";

/** Event types in which somebody may have written something: a letter, or a refusal that its sender sees. */
export const CONTENT_TYPES: readonly string[] = [
  "m.room.message",
  "m.room.encrypted",
  "m.sticker",
  "m.poll.start",
  "org.matrix.msc3381.poll.start",
  "m.message",
  "m.emote",
  "m.file",
  "m.image",
  "m.audio",
  "m.video",
  "m.voice",
];

const STATE_TYPES: readonly string[] = ["m.room.member", "m.room.tombstone"];

/** Everything that is taken in. Reactions, calls, typing and unknown types say nothing that a letter could carry. */
export const TAKEN_TYPES: readonly string[] = [
  ...CONTENT_TYPES,
  ...STATE_TYPES,
  "m.room.redaction",
];

/** What the gateway never does: an operator did it in the name of one of its users. All else of our own is an echo. */
const NEVER_OURS: readonly string[] = ["m.room.tombstone", "m.room.redaction"];

const MAX_ID = 255;
const id = (sigil: string) => z.string().min(2).max(MAX_ID).startsWith(sigil);
const content = z.record(z.string(), z.unknown());

/** A room event as a homeserver sends it, as far as the gateway looks at it. */
export const roomEventSchema = z.object({
  event_id: id("$"),
  room_id: id("!"),
  sender: id("@"),
  type: z.string(),
  state_key: z.string().optional(),
  origin_server_ts: z.number().optional(),
  content: content,
  redacts: z.string().optional(),
  unsigned: content.optional(),
});
export type RoomEvent = z.infer<typeof roomEventSchema>;

/** A read receipt of one user, made from the ephemeral event that carries many. */
export const readEventSchema = z.object({
  type: z.literal("m.receipt"),
  room_id: id("!"),
  sender: id("@"),
  /** The event up to which it was read. */
  read: id("$"),
  ts: z.number().nonnegative(),
});
export type ReadEvent = z.infer<typeof readEventSchema>;

export type Sorted =
  | { readonly kind: "take"; readonly event: IncomingEvent }
  | { readonly kind: "skip" }
  | { readonly kind: "malformed"; readonly raw: string };

/** What is to be done with one element of a transaction or timeline. Pure and total: nothing in it can throw. */
export function sortEvent(value: unknown, names: Names): Sorted {
  const parsed = roomEventSchema.safeParse(value);
  if (!parsed.success) return { kind: "malformed", raw: JSON.stringify(value) ?? "null" };
  const event = parsed.data;
  if (!TAKEN_TYPES.includes(event.type)) return { kind: "skip" };
  if (names.isOwn(event.sender) && !NEVER_OURS.includes(event.type)) return { kind: "skip" };
  const isState = event.state_key !== undefined;
  if (isState !== STATE_TYPES.includes(event.type)) return { kind: "skip" };
  const raw = JSON.stringify(value);
  const { event_id: eventId, room_id: roomId } = event;
  return { kind: "take", event: { eventId, roomId, lane: laneOfRoom(roomId), raw } };
}

const receiptsSchema = z.object({
  type: z.literal("m.receipt"),
  room_id: id("!"),
  content: z.record(
    z.string(),
    z.object({ "m.read": z.record(z.string(), z.unknown()).optional() }).catch({}),
  ),
});

/**
 * Public read receipts of people as events of their own. `m.read.private` is never looked at: whoever sends it wants
 * nobody to know. The id is made from who read what, because ephemeral events have none and come several times.
 */
export function sortEphemeral(value: unknown, names: Names): readonly IncomingEvent[] {
  const parsed = receiptsSchema.safeParse(value);
  if (!parsed.success) return [];
  const { room_id: roomId, content: receipts } = parsed.data;
  return Object.entries(receipts).flatMap(([read, kinds]) =>
    Object.entries(kinds["m.read"] ?? {}).flatMap(([sender, detail]) => {
      if (names.isOwn(sender)) return [];
      const ts = timeOf(detail);
      const event = readEventSchema.safeParse({
        type: "m.receipt",
        room_id: roomId,
        sender,
        read,
        ts,
      });
      if (!event.success) return [];
      const eventId = `read-${digestOf(roomId, read, sender).slice(0, 40)}`;
      return [{ eventId, roomId, lane: laneOfRoom(roomId), raw: JSON.stringify(event.data) }];
    }),
  );
}

function timeOf(detail: unknown): number {
  const parsed = z.object({ ts: z.number().nonnegative() }).safeParse(detail);
  return parsed.success ? parsed.data.ts : 0;
}
