import { Readable } from "node:stream";
import { errors, request, type Dispatcher } from "undici";
import type { ClientTls, OutgoingRequest } from "../bridge/contract.ts";
import { createConnections } from "./egress-connections.ts";
import { EgressError, type EgressStage } from "./egress-error.ts";

export { EgressError, type EgressStage };

/** The only way out to a legacy system. One egress per account: its hosts, its private networks, its certificates. */
export interface EgressOptions {
  /** Where requests may go; anything else is refused. */
  readonly allow: readonly EgressTarget[];
  /** CIDR ranges in which addresses that are not public are allowed; loopback, too, only when it is named. */
  readonly privateNetworks: readonly string[];
  /** Used for requests that bring none of their own. */
  readonly tls?: ClientTls;
  /** Longest silence of the other side: before the headers of its answer and between two pieces of it, milliseconds. */
  readonly timeoutMs: number;
  /** Default 16 MB. */
  readonly maxAnswerBytes?: number;
}

export interface EgressTarget {
  /** As it stands in the URL, lower case; IPv6 without brackets. */
  readonly host: string;
  /** Default: the port of the scheme. */
  readonly port?: number;
  /** Default https. http only where the operator configured an http URL. */
  readonly scheme?: "http" | "https";
}

export interface Egress {
  /**
   * One request, one answer; never a redirect, never a repetition. Throws only EgressError, also while the body of the
   * answer is read. The caller reads the body to its end or cancels it: the connection waits for that.
   */
  fetch(url: string, init?: OutgoingRequest): Promise<Response>;
  /** Cuts what is still running. */
  close(): Promise<void>;
}

const DEFAULT_ANSWER_BYTES = 16_000_000;
/** They belong to the connection, or would send the request somewhere else. */
const FORBIDDEN_HEADERS = ["host", "connection", "transfer-encoding", "upgrade", "expect", "te"];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const NO_BODY_STATUS = [204, 205, 304];

export function createEgress(options: EgressOptions): Egress {
  const connections = createConnections(options);
  const maxAnswerBytes = options.maxAnswerBytes ?? DEFAULT_ANSWER_BYTES;
  return {
    async fetch(url, init = {}) {
      const exchange = observeExchange(init.body);
      let origin = "";
      try {
        const target = judge(options, url, init);
        origin = target.origin;
        init.signal?.throwIfAborted();
        const agent = connections.agentFor(init.tls ?? options.tls ?? {});
        const answer = await request(target, {
          dispatcher: agent.compose(exchange.interceptor),
          method: (init.method ?? "GET") as Dispatcher.HttpMethod,
          headers: { "accept-encoding": "identity", ...lowerCased(init.headers ?? {}) },
          body: exchange.body,
          ...(init.signal ? { signal: init.signal } : {}),
        });
        return await asResponse(answer, origin, init.maxAnswerBytes ?? maxAnswerBytes);
      } catch (error) {
        if (init.body instanceof Readable) init.body.destroy();
        throw asEgressError(error, stageOf(error, exchange.sent()), origin);
      }
    },
    close: connections.close,
  };
}

/** What undici calls an invalid argument will be one every time: a refusal, not a reason to wait. */
function stageOf(error: unknown, sent: boolean): EgressStage {
  if (sent) return "sent";
  return error instanceof errors.InvalidArgumentError ? "refused" : "not-sent";
}

/** The target of a configured base URL. */
export function egressTarget(baseUrl: string): EgressTarget {
  const url = new URL(baseUrl);
  const scheme = url.protocol === "http:" ? "http" : "https";
  return { host: bareHost(url), port: portOf(url), scheme };
}

function judge(options: EgressOptions, url: string, init: OutgoingRequest): URL {
  if (!URL.canParse(url)) throw new EgressError("refused", "not an absolute URL");
  const target = new URL(url);
  if (target.username !== "" || target.password !== "")
    throw new EgressError("refused", "a URL must not carry user and password");
  const allowed = options.allow.some(
    ({ host, port, scheme = "https" }) =>
      target.protocol === `${scheme}:` &&
      bareHost(target) === host.toLowerCase() &&
      portOf(target) === (port ?? defaultPort(scheme)),
  );
  if (!allowed)
    throw new EgressError("refused", `${target.origin} is not on the list of this account`);
  if (!METHODS.includes(init.method ?? "GET"))
    throw new EgressError("refused", `method ${init.method} is not allowed`);
  for (const name of Object.keys(init.headers ?? {}))
    if (FORBIDDEN_HEADERS.includes(name.toLowerCase()))
      throw new EgressError("refused", `header ${name} must not be set`);
  return target;
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}
function portOf(url: URL): number {
  return url.port === "" ? defaultPort(url.protocol.slice(0, -1)) : Number(url.port);
}
function defaultPort(scheme: string): number {
  return scheme === "http" ? 80 : 443;
}
function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/**
 * Watches one request so that "sent" is exact: undici writes the head of a request right after `onRequestStart`; when a
 * body streams, together with its first piece. A second start would be a repetition, which is ours alone to decide.
 */
function observeExchange(body: OutgoingRequest["body"]) {
  let sent = false;
  let started = false;
  const markSent = () => (sent = true);
  const streamed = body instanceof Readable ? watchFirstRead(body, markSent) : undefined;
  const interceptor: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (opts, handler) =>
    dispatch(opts, {
      onRequestStart(controller, context) {
        if (started) return controller.abort(new Error("the request was about to be repeated"));
        started = true;
        handler.onRequestStart?.(controller, context);
        if (!controller.aborted && !streamed) markSent();
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    });
  return { interceptor, sent: () => sent, body: streamed ?? (body as string | Uint8Array | null) };
}

/** The first piece is drawn before anything is written: a source that cannot be read leaves the request unsent. */
function watchFirstRead(source: Readable, onFirst: () => void): Readable {
  const pieces = async function* () {
    let first = true;
    for await (const piece of source as AsyncIterable<Uint8Array | string>) {
      if (first) onFirst();
      first = false;
      yield piece;
    }
    if (first) onFirst();
  };
  return Readable.from(pieces(), { objectMode: false });
}

async function asResponse(
  answer: Dispatcher.ResponseData,
  origin: string,
  limit: number,
): Promise<Response> {
  const { statusCode: status, headers: rawHeaders, body } = answer;
  const refuse = (why: string) => {
    body.on("error", () => undefined).destroy();
    return new EgressError("sent", `${origin} ${why}`, { status });
  };
  if (status >= 300 && status < 400 && status !== 304) throw refuse(`redirects (${status})`);
  if (Number(rawHeaders["content-length"] ?? 0) > limit)
    throw refuse(`answers more than ${limit} bytes`);
  const headers = new Headers();
  for (const [name, values] of Object.entries(rawHeaders))
    for (const value of [values ?? []].flat()) headers.append(name, value);
  if (NO_BODY_STATUS.includes(status)) {
    await body.dump();
    return new Response(null, { status, headers });
  }
  return new Response(ReadableStream.from(limited(body, origin, limit)), { status, headers });
}

async function* limited(body: Readable, origin: string, limit: number) {
  let size = 0;
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > limit) throw new EgressError("sent", `${origin} answers more than ${limit} bytes`);
      yield new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
    }
  } catch (error) {
    throw asEgressError(error, "sent", origin);
  }
}

function asEgressError(error: unknown, stage: EgressStage, origin: string): EgressError {
  if (error instanceof EgressError) return error;
  const reason = error instanceof Error ? error.message || error.name : String(error);
  return new EgressError(stage, `${origin}: ${reason}`, { cause: error });
}
