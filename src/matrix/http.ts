import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool, type Dispatcher } from "undici";
import { z } from "zod";
import type { Log } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";
import type { MatrixCounter } from "./contract.ts";
import { HomeserverError, errorOfAnswer, errorOfConnection } from "./homeserver-error.ts";

/** Connections that are kept open to the homeserver. */
const CONNECTIONS = 64;
/** Largest JSON answer that is read, bytes: a `/sync` after a long outage. */
const MAX_JSON_BYTES = 64 * 2 ** 20;
/** A homeserver that asks for patience is given so much within one attempt, milliseconds; then the attempt ends. */
const PATIENCE_MS = 10_000;
/** Requests of one call, the first one included, when the homeserver limits the rate. */
const MAX_TRIES = 5;
/** Running requests get so long to end when the gateway stops, milliseconds. */
const CLOSE_GRACE_MS = 5_000;
const DEFAULT_PAUSE_MS = 1_000;
/** Longest silence of a media stream, milliseconds. */
const MEDIA_SILENCE_MS = 120_000;

export interface HttpDeps {
  readonly url: string;
  readonly requestTimeout: number;
  readonly log: Log;
  token(): string;
  count(name: MatrixCounter): void;
}

export interface HttpRequest {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Already encoded, from `path`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly json?: unknown;
  /** Opened anew for every try. */
  readonly stream?: () => Promise<{ body: Readable; bytes: number; mediaType: string }>;
  readonly media?: boolean;
  readonly signal: AbortSignal;
}

/**
 * Requests to the configured homeserver and to nothing else: one origin, no redirects. 429 is waited out for a while;
 * nothing else is repeated here. Throws HomeserverError.
 */
export interface Http {
  json(request: HttpRequest): Promise<unknown>;
  /** The body of a good answer, unread: the caller must consume or destroy it. */
  stream(request: HttpRequest): Promise<Readable>;
  close(): Promise<void>;
}

const errorBody = z.object({
  errcode: z.string().max(255).optional(),
  retry_after_ms: z.number().nonnegative().optional(),
});

export function createHttp(deps: HttpDeps): Http {
  const base = new URL(deps.url);
  const pool = new Pool(base.origin, {
    connections: CONNECTIONS,
    headersTimeout: deps.requestTimeout,
    bodyTimeout: deps.requestTimeout,
    connectTimeout: deps.requestTimeout,
  });
  const prefix = base.pathname.replace(/\/+$/, "");
  const exchange = async (request: HttpRequest) => {
    let waited = 0;
    for (let tries = 1; ; tries += 1) {
      deps.count("requests");
      const answer = await dispatch(pool, prefix, deps, request);
      if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
      const error = await refusal(request, answer);
      if (answer.statusCode === 401) warnOfToken(deps, error);
      if (answer.statusCode !== 429) throw error;
      deps.count("rate_limited");
      const pause = error.retryAfterMs ?? DEFAULT_PAUSE_MS;
      if (tries === MAX_TRIES || waited + pause > PATIENCE_MS) throw error;
      waited += pause;
      await sleepUnlessAborted(request, pause);
    }
  };
  return {
    async json(request) {
      const answer = await exchange(request);
      return parseJson(request, await readAll(request, answer.body));
    },
    async stream(request) {
      return (await exchange(request)).body;
    },
    async close() {
      const timeout = new AbortController();
      const limit = sleep(CLOSE_GRACE_MS, undefined, timeout).catch(() => undefined);
      await Promise.race([pool.close(), limit]);
      timeout.abort();
      await pool.destroy();
    },
  };
}

async function dispatch(
  pool: Pool,
  prefix: string,
  deps: HttpDeps,
  request: HttpRequest,
): Promise<Dispatcher.ResponseData> {
  const { method, signal } = request;
  const headers: Record<string, string> = { authorization: `Bearer ${deps.token()}` };
  let body: string | Readable | null = null;
  if (request.stream) {
    const source = await request.stream();
    body = source.body;
    headers["content-type"] = source.mediaType;
    headers["content-length"] = String(source.bytes);
  } else if (request.json !== undefined) {
    body = JSON.stringify(request.json);
    headers["content-type"] = "application/json";
  }
  const path = prefix + request.path + queryOf(request.query);
  const patience = request.media
    ? { headersTimeout: MEDIA_SILENCE_MS, bodyTimeout: MEDIA_SILENCE_MS }
    : {};
  try {
    return await pool.request({ method, path, headers, body, signal, ...patience });
  } catch (error) {
    throw errorOfConnection(nameOf(request), error);
  }
}

async function refusal(
  request: HttpRequest,
  answer: Dispatcher.ResponseData,
): Promise<HomeserverError> {
  const raw = await readAll(request, answer.body).catch(() => "");
  const parsed = errorBody.safeParse(safeJson(raw));
  const body = parsed.success ? parsed.data : {};
  const wait = body.retry_after_ms ?? retryAfter(answer.headers["retry-after"], Date.now());
  return errorOfAnswer(nameOf(request), answer.statusCode, body, wait);
}

async function readAll(request: HttpRequest, body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.byteLength;
      if (size > MAX_JSON_BYTES) throw new Error(`more than ${MAX_JSON_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw errorOfConnection(nameOf(request), error);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(request: HttpRequest, raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch (cause) {
    const message = `${nameOf(request)}: the homeserver answered something that is not JSON`;
    throw new HomeserverError("transient", "REMOTE_ANSWER_INVALID", message, { cause });
  }
}

function safeJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}

async function sleepUnlessAborted(request: HttpRequest, ms: number): Promise<void> {
  try {
    await sleep(ms, undefined, { signal: request.signal });
  } catch (error) {
    throw errorOfConnection(nameOf(request), error);
  }
}

function warnOfToken(deps: HttpDeps, error: HomeserverError): void {
  const remedy = "compare appservice.asToken with as_token of the registration file";
  deps.log.error({ error: describeError(error), remedy }, "homeserver-refuses-token");
}

/** `Retry-After` in seconds or as a date (RFC 9110 §10.2.3) → milliseconds. */
export function retryAfter(header: string | string[] | undefined, now: number): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1_000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Tag for paths: every inserted value is encoded as one segment. */
export function path(strings: TemplateStringsArray, ...values: readonly string[]): string {
  return strings.reduce((text, part, i) => text + encodeURIComponent(values[i - 1] ?? "") + part);
}

function queryOf(query: HttpRequest["query"]): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined) params.set(key, String(value));
  return params.size === 0 ? "" : `?${params.toString()}`;
}

/** For errors and logs: method and path without the query, which may hold what somebody looked for. */
function nameOf(request: HttpRequest): string {
  return `${request.method} ${request.path.slice(0, 200)}`;
}
