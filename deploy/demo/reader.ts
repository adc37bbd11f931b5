import type { MatrixClient, RoomEvent } from "../../test/support/matrix-client.ts";

const WAIT_MS = 60_000;
const POLL_MS = 2_000;

/** A person with a Matrix client: accepts invitations, and waits for what arrives. */
export class Reader {
  readonly client: MatrixClient;
  /** Every event seen, by room, in the order of arrival. */
  readonly rooms = new Map<string, RoomEvent[]>();
  readonly #seen = new Set<string>();
  #since: string | undefined;

  constructor(client: MatrixClient) {
    this.client = client;
  }

  /** The first event, in any room, for which `wanted` says so; joins every room it is invited to. Throws after a minute. */
  async waitFor(
    what: string,
    wanted: (event: RoomEvent, roomId: string) => boolean,
    timeoutMs = WAIT_MS,
  ): Promise<{ roomId: string; event: RoomEvent }> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      for (const [roomId, events] of this.rooms)
        for (const event of events) if (wanted(event, roomId)) return { roomId, event };
      if (Date.now() > end) throw new Error(`${this.client.userId} waited in vain for: ${what}`);
      await this.look().catch(() => pause(500)); // the homeserver may be restarting
    }
  }

  /** One round of /sync. */
  async look(): Promise<void> {
    const answer = await this.client.sync({
      ...(this.#since === undefined ? {} : { since: this.#since }),
      timeout: this.#since === undefined ? 0 : POLL_MS,
      filter: { room: { timeline: { limit: 500 } } },
    });
    for (const roomId of Object.keys(answer.rooms?.invite ?? {})) {
      await this.client.join(roomId);
      for (const event of await this.client.timeline(roomId)) this.#keep(roomId, event);
    }
    for (const [roomId, room] of Object.entries(answer.rooms?.join ?? {}))
      for (const event of room.timeline.events) this.#keep(roomId, event);
    this.#since = answer.next_batch;
  }

  #keep(roomId: string, event: RoomEvent): void {
    if (this.#seen.has(event.event_id)) return;
    this.#seen.add(event.event_id);
    const events = this.rooms.get(roomId) ?? [];
    events.push(event);
    this.rooms.set(roomId, events);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Repeats until it gives something. Throws after a minute. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs = WAIT_MS,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await pause(200);
  }
}

const MESSAGE_BLOCK = "de.postfach-bridge.message";
const ATTACHMENT_BLOCK = "de.postfach-bridge.attachment";
const STATUS_BLOCK = "de.postfach-bridge.status";

/** Our structured block of a letter or one of its attachments. */
export function letterBlock(event: RoomEvent): Record<string, unknown> | undefined {
  return blockOf(event, MESSAGE_BLOCK) ?? blockOf(event, ATTACHMENT_BLOCK);
}

/** The status that an event says, in a notice or in an edit of one. */
export function statusBlock(event: RoomEvent): Record<string, unknown> | undefined {
  const edited = event.content["m.new_content"];
  const inner = isObject(edited) ? edited[STATUS_BLOCK] : undefined;
  return isObject(inner) ? inner : blockOf(event, STATUS_BLOCK);
}

function blockOf(event: RoomEvent, name: string): Record<string, unknown> | undefined {
  const block = event.content[name];
  return isObject(block) ? block : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
