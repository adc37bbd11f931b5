import { Readable } from "node:stream";
import type { BridgeContext, ClientTls, Delivery } from "../../../src/bridge/contract.ts";
import { EgressError, faultOfRequest } from "../../../src/guard/egress-error.ts";
import { escapeText } from "../../../src/guard/xml-escape.ts";
import { DeliveryError, describeError, GatewayError } from "../../../src/model/errors.ts";
import type { BlobRef, Message } from "../../../src/model/message.ts";
import type { FinkTransport, Route } from "../contract.ts";
import { callOperation } from "./binding.ts";
import type { FramedRequest } from "./binding.ts";
import { letterOf } from "./codec.ts";
import { readAnswer } from "./envelope.ts";
import type { SoapAnswer } from "./envelope.ts";
import { prepareFiles } from "./files.ts";
import type { PreparedFile } from "./files.ts";
import { OPERATIONS } from "./names.ts";
import type { Operation } from "./names.ts";
import { wrapLetter, wrappedLength } from "./okkomm.ts";
import { judgeAnswer, RefusedLetter } from "./outcome.ts";
import type { HttpAnswer } from "./outcome.ts";
import { pingNodes } from "./ping.ts";
import { httpRuleOf } from "./profile.ts";
import type { Profile } from "./profile.ts";
import type { AuthoritySettings, SoapSettings } from "./settings.ts";
import { clientTls, trustOf } from "./tls.ts";
import { lengthOfPieces, streamPieces, writeLetter } from "./write-letter.ts";
import type { Piece } from "./write-letter.ts";

export interface BspParts {
  readonly context: Pick<BridgeContext<unknown>, "fetch" | "open" | "store" | "recall" | "log">;
  readonly settings: SoapSettings;
  readonly authority: AuthoritySettings;
  readonly profile: Profile;
}

/**
 * Letters to a mailbox node over the old SOAP interface. It does not deduplicate: the message id is informational only
 * (bundid-fink.md §1.7), so a connection that breaks after the first byte leaves the outcome unknown, and there is no
 * way to ask. @throws GatewayError for keys that cannot be used
 */
export function createBspTransport(parts: BspParts): FinkTransport {
  const tls = clientTls(parts.settings);
  return {
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    deliver: (message, route, _deliveryId, signal) => deliver(parts, tls, message, route, signal),
    ping: (signal, nodes) => pingNodes(parts, tls, nodes, signal),
  };
}

async function deliver(
  parts: BspParts,
  tls: ClientTls,
  message: Message,
  route: Route,
  signal: AbortSignal,
): Promise<Delivery> {
  refuseAborted(signal);
  const { settings, context, profile, authority } = parts;
  const files = await prepareFiles(message, context, profile, signal);
  const answered = await answeredLetter(context, message);
  const send = async (form: "text" | "html") => {
    const head = { authority, form, ...(answered === undefined ? {} : { answered }) };
    const letter = letterOf<PreparedFile>(message, files, head, profile);
    return hand(parts, tls, writePieces(letter, profile), route, signal);
  };
  const { formatting } = settings;
  const refused = (error: unknown) => error instanceof RefusedLetter && error.status === "31";
  const evidence = await send(formatting === "text" ? "text" : "html").catch((error: unknown) => {
    // The node said no to this form: nothing was taken, and another form is another letter to it.
    const again = formatting === "html-then-text" && message.html !== undefined && refused(error);
    if (again) return send("text");
    throw error;
  });
  const at = new Date();
  const receipt = { kind: "delivered", at, detail: "BspQuittung 0" } as const;
  return {
    remoteId: message.id,
    receipt: evidence === undefined ? receipt : { ...receipt, evidence },
  };
}

function writePieces(letter: Parameters<typeof writeLetter>[0], profile: Profile) {
  try {
    return writeLetter(letter, profile);
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw new DeliveryError("permanent", cause.code, cause.message, { cause });
  }
}

/** The letter this one answers; what is not ours or not there is no answer. */
export async function answeredLetter(
  context: Pick<BridgeContext<unknown>, "recall">,
  { inReplyTo }: Pick<Message, "inReplyTo">,
): Promise<Message | undefined> {
  return inReplyTo === undefined ? undefined : (await context.recall(inReplyTo))?.message;
}

/** One exchange. Returns the kept answer: the receipt is the proof of delivery (bundid-fink.md §1.7). */
async function hand(
  parts: BspParts,
  tls: ClientTls,
  letter: readonly Piece[],
  route: Route,
  signal: AbortSignal,
): Promise<BlobRef | undefined> {
  const { settings, context, profile } = parts;
  const operation =
    settings.operation === "native"
      ? OPERATIONS.sendBspNachrichtNative
      : OPERATIONS.sendBspNachricht;
  let http: HttpAnswer | undefined;
  const exchange = async (framed: FramedRequest): Promise<SoapAnswer | undefined> => {
    const body = bodyOf(framed, letter, operation, profile);
    const request = { ...framed, tls: { ...tls, ...trustOf(route, settings) }, signal };
    http = await post(context, request, body, profile);
    return readAnswer(http.body, operation, profile.limits.answerBytes);
  };
  const answer = await callOperation(route.endpoint, operation, exchange);
  if (http === undefined) throw new GatewayError("INTERNAL", "an answer without an exchange");
  await judgeAnswer(http, answer, operation, profile);
  return keepEvidence(context, http.body);
}

/** A letter that arrived stays delivered, even when its receipt cannot be stored. */
async function keepEvidence(
  context: BspParts["context"],
  answer: Buffer,
): Promise<BlobRef | undefined> {
  try {
    return await context.store("quittung", Readable.from([answer]));
  } catch (error) {
    context.log.warn({ error: describeError(error) }, "evidence-not-stored");
    return undefined;
  }
}

interface StreamedBody {
  readonly stream: Readable;
  readonly length: number;
  /** Has everything been drawn? */
  isComplete(): boolean;
}

/** The letter as text inside the envelope: escaped on the way, files encoded on the way, never as a whole. */
function bodyOf(
  { before, after }: FramedRequest,
  letter: readonly Piece[],
  operation: Operation,
  profile: Profile,
): StreamedBody {
  const native = operation.name === "sendBspNachrichtNative";
  const inside = () =>
    native ? streamPieces(letter, escapeText) : wrapLetter(streamPieces(letter), profile);
  const length = native
    ? lengthOfPieces(letter, escapeText)
    : wrappedLength(lengthOfPieces(letter), profile);
  let complete = false;
  const pieces = async function* () {
    yield Buffer.from(before, "utf8");
    yield* inside();
    complete = true;
    yield Buffer.from(after, "utf8");
  };
  return {
    stream: Readable.from(pieces(), { objectMode: false }),
    length: Buffer.byteLength(before) + length + Buffer.byteLength(after),
    isComplete: () => complete,
  };
}

async function post(
  context: Pick<BridgeContext<unknown>, "fetch">,
  request: Pick<FramedRequest, "url" | "headers"> & { tls: ClientTls; signal: AbortSignal },
  body: StreamedBody,
  profile: Profile,
): Promise<HttpAnswer> {
  const { url, headers, tls, signal } = request;
  try {
    const response = await context.fetch(url, {
      method: "POST",
      headers: { ...headers, "Content-Length": String(body.length) },
      body: body.stream,
      signal,
      tls,
    });
    return {
      status: response.status,
      retryAfter: response.headers.get("retry-after") ?? undefined,
      ...(await readAll(response, profile.limits.answerBytes)),
      afterRequest: body.isComplete(),
    };
  } catch (error) {
    throw asDeliveryError(error, profile);
  }
}

async function readAll(response: Response, limit: number) {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    const pieces = (response.body ?? Readable.from([])) as AsyncIterable<Uint8Array>;
    for await (const piece of pieces) {
      size += piece.length;
      if (size > limit) return { body: Buffer.concat(chunks), complete: false };
      chunks.push(Buffer.from(piece));
    }
    return { body: Buffer.concat(chunks), complete: true };
  } catch {
    // The status line came, and what was read of the rest: the judgement is made on that.
    return { body: Buffer.concat(chunks), complete: false };
  }
}

/** An answer that is against the rules has a status; else it is how far the request came. */
function asDeliveryError(cause: unknown, profile: Profile): DeliveryError {
  const { status } = cause instanceof EgressError ? cause : {};
  if (status !== undefined && (status < 200 || status >= 300)) {
    const { fault, code } = httpRuleOf(status, profile);
    return new DeliveryError(fault, code, `answered ${status}`, { cause });
  }
  return faultOfRequest(cause);
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted)
    throw new DeliveryError("transient", "REMOTE_UNAVAILABLE", "stopped before anything was sent", {
      cause: signal.reason,
    });
}
