/** What people do in the tests of the Matrix side: accept invitations, look at rooms, wait for a status. */
import type { Json, MatrixClient, RoomEvent } from "../support/matrix-client.ts";
import { MESSAGE_BLOCK } from "../../src/matrix/letter-events.ts";
import { STATUS_BLOCK } from "../../src/matrix/status-block.ts";
import { eventually } from "./matrix-harness.ts";

/** Accepts whatever invitation comes until a case room is there that is not among the known ones. */
export function enterRoom(client: MatrixClient, known: readonly string[] = []): Promise<string> {
  return eventually(async () => {
    await acceptAll(client);
    return (await caseRooms(client)).find((roomId) => !known.includes(roomId));
  });
}

export async function acceptAll(client: MatrixClient): Promise<void> {
  for (const roomId of await invitations(client)) await client.join(roomId);
}
let syncs = 0;
export async function invitations(client: MatrixClient): Promise<readonly string[]> {
  // Never the same request twice: Synapse answers an equal one for two minutes from memory.
  syncs += 1;
  return Object.keys((await client.sync({ timeout: syncs })).rooms?.invite ?? {});
}

export async function caseRooms(client: MatrixClient): Promise<readonly string[]> {
  return (await roomsOfType(client)).filter(([, type]) => type !== "m.space").map(([id]) => id);
}
export async function spaces(client: MatrixClient): Promise<readonly string[]> {
  return (await roomsOfType(client)).filter(([, type]) => type === "m.space").map(([id]) => id);
}
async function roomsOfType(client: MatrixClient): Promise<[string, unknown][]> {
  const rooms: [string, unknown][] = [];
  for (const roomId of await client.joinedRooms())
    rooms.push([roomId, (await client.state(roomId, "m.room.create"))?.["type"]]);
  return rooms;
}

/** Bodies of the letters in a room, in its order. */
export async function lettersIn(client: MatrixClient, roomId: string): Promise<readonly string[]> {
  const events = await client.timeline(roomId);
  return events
    .filter((event) => MESSAGE_BLOCK in event.content)
    .map((event) => String(event.content["body"]));
}

export interface ShownStatus {
  readonly text: string;
  readonly state: string;
  readonly code?: string;
  /** The notice and its edits. */
  readonly events: readonly RoomEvent[];
}

/** What the room shows at last about the letter that was written with this event. */
export async function statusOf(
  client: MatrixClient,
  roomId: string,
  eventId: string,
): Promise<ShownStatus | undefined> {
  const events = (await client.timeline(roomId)).filter(
    (event) => (event.content[STATUS_BLOCK] as Json | undefined)?.["event_id"] === eventId,
  );
  const last = events.at(-1);
  if (!last) return undefined;
  const block = last.content[STATUS_BLOCK] as { state: string; code?: string };
  const shown = (last.content["m.new_content"] ?? last.content) as Json;
  return { text: String(shown["body"]), ...block, events };
}

export function statusBecomes(
  client: MatrixClient,
  roomId: string,
  eventId: string,
  state: string,
): Promise<ShownStatus> {
  return eventually(async () => {
    const shown = await statusOf(client, roomId, eventId);
    return shown?.state === state ? shown : undefined;
  });
}

export function say(client: MatrixClient, roomId: string, content: Json): Promise<string> {
  return client.send(roomId, "m.room.message", content);
}
