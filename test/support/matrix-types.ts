/** The shapes of the Client-Server API as far as tests look at them. */
export type Json = Record<string, unknown>;

/** What came back, whatever the status. `body` is {} when the answer was not a JSON object. */
export interface Reply {
  readonly status: number;
  readonly body: Json;
}

export interface ClientOptions {
  readonly baseUrl: string;
  readonly accessToken?: string;
  readonly userId?: string;
  readonly deviceId?: string;
  /** Application services only: act as this user (`user_id=`). */
  readonly actAs?: string;
  /** Application services only: act as this device (`device_id=`). */
  readonly actAsDevice?: string;
  readonly signal?: AbortSignal;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** A refusal of the homeserver. */
export class MatrixFailure extends Error {
  readonly status: number;
  readonly errcode: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly body: Json;

  constructor(what: string, reply: Reply) {
    super(`${what}: ${String(reply.status)} ${JSON.stringify(reply.body)}`);
    this.name = "MatrixFailure";
    this.status = reply.status;
    this.body = reply.body;
    const { errcode } = reply.body;
    this.errcode = typeof errcode === "string" ? errcode : undefined;
    const wait = reply.body["retry_after_ms"];
    this.retryAfterMs = typeof wait === "number" ? wait : undefined;
  }
}

export interface RoomEvent extends Json {
  readonly type: string;
  readonly event_id: string;
  readonly sender: string;
  readonly content: Json;
  readonly origin_server_ts: number;
  readonly state_key?: string;
  readonly room_id?: string;
}

export interface SendOptions {
  readonly txnId?: string;
  /** Milliseconds since 1970; honoured for application services only. */
  readonly ts?: number;
}

/** What may be sent as it is: text, bytes, or a stream that never has to fit into memory. */
export type RawBody = NonNullable<RequestInit["body"]>;

export interface RequestBits {
  readonly query?: Query;
  readonly body?: unknown;
  readonly raw?: RawBody;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SyncOptions {
  readonly since?: string | undefined;
  readonly timeout?: number;
  readonly filter?: Json;
  readonly full_state?: boolean;
}

export interface MessagesPage {
  readonly chunk: readonly RoomEvent[];
  readonly start: string;
  readonly end?: string;
  readonly state?: readonly RoomEvent[];
}

export interface SyncRoom {
  readonly timeline: {
    readonly events: readonly RoomEvent[];
    readonly limited: boolean;
    readonly prev_batch: string;
  };
  readonly state: { readonly events: readonly RoomEvent[] };
  readonly ephemeral: { readonly events: readonly { type: string; content: Json }[] };
}

export interface SyncBody {
  readonly next_batch: string;
  readonly rooms?: {
    readonly join?: Readonly<Record<string, SyncRoom>>;
    readonly invite?: Readonly<Record<string, { invite_state: { events: Json[] } }>>;
    readonly leave?: Readonly<Record<string, SyncRoom>>;
  };
}
