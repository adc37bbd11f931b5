/**
 * A small Matrix client for tests: plain fetch, no state, no retries, so that what a test sees is what the
 * homeserver said. It works against the simulated homeserver and against a real Synapse.
 * Source of the paths: Matrix Client-Server API v1.11 and later, Application Service API v1.17.
 */
import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { MatrixFailure } from "./matrix-types.ts";
import type { ClientOptions, Json, MessagesPage, Query, RawBody, Reply } from "./matrix-types.ts";
import type { RequestBits, RoomEvent, SendOptions, SyncBody, SyncOptions } from "./matrix-types.ts";

export * from "./matrix-types.ts";

const clientApi = "/_matrix/client/v3";

export class MatrixClient {
  readonly options: ClientOptions;

  constructor(options: ClientOptions) {
    this.options = options;
  }

  static async login(baseUrl: string, user: string, password: string): Promise<MatrixClient> {
    const body = await new MatrixClient({ baseUrl }).call("POST", `${clientApi}/login`, {
      body: { type: "m.login.password", identifier: { type: "m.id.user", user }, password },
    });
    return new MatrixClient({
      baseUrl,
      accessToken: need(body, "access_token"),
      userId: need(body, "user_id"),
      deviceId: need(body, "device_id"),
    });
  }

  /** The same connection as another user or device of the application service. */
  as(actAs: string, actAsDevice?: string): MatrixClient {
    const { actAsDevice: _dropped, ...rest } = this.options;
    return new MatrixClient({
      ...rest,
      actAs,
      userId: actAs,
      ...(actAsDevice === undefined ? {} : { actAsDevice }),
    });
  }

  get userId(): string {
    const id = this.options.userId;
    if (id === undefined) throw new Error("this client has no user");
    return id;
  }

  /** One request; never throws for a status. */
  async attempt(method: string, path: string, init: RequestBits = {}): Promise<Reply> {
    const response = await this.fetch(method, path, init);
    const raw = await response.text();
    return { status: response.status, body: parseObject(raw) };
  }

  /** One request; throws {@link MatrixFailure} unless it succeeded. */
  async call(method: string, path: string, init: RequestBits = {}): Promise<Json> {
    const reply = await this.attempt(method, path, init);
    if (reply.status < 200 || reply.status > 299)
      throw new MatrixFailure(`${method} ${path}`, reply);
    return reply.body;
  }

  async fetch(method: string, path: string, init: RequestBits = {}): Promise<Response> {
    const { baseUrl, accessToken, actAs, actAsDevice, signal } = this.options;
    const url = new URL(path, baseUrl);
    const query: Query = { user_id: actAs, device_id: actAsDevice, ...init.query };
    for (const [key, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(key, String(value));
    const headers: Record<string, string> = { ...init.headers };
    if (accessToken !== undefined) headers["authorization"] = `Bearer ${accessToken}`;
    if (init.body !== undefined) headers["content-type"] = "application/json";
    return fetch(url, {
      method,
      headers,
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
      ...(init.raw === undefined ? {} : { body: init.raw, duplex: "half" }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  whoami(): Promise<Json> {
    return this.call("GET", `${clientApi}/account/whoami`);
  }

  async createRoom(body: Json = {}): Promise<string> {
    return need(await this.call("POST", `${clientApi}/createRoom`, { body }), "room_id");
  }

  async join(roomIdOrAlias: string): Promise<string> {
    const path = `${clientApi}/join/${seg(roomIdOrAlias)}`;
    return need(await this.call("POST", path, { body: {} }), "room_id");
  }

  async leave(roomId: string): Promise<void> {
    await this.call("POST", `${room(roomId)}/leave`, { body: {} });
  }

  async invite(roomId: string, userId: string): Promise<void> {
    await this.call("POST", `${room(roomId)}/invite`, { body: { user_id: userId } });
  }

  async kick(roomId: string, userId: string, reason?: string): Promise<void> {
    const body = { user_id: userId, ...(reason === undefined ? {} : { reason }) };
    await this.call("POST", `${room(roomId)}/kick`, { body });
  }

  async send(roomId: string, type: string, content: Json, options?: SendOptions): Promise<string> {
    const txnId = options?.txnId ?? randomUUID();
    const body = await this.call("PUT", `${room(roomId)}/send/${seg(type)}/${seg(txnId)}`, {
      body: content,
      query: { ts: options?.ts },
    });
    return need(body, "event_id");
  }

  sendText(roomId: string, body: string, options?: SendOptions): Promise<string> {
    return this.send(roomId, "m.room.message", { msgtype: "m.text", body }, options);
  }

  async upload(data: Uint8Array | Readable, mediaType: string, name?: string): Promise<string> {
    const body = await this.call("POST", "/_matrix/media/v3/upload", {
      raw: data as RawBody,
      headers: { "content-type": mediaType },
      query: { filename: name },
    });
    return need(body, "content_uri");
  }

  /** Uploads, then sends an `m.file` event; answers its event id. */
  async sendFile(roomId: string, name: string, mediaType: string, data: Uint8Array) {
    const url = await this.upload(data, mediaType, name);
    const info = { mimetype: mediaType, size: data.byteLength };
    const content = { msgtype: "m.file", body: name, filename: name, url, info };
    return this.send(roomId, "m.room.message", content);
  }

  /** Authenticated download (v1.11); the caller reads the body, whatever its size. */
  async download(mxc: string): Promise<Response> {
    const { host, pathname } = new URL(mxc);
    const path = `/_matrix/client/v1/media/download/${seg(host)}${pathname}`;
    const response = await this.fetch("GET", path);
    if (response.ok) return response;
    const body = parseObject(await response.text());
    throw new MatrixFailure(`download ${mxc}`, { status: response.status, body });
  }

  async redact(roomId: string, eventId: string, reason?: string): Promise<string> {
    const path = `${room(roomId)}/redact/${seg(eventId)}/${randomUUID()}`;
    return need(
      await this.call("PUT", path, { body: reason === undefined ? {} : { reason } }),
      "event_id",
    );
  }

  /** One state event's content; undefined when there is none. */
  async state(roomId: string, type: string, stateKey = ""): Promise<Json | undefined> {
    const path = `${room(roomId)}/state/${seg(type)}/${seg(stateKey)}`;
    const reply = await this.attempt("GET", path);
    if (reply.status === 404) return undefined;
    if (reply.status !== 200) throw new MatrixFailure(path, reply);
    return reply.body;
  }

  async setState(roomId: string, type: string, content: Json, stateKey = ""): Promise<string> {
    const path = `${room(roomId)}/state/${seg(type)}/${seg(stateKey)}`;
    return need(await this.call("PUT", path, { body: content }), "event_id");
  }

  async allState(roomId: string): Promise<readonly RoomEvent[]> {
    const response = await this.fetch("GET", `${room(roomId)}/state`);
    const body: unknown = await response.json();
    if (!Array.isArray(body))
      throw new MatrixFailure("state", { status: response.status, body: asObject(body) });
    return body as RoomEvent[];
  }

  async event(roomId: string, eventId: string): Promise<RoomEvent> {
    return (await this.call("GET", `${room(roomId)}/event/${seg(eventId)}`)) as RoomEvent;
  }

  async members(roomId: string): Promise<readonly string[]> {
    return Object.keys(
      asObject((await this.call("GET", `${room(roomId)}/joined_members`))["joined"]),
    );
  }

  async joinedRooms(): Promise<readonly string[]> {
    return (await this.call("GET", `${clientApi}/joined_rooms`))["joined_rooms"] as string[];
  }

  /** One page; `from` absent means the end that `dir` starts at. */
  async messages(roomId: string, query: Query = { dir: "b" }): Promise<MessagesPage> {
    return (await this.call("GET", `${room(roomId)}/messages`, {
      query,
    })) as unknown as MessagesPage;
  }

  /** All events a user may see in a room, oldest first. */
  async timeline(roomId: string): Promise<readonly RoomEvent[]> {
    const events: RoomEvent[] = [];
    let from: string | undefined;
    do {
      const page = await this.messages(roomId, { dir: "f", limit: 500, from });
      events.push(...page.chunk);
      from = page.end;
    } while (from !== undefined);
    return events;
  }

  async sync(options: SyncOptions = {}): Promise<SyncBody> {
    const { filter, ...rest } = options;
    const query = { ...rest, filter: filter === undefined ? undefined : JSON.stringify(filter) };
    return (await this.call("GET", `${clientApi}/sync`, { query })) as unknown as SyncBody;
  }

  async sendReceipt(roomId: string, eventId: string, type = "m.read"): Promise<void> {
    await this.call("POST", `${room(roomId)}/receipt/${seg(type)}/${seg(eventId)}`, { body: {} });
  }

  /** undefined when nobody has the alias. */
  async resolveAlias(alias: string): Promise<string | undefined> {
    const reply = await this.attempt("GET", `${clientApi}/directory/room/${seg(alias)}`);
    if (reply.status === 404) return undefined;
    if (reply.status !== 200) throw new MatrixFailure(`resolve ${alias}`, reply);
    return need(reply.body, "room_id");
  }

  thirdPartyProtocols(): Promise<Json> {
    return this.call("GET", `${clientApi}/thirdparty/protocols`);
  }

  /** Looks a user or a location up with an application service, by its own fields. */
  async thirdParty(kind: "user" | "location", protocol: string, fields: Query): Promise<Json[]> {
    const path = `${clientApi}/thirdparty/${kind}/${seg(protocol)}`;
    const response = await this.fetch("GET", path, { query: fields });
    const body: unknown = await response.json();
    if (Array.isArray(body)) return body as Json[];
    throw new MatrixFailure(path, { status: response.status, body: asObject(body) });
  }
}

const seg = encodeURIComponent;
const room = (roomId: string) => `${clientApi}/rooms/${seg(roomId)}`;
const text = (value: unknown) => (typeof value === "string" ? value : undefined);

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function parseObject(raw: string): Json {
  try {
    return asObject(JSON.parse(raw));
  } catch {
    return {};
  }
}

function need(body: Json, key: string): string {
  const value = text(body[key]);
  if (value === undefined) throw new Error(`the answer has no ${key}: ${JSON.stringify(body)}`);
  return value;
}
