import { randomUUID } from "node:crypto";
import { Pool } from "undici";
import { CONCURRENCY, WAIT_MS } from "./plan.ts";

export type Content = Readonly<Record<string, unknown>>;

/** What one speaker says in one room, one event after the other. */
export interface Speech {
  readonly token: string;
  readonly roomId: string;
  /** For application services: the ghost that speaks, from its device. */
  readonly ghost?: { readonly userId: string; readonly deviceId: string };
  readonly contents: readonly Content[];
}

export interface Sender {
  /** Everything, as fast as it is taken, several rooms at once but in each its order. Answers the event ids by speech. */
  sendAll(speeches: readonly Speech[]): Promise<readonly (readonly string[])[]>;
  close(): Promise<void>;
}

/** A bare loop of sends to a homeserver: what the gateway is compared with, and the people who write in Matrix. */
export function openSender(baseUrl: string): Sender {
  const pool = new Pool(baseUrl, { connections: CONCURRENCY, headersTimeout: WAIT_MS });
  return {
    async sendAll(speeches) {
      const ids = speeches.map((): string[] => []);
      const longest = Math.max(...speeches.map(({ contents }) => contents.length));
      const worker = async (first: number) => {
        for (let n = 0; n < longest; n += 1)
          for (let index = first; index < speeches.length; index += CONCURRENCY) {
            const speech = speeches[index];
            const content = speech?.contents[n];
            if (speech && content) ids[index]?.push(await send(pool, speech, content));
          }
      };
      await Promise.all(Array.from({ length: CONCURRENCY }, (_, first) => worker(first)));
      return ids;
    },
    close: () => pool.close(),
  };
}

async function send(pool: Pool, speech: Speech, content: Content): Promise<string> {
  const { token, roomId, ghost } = speech;
  const room = encodeURIComponent(roomId);
  const query = ghost
    ? `?${new URLSearchParams({ user_id: ghost.userId, device_id: ghost.deviceId, ts: String(Date.now()) }).toString()}`
    : "";
  const answer = await pool.request({
    method: "PUT",
    path: `/_matrix/client/v3/rooms/${room}/send/m.room.message/${randomUUID()}${query}`,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(content),
  });
  const body = (await answer.body.json()) as { event_id?: unknown };
  if (answer.statusCode === 200 && typeof body.event_id === "string") return body.event_id;
  throw new Error(`send: ${answer.statusCode} ${JSON.stringify(body)}`);
}
