import { Readable } from "node:stream";
import type { BridgeContext } from "../../src/bridge/contract.ts";
import { EgressError, faultOfRequest } from "../../src/guard/egress-error.ts";
import { DeliveryError } from "../../src/model/errors.ts";
import type { BlobRef } from "../../src/model/message.ts";
import type { Identity } from "./keys.ts";
import type { ComposedBody } from "./multipart-body.ts";
import { judgeAnswer } from "./outcome.ts";
import type { Answer } from "./outcome.ts";
import type { Profile } from "./profile.ts";
import { bearer, createToken } from "./token.ts";

/** The wire to ZBP. Everything that can happen to a request ends here as an answer or as a DeliveryError. */
export interface Transport {
  /** Sends a letter. Resolves only with an answer that means success. `authorization`: whose right is used. */
  send(
    target: Target,
    body: ComposedBody | string,
    authorization: string,
    signal: AbortSignal,
  ): Promise<Answer>;
  /** A call without side effects, or one that may be repeated. Resolves with any answer; the body is not judged. */
  call(target: Target, signal: AbortSignal, body?: string): Promise<Answer>;
  /** A file of a reply, as a stream into the blob store. undefined: it is larger than `limit` bytes. */
  download(target: Target, limit: number, signal: AbortSignal): Promise<BlobRef | undefined>;
  /** Our own token, made now. */
  authorization(): Promise<string>;
}

export interface Target {
  readonly method: string;
  readonly path: string;
  readonly ok: readonly number[];
}

/** An answer is read up to here. */
const MAX_ANSWER_BYTES = 15_000_000;

export interface TransportOptions {
  readonly baseUrl: string;
  readonly identity: Identity;
  readonly ca: string | undefined;
  readonly clockOffset: number;
}

export function createTransport(
  context: Pick<BridgeContext<unknown>, "fetch" | "store">,
  profile: Profile,
  options: TransportOptions,
): Transport {
  const { identity, ca, baseUrl, clockOffset } = options;
  const tls = { cert: identity.certPem, key: identity.keyPem, ...(ca === undefined ? {} : { ca }) };
  const authorization = async () =>
    bearer(await createToken(identity, profile, new Date(), clockOffset), profile);
  const request = async (target: Target, token: string, signal: AbortSignal, body?: Body) =>
    context.fetch(baseUrl + target.path, {
      method: target.method,
      headers: { [profile.auth.header]: token, Accept: "application/json", ...body?.headers },
      signal,
      tls,
      ...(body === undefined ? {} : { body: body.content }),
    });
  return {
    authorization,
    async send(target, body, token, signal) {
      const answer = await exchange(() => request(target, token, signal, bodyOf(body)), profile);
      return judgeAnswer(answer, target.ok, profile, isComplete(body));
    },
    async call(target, signal, body) {
      const token = await authorization();
      const content = body === undefined ? undefined : bodyOf(body);
      return exchange(() => request(target, token, signal, content), profile);
    },
    async download(target, limit, signal) {
      const token = await authorization();
      const response = await attempt(() => request(target, token, signal), profile);
      if (!(response instanceof Response)) return undefined;
      if (!target.ok.includes(response.status)) {
        await response.body?.cancel();
        const message = `a file was answered with ${response.status}`;
        throw new DeliveryError("transient", "REMOTE_ANSWER_INVALID", message);
      }
      const body = limited(response, limit);
      return context.store("reply-attachment", body.stream).catch((error: unknown) => {
        if (body.exceeded()) return undefined;
        throw error;
      });
    },
  };
}

interface Body {
  readonly headers: Readonly<Record<string, string>>;
  readonly content: string | Readable;
}

function bodyOf(body: ComposedBody | string): Body {
  if (typeof body === "string")
    return { headers: { "Content-Type": "application/json" }, content: body };
  return {
    headers: { "Content-Type": body.contentType, "Content-Length": String(body.length) },
    content: body.stream(),
  };
}
function isComplete(body: ComposedBody | string): boolean {
  return typeof body === "string" || body.isComplete();
}

/** One request with its whole answer. An answer that breaks off after its status line is still an answer. */
async function exchange(run: () => Promise<Response>, profile: Profile): Promise<Answer> {
  const response = await attempt(run, profile);
  if (!(response instanceof Response)) return response;
  const chunks: Buffer[] = [];
  let size = 0;
  let complete = true;
  try {
    for await (const chunk of piecesOf(response)) {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) throw new Error("the answer is too long");
      chunks.push(Buffer.from(chunk));
    }
  } catch {
    complete = false;
  }
  return {
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    retryAfter: response.headers.get("retry-after") ?? undefined,
    body: Buffer.concat(chunks),
    complete,
  };
}

/** An answer whose body was refused (too long) still has its status, and that is what counts. */
async function attempt(run: () => Promise<Response>, profile: Profile): Promise<Response | Answer> {
  try {
    return await run();
  } catch (error) {
    const status = error instanceof EgressError ? (error.status ?? 0) : 0;
    const isAnswer = status >= 200 && (status < 300 || status >= 400);
    if (!isAnswer) throw asDeliveryError(error, profile);
    return {
      status,
      contentType: "",
      retryAfter: undefined,
      body: Buffer.alloc(0),
      complete: false,
    };
  }
}

/** A redirect is an answer; else it is how far the request came. */
function asDeliveryError(cause: unknown, profile: Profile): DeliveryError {
  if (cause instanceof EgressError && Math.floor((cause.status ?? 0) / 100) === 3) {
    const rule = profile.errors["3xx"] ?? ({ fault: "unknown", code: "OUTCOME_UNKNOWN" } as const);
    return new DeliveryError(rule.fault, rule.code, cause.message, { cause });
  }
  return faultOfRequest(cause);
}

function piecesOf(response: Response): AsyncIterable<Uint8Array> {
  return (response.body ?? Readable.from([])) as AsyncIterable<Uint8Array>;
}

function limited(response: Response, limit: number) {
  let size = 0;
  const pieces = async function* () {
    for await (const chunk of piecesOf(response)) {
      size += chunk.length;
      if (size > limit) throw new RangeError(`a file is larger than ${limit} bytes`);
      yield Buffer.from(chunk);
    }
  };
  return {
    stream: Readable.from(pieces(), { objectMode: false }),
    exceeded: () => size > limit,
  };
}
