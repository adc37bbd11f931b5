import type { Readable } from "node:stream";
import { z } from "zod";
import { asContentFault, readAnswer } from "./homeserver-error.ts";
import { path, type Http, type HttpRequest } from "./http.ts";

/** Every ghost speaks from this device; Synapse remembers transaction ids over restarts only per device. */
export const DEVICE = "POSTFACH";

const V3 = "/_matrix/client/v3";

export interface Acting {
  /** Whom the application service acts as; default: its sender. */
  readonly as?: string;
  readonly signal: AbortSignal;
}
export interface SendOptions extends Acting {
  readonly as: string;
  /** `origin_server_ts`, milliseconds. */
  readonly ts?: number;
}
export type Content = Readonly<Record<string, unknown>>;

/** The calls of the Client-Server API (v1.11 and later) that the gateway makes. Throws HomeserverError. */
export interface Client {
  call(request: Omit<HttpRequest, "signal">, options: Acting): Promise<unknown>;
  /** Answers the event id. The same transaction id, room and sender give the same event for 24 hours. */
  send(
    roomId: string,
    type: string,
    txnId: string,
    content: Content,
    options: SendOptions,
  ): Promise<string>;
  putState(
    roomId: string,
    type: string,
    stateKey: string,
    content: Content,
    options: Acting,
  ): Promise<void>;
  state(roomId: string, type: string, stateKey: string, options: Acting): Promise<unknown>;
  invite(roomId: string, userId: string, options: Acting): Promise<void>;
  kick(roomId: string, userId: string, reason: string, options: Acting): Promise<void>;
  join(roomId: string, options: Acting): Promise<void>;
  leave(roomId: string, reason: string, options: Acting): Promise<void>;
  createRoom(body: Content, options: Acting): Promise<string>;
  resolveAlias(alias: string, options: Acting): Promise<string>;
  stream(request: Omit<HttpRequest, "signal">, options: Acting): Promise<Readable>;
  close(): Promise<void>;
}

const eventAnswer = z.object({ event_id: z.string() });
const roomAnswer = z.object({ room_id: z.string() });

export function createClient(http: Http): Client {
  const call: Client["call"] = (request, { as, signal }) =>
    http.json({ ...request, query: { ...request.query, user_id: as }, signal });
  const post = (to: string, json: unknown, options: Acting) =>
    call({ method: "POST", path: V3 + to, json }, options);
  return {
    call,
    async send(roomId, type, txnId, content, { as, ts, signal }) {
      const request = {
        method: "PUT" as const,
        path: V3 + path`/rooms/${roomId}/send/${type}/${txnId}`,
        query: { user_id: as, device_id: DEVICE, ts },
        json: content,
      };
      const answer = await http.json({ ...request, signal }).catch((error: unknown) => {
        throw asContentFault(error);
      });
      return readAnswer(eventAnswer, answer, "send").event_id;
    },
    async putState(roomId, type, stateKey, content, options) {
      const to = V3 + path`/rooms/${roomId}/state/${type}/${stateKey}`;
      await call({ method: "PUT", path: to, json: content }, options);
    },
    state: (roomId, type, stateKey, options) =>
      call({ method: "GET", path: V3 + path`/rooms/${roomId}/state/${type}/${stateKey}` }, options),
    async invite(roomId, userId, options) {
      await post(path`/rooms/${roomId}/invite`, { user_id: userId }, options);
    },
    async kick(roomId, userId, reason, options) {
      await post(path`/rooms/${roomId}/kick`, { user_id: userId, reason }, options);
    },
    async join(roomId, options) {
      await post(path`/rooms/${roomId}/join`, {}, options);
    },
    async leave(roomId, reason, options) {
      await post(path`/rooms/${roomId}/leave`, { reason }, options);
    },
    async createRoom(body, options) {
      const answer = await post("/createRoom", body, options);
      return readAnswer(roomAnswer, answer, "createRoom").room_id;
    },
    async resolveAlias(alias, options) {
      const request = { method: "GET" as const, path: V3 + path`/directory/room/${alias}` };
      return readAnswer(roomAnswer, await call(request, options), "resolve alias").room_id;
    },
    stream: (request, { as, signal }) =>
      http.stream({ ...request, query: { ...request.query, user_id: as }, signal }),
    close: () => http.close(),
  };
}
