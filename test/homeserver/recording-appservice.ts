/**
 * An application service that only listens and remembers: what a homeserver really pushes, in which order,
 * under which transaction id. Tests tell it how to answer.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface PushedEvent {
  readonly event_id: string;
  readonly type: string;
  readonly room_id: string;
  readonly sender: string;
  readonly state_key?: string;
  readonly content: Record<string, unknown>;
  readonly unsigned?: Record<string, unknown>;
}

export interface HeardRequest {
  readonly method: string;
  /** Path with its query, still encoded. */
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown>;
}

export interface HeardTransaction extends HeardRequest {
  readonly txnId: string;
  readonly events: readonly PushedEvent[];
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  /** Sent as it is, instead of a JSON body. */
  readonly text?: string;
}

type Behaviour = (request: HeardRequest) => Answer | Promise<Answer>;

export interface RecordingAppservice {
  readonly url: string;
  readonly requests: HeardRequest[];
  readonly transactions: HeardTransaction[];
  /** Replaces how requests are answered from now on; the default is 200 {}. */
  behave(behaviour: Behaviour): void;
  /** Resolves as soon as the predicate holds, checked after every request heard. */
  until(predicate: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

const maxBodyBytes = 64 * 2 ** 20;

export async function startRecordingAppservice(): Promise<RecordingAppservice> {
  const requests: HeardRequest[] = [];
  const transactions: HeardTransaction[] = [];
  const waiting = new Set<() => void>();
  let behaviour: Behaviour = () => ({ status: 200, body: {} });

  const server = createServer((request, response) => {
    void hear(request, response);
  });
  async function hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const heard = await read(request);
    const txnId = /^\/_matrix\/app\/v1\/transactions\/([^/?]+)/.exec(heard.path)?.[1];
    if (txnId === undefined) requests.push(heard);
    else transactions.push({ ...heard, txnId, events: heard.body["events"] as PushedEvent[] });
    for (const check of waiting) check();
    const answer = await behaviour(heard);
    response.writeHead(answer.status, { "content-type": "application/json" });
    response.end(answer.text ?? JSON.stringify(answer.body ?? {}));
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests,
    transactions,
    behave: (next) => {
      behaviour = next;
    },
    until: (predicate) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!predicate()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function read(request: IncomingMessage): Promise<HeardRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maxBodyBytes) throw new Error("the homeserver pushed more than expected");
    chunks.push(chunk);
  }
  const raw = Buffer.concat(chunks).toString("utf8");
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    authorization: request.headers.authorization,
    body: raw === "" ? {} : (JSON.parse(raw) as Record<string, unknown>),
  };
}
