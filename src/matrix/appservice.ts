import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { AppService, AppserviceHttpError } from "matrix-appservice-bridge";
import type { Log } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";
import type { MatrixCounter } from "./contract.ts";
import type { Batch } from "./record.ts";

/** Idle connections of the homeserver are kept so long, milliseconds: a new one may mean that it was restarted. */
const KEEP_ALIVE_MS = 300_000;
/** Running requests get so long to end when the listener closes, milliseconds. */
const CLOSE_GRACE_MS = 5_000;

export interface DurableAppServiceOptions {
  readonly transactionBytes: number;
  readonly log: Log;
  hsToken(): string;
  count(name: MatrixCounter): void;
  /** Durable once resolved; a rejection makes the homeserver send the transaction again. */
  record(batch: Batch): Promise<unknown>;
  /** Before the first transaction after a possible gap is recorded: events that were lost come before it. */
  afterGap(): Promise<void>;
}

type Base = new (config: {
  homeserverToken: string;
  httpMaxSizeBytes?: number;
}) => Pick<AppService, "expressApp" | "onUserQuery" | "onAliasQuery">;
type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;
type ErrorHandler = (
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;
interface Routed extends IncomingMessage {
  readonly params: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

// The route handlers are private in its typings and `listen`, `close` are replaced below; the constructor binds whatever a subclass defines (matrix.md §1.9).
const BaseAppService = AppService as unknown as Base;

/**
 * The library's listener with what it lacks: the token is compared in constant time before a body is read, a
 * transaction is committed before it is acknowledged, unknown users and aliases are 404, `/ping` exists, and nothing
 * else is served on this port (no metrics, no health page).
 */
export class DurableAppService extends BaseAppService {
  readonly #options: DurableAppServiceOptions;
  readonly #known = new WeakSet<Socket>();
  #lastTxn: string | undefined;
  #draining = false;
  #server: Server | undefined;

  constructor(options: DurableAppServiceOptions) {
    super({ homeserverToken: options.hsToken(), httpMaxSizeBytes: options.transactionBytes });
    this.#options = options;
  }

  /** From now on every request gets 503: the homeserver keeps its events and comes back. */
  drain(): void {
    this.#draining = true;
  }

  /** Bound by the library's constructor to `PUT /_matrix/app/v1/transactions/{txnId}`. */
  async onTransaction(request: Routed, response: ServerResponse): Promise<void> {
    this.#options.count("transactions");
    const batch = readTransaction(request.body);
    if (!batch) {
      answer(response, 400, { errcode: "M_BAD_JSON", error: "no transaction with events" });
      return;
    }
    try {
      await this.#closeGap(request);
      await this.#options.record(batch);
    } catch (error) {
      this.#options.count("transaction_failures");
      this.#options.log.error({ error: describeError(error) }, "transaction-not-recorded");
      answer(response, 500, { errcode: "M_UNKNOWN", error: "not recorded, send it again" });
      return;
    }
    this.#lastTxn = request.params["txnId"];
    answer(response, 200, {});
  }

  /** Bound to `GET /_matrix/app/v1/users/{userId}`; `onUserQuery` is set by the Bridge. */
  async onGetUsers(request: Routed, response: ServerResponse): Promise<void> {
    await this.#query(response, () => this.onUserQuery(request.params["userId"] ?? "", ignore));
  }

  /** Bound to `GET /_matrix/app/v1/rooms/{alias}`. */
  async onGetRoomAlias(request: Routed, response: ServerResponse): Promise<void> {
    await this.#query(response, () => this.onAliasQuery(request.params["alias"] ?? "", ignore));
  }

  listen(port: number, hostname: string, backlog: number): Promise<void> {
    const app = this.expressApp;
    app.post("/_matrix/app/v1/ping", (_request, response) => {
      answer(response, 200, {});
    });
    const unknown: Handler = (_request, response) => {
      answer(response, 404, { errcode: "M_UNRECOGNIZED", error: "unknown endpoint" });
    };
    const failed: ErrorHandler = (error, _request, response, _next) => {
      const tooLarge = statusOf(error) === 413;
      const errcode = tooLarge ? "M_TOO_LARGE" : "M_NOT_JSON";
      this.#options.log.error({ error: describeError(error), errcode }, "transaction-unreadable");
      answer(response, tooLarge ? 413 : 400, { errcode, error: "the body cannot be read" });
    };
    app.use(unknown);
    app.use(failed);
    const serve = app as unknown as (request: IncomingMessage, response: ServerResponse) => void;
    const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
      if (this.#admit(request, response)) serve(request, response);
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host: hostname, backlog }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    await closed;
    clearTimeout(cut);
  }

  #admit(request: IncomingMessage, response: ServerResponse): boolean {
    if (!(request.url ?? "").startsWith("/_matrix/app/")) {
      answer(response, 404, { errcode: "M_UNRECOGNIZED", error: "unknown endpoint" });
    } else if (!sameToken(request.headers.authorization, this.#options.hsToken())) {
      answer(response, 403, { errcode: "M_FORBIDDEN", error: "bad token" });
    } else if (this.#draining) {
      answer(
        response,
        503,
        { errcode: "M_UNKNOWN", error: "shutting down" },
        { connection: "close" },
      );
    } else {
      return true;
    }
    return false;
  }

  /**
   * A homeserver that was killed forgets what it had queued behind the transaction in flight (matrix.md §2.2), and then
   * goes on with newer events. It also comes back on a new connection, and often with another transaction number: then
   * the sweep goes first, so that lost events keep their place before newer ones.
   */
  async #closeGap(request: Routed): Promise<void> {
    const goesOn = followsOn(this.#lastTxn, request.params["txnId"]);
    if (goesOn && this.#known.has(request.socket)) return;
    await this.#options.afterGap();
    this.#known.add(request.socket);
  }

  async #query(response: ServerResponse, ask: () => PromiseLike<void> | null): Promise<void> {
    try {
      await ask();
      answer(response, 200, {});
    } catch (error) {
      if (error instanceof AppserviceHttpError) answer(response, error.status, error.body);
      else answer(response, 500, { errcode: "M_UNKNOWN", error: "the query failed" });
    }
  }
}

/** Constant time for any input: digests of equal length are compared. Only the header counts, never the query. */
export function sameToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer (.+)$/.exec(authorization ?? "")?.[1] ?? "";
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token)) && given !== "";
}

/**
 * Does this transaction come right after the last one, or is it the same again? Only counted numbers tell; some
 * homeservers use times or random words, and say nothing by them.
 */
export function followsOn(last: string | undefined, next: string | undefined): boolean {
  if (last === undefined || next === undefined || last === next) return true;
  const counted = /^\d{1,9}$/;
  if (!counted.test(last) || !counted.test(next)) return true;
  return Number(next) === Number(last) + 1;
}

function readTransaction(body: unknown): Batch | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const fields = body as Readonly<Record<string, unknown>>;
  const list = (key: string): readonly unknown[] => {
    const value = fields[key];
    return Array.isArray(value) ? value : [];
  };
  if (!Array.isArray(fields["events"])) return undefined;
  const ephemeral = [...list("ephemeral"), ...list("de.sorunome.msc2409.ephemeral")];
  return { events: list("events"), ephemeral };
}

function answer(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("status" in error)) return undefined;
  return typeof error.status === "number" ? error.status : undefined;
}

function ignore(): void {
  // The library's callback form is not used.
}
