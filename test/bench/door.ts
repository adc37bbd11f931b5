import type { Readable } from "node:stream";
import { Pool } from "undici";
import {
  deliveredSchema,
  progressSchema,
  type Delivered,
  type LetterBody,
  type Progress,
} from "./bridge/settings.ts";
import { CONCURRENCY, WAIT_MS } from "./plan.ts";
import { letterText, shareOf } from "./letters.ts";

/** The other side of the bench bridge: letters in by HTTP, and what came out. */
export interface Door {
  /** Resolves when the gateway has accepted it, which is when it is on disk. */
  put(letter: LetterBody): Promise<void>;
  putFile(query: Readonly<Record<string, string>>, body: Readable): Promise<void>;
  progress(): Promise<Progress>;
  delivered(): Promise<Delivered>;
  close(): Promise<void>;
}

export function openDoor(url: string): Door {
  const pool = new Pool(url, { connections: CONCURRENCY, bodyTimeout: WAIT_MS });
  const call = async (method: "GET" | "PUT", path: string, body?: string | Readable) => {
    const answer = await pool.request({
      method,
      path,
      headersTimeout: WAIT_MS,
      ...(body === undefined ? {} : { body }),
    });
    const json: unknown = await answer.body.json();
    if (answer.statusCode === 200) return json;
    throw new Error(`${method} ${path}: ${answer.statusCode} ${JSON.stringify(json)}`);
  };
  const read = <T>(path: string, schema: { parse(value: unknown): T }) =>
    call("GET", path).then((json) => schema.parse(json));
  return {
    async put(letter) {
      await call("PUT", "/letters", JSON.stringify(letter));
    },
    async putFile(query, body) {
      await call("PUT", `/files?${new URLSearchParams(query).toString()}`, body);
    },
    progress: () => read("/progress", progressSchema),
    delivered: () => read("/delivered", deliveredSchema),
    close: () => pool.close(),
  };
}

export interface Feed {
  readonly series: string;
  readonly letters: number;
  readonly letterBytes: number;
  /** Mailbox of each conversation. */
  readonly mailboxes: readonly string[];
}

/** Hands letters in as fast as they are taken: several senders, each with conversations of its own, in their order. */
export async function feedLetters(put: Door["put"], feed: Feed): Promise<void> {
  const { series, letters, letterBytes, mailboxes } = feed;
  const conversations = mailboxes.map((mailbox, conversation) => ({ mailbox, conversation }));
  const sender = async (worker: number) => {
    const own = conversations.filter(({ conversation }) => conversation % CONCURRENCY === worker);
    for (let n = 1; n <= shareOf(letters, mailboxes.length, 0); n += 1)
      for (const { mailbox, conversation } of own) {
        if (n > shareOf(letters, mailboxes.length, conversation)) continue;
        const text = letterText({ series, conversation, n }, letterBytes);
        const sourceId = `${series}-${conversation}-${n}`;
        const subject = `Vorgang ${conversation}`;
        await put({ sourceId, conversation: `v-${conversation}`, mailbox, subject, text });
      }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, (_, worker) => sender(worker)));
}
