import type { RoomEvent } from "../../../test/support/matrix-client.ts";
import { letterBlock, type Reader } from "../reader.ts";
import { AUTHORITY } from "../worlds/bundid.ts";
import { checkFile, type Journey } from "./steps.ts";

/** An export of the old mailbox, as the operator has it on disk. */
export interface Export {
  readonly file: string;
  /** Case number → texts in the order of their times. */
  readonly cases: ReadonlyMap<string, readonly OldLetter[]>;
  readonly plan: Buffer;
}
export interface OldLetter {
  readonly id: string;
  readonly at: number;
  readonly text: string;
  readonly hasFile: boolean;
  /** Clara wrote it. */
  readonly sent: boolean;
}

const CLARA = "Clara Muster";
const GHOST = /^@_postfach_/;

/** One room per case, everything in it as it was then; case number → room. */
export async function checkRooms(
  journey: Journey,
  { cases, plan }: Export,
): Promise<Map<string, string>> {
  const { stack, timeline } = journey;
  const { clara } = stack;
  const rooms = new Map<string, string>();
  for (const [reference, letters] of cases) {
    const { roomId } = await clara.waitFor("a moved letter", (it) =>
      isLetter(it, letters[0]?.text),
    );
    rooms.set(reference, roomId);
    checkCase(reference, letters, await clara.client.timeline(roomId));
    const file = await clara.waitFor(
      `the file of ${reference}`,
      (it, room) => room === roomId && it.content.msgtype === "m.file",
    );
    await checkFile(journey, clara, file.event, plan);
  }
  const count = [...cases.values()].flat().length;
  timeline.check(
    `${cases.size} Vorgänge, ${cases.size} Räume; ${count} Schreiben zu ihrer Zeit, in ihrer Reihenfolge, mit ihren Absendern`,
    new Set(rooms.values()).size === cases.size,
  );
  if (stack.homeserver.kind === "synapse") await checkSilence(journey, clara, rooms);
  return rooms;
}

/** Throws with what is not as it was. */
function checkCase(
  reference: string,
  letters: readonly OldLetter[],
  timeline: readonly RoomEvent[],
): void {
  const events = timeline.filter((it) => isLetter(it));
  const found = events.map((event) => {
    const { sender, migrated } = letterBlock(event) as {
      sender: { name?: string };
      migrated?: { source: string };
    };
    const isMarked = migrated?.source.startsWith("jsonl:letters.jsonl") ?? false;
    return [textOf(event.content), event.origin_server_ts, sender.name, isMarked];
  });
  const expected = letters.map(({ text, at, sent }) => [text, at, sent ? CLARA : AUTHORITY, true]);
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`${reference} is not as it was: ${JSON.stringify(found)}`);
  const ghosts = new Set(events.map(({ sender }) => sender));
  if (ghosts.size !== 2 || [...ghosts].some((ghost) => !GHOST.test(ghost)))
    throw new Error(`${reference} was written by ${[...ghosts].join()}`);
  for (const { content } of timeline)
    if (content.msgtype === "m.text" || (content.msgtype === "m.file" && !replaces(content)))
      throw new Error(`${reference} rings: ${JSON.stringify(content)}`);
}

function replaces({ "m.relates_to": relation }: RoomEvent["content"]): boolean {
  return (relation as { rel_type?: string } | undefined)?.rel_type === "m.replace";
}

/** What a real homeserver counts by the push rules that every account begins with. */
async function checkSilence(
  { timeline }: Journey,
  { client }: Reader,
  rooms: ReadonlyMap<string, string>,
): Promise<void> {
  // An unusual filter: Synapse answers equal questions out of its memory for two minutes.
  const filter = { room: { timeline: { limit: 3 } } };
  const { rooms: synced } = await client.sync({ filter });
  const unread = [...rooms].map(([reference, roomId]) => {
    const room = synced?.join?.[roomId] as Counted | undefined;
    if (!room) throw new Error(`Clara is not in the room of ${reference}`);
    const { notification_count: rung, highlight_count: called } = room.unread_notifications;
    return rung + called;
  });
  const sum = unread.reduce((all, one) => all + one, 0);
  timeline.check(
    "niemand wurde angeklingelt: Synapse zählt keine Benachrichtigung",
    sum === 0,
    `${sum}`,
  );
}
interface Counted {
  readonly unread_notifications: {
    readonly notification_count: number;
    readonly highlight_count: number;
  };
}

export function isLetter(event: RoomEvent, text?: string): boolean {
  const block = letterBlock(event);
  if (block === undefined || event.content.msgtype === "m.file") return false;
  return text === undefined || textOf(event.content) === text;
}

/** The line with the text itself, without subject and marks. */
function textOf(content: RoomEvent["content"]): string {
  const lines = String(content.body).split("\n");
  return lines.find((line) => line.startsWith("Schreiben ")) ?? "";
}
