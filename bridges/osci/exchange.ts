import type { X509Certificate } from "node:crypto";
import { Readable } from "node:stream";
import type { BridgeContext } from "../../src/bridge/contract.ts";
import { EgressError } from "../../src/guard/egress.ts";
import { describeError, type ErrorCode } from "../../src/model/errors.ts";
import type { BlobRef } from "../../src/model/message.ts";
import { ExchangeError, faultError } from "./faults.ts";
import type { OwnKeys } from "./keys.ts";
import type { Suite } from "./suite.ts";
import { roleCertificate } from "./wire/certificates.ts";
import { composeMessage, type ComposedMessage, type OutgoingAttachment } from "./wire/compose.ts";
import { acceptResponse, type Dialog, type Exchange } from "./wire/dialog.ts";
import { OsciError } from "./wire/errors.ts";
import { OUR_FEATURES } from "./wire/features.ts";
import { sameCertificate } from "./wire/keys.ts";
import { isChunked, readMessage, type Message } from "./wire/message-read.ts";
import { writeMessage, type MessageFrame, type OutgoingOrder } from "./wire/message-write.ts";
import { MIME_LIMITS } from "./wire/mime.ts";
import { receiveMessage, type ReceiveOptions, type Received } from "./wire/receive.ts";
import { sourceOf, toBuffer, type ByteSource } from "./wire/stream.ts";

/** An intermediary with the certificates that settings or address book vouch for. */
export interface Station {
  readonly url: string;
  readonly cipher: X509Certificate;
  /** One of these signs its answers. */
  readonly signatures: readonly X509Certificate[];
}

/** What one account needs to talk to intermediaries. */
export interface Line {
  readonly context: Pick<BridgeContext<unknown>, "fetch" | "store" | "open" | "log" | "account">;
  readonly keys: OwnKeys;
  readonly suite: Suite;
  readonly timeouts: { readonly exchange: number; readonly transfer: number };
}

/** One request. `others` are certificates besides our own; the frame's control block comes from the dialog. */
export interface Outgoing {
  readonly order: OutgoingOrder;
  readonly frame?: Pick<MessageFrame, "others" | "custom">;
  readonly attachments?: readonly OutgoingAttachment[];
  /** Called when all is ready and before the first byte leaves: what must be known after a crash is written here. */
  readonly beforeSending?: () => Promise<void>;
  /** large: one delivery moves, with the request or the answer; it may take long, and its answer may not fit in memory. */
  readonly moves: "large" | "small";
}

/** The untouched bytes of an answer. */
export interface Kept {
  readonly source: ByteSource;
  /** Puts them into the blob store, once; large ones lie there already. */
  keep(): Promise<BlobRef>;
}

/** An answer of the intermediary that holds: decrypted, signed by a certificate we know, fitting the dialog. */
export interface Answer extends Kept {
  readonly message: Message;
  readonly received: Extract<Received, { kind: "message" }>;
  readonly dialog: Dialog;
}

/** An answer that came whole and cannot be read or believed. */
export class UnreadableAnswer extends ExchangeError {
  override readonly cause: OsciError;
  readonly kept: Kept;
  constructor(cause: OsciError, kept: Kept) {
    const message = `the answer cannot be taken: ${cause.message}`;
    super("cut", "REMOTE_ANSWER_INVALID", message, { cause, osciCode: cause.osciCode });
    this.name = "UnreadableAnswer";
    this.cause = cause;
    this.kept = kept;
  }
}

/** Answers that are neither deliveries nor evidence, bytes. */
const MAX_SMALL_ANSWER = 16_000_000;
const MAX_ANSWER = MIME_LIMITS.maxBytes;
/** Up to here an answer is held in memory first: most say that nothing is there, and are not worth a blob. */
const HELD_BYTES = 1_000_000;

/**
 * One request and its answer. The answer's feedback is not judged here. Throws ExchangeError, and whatever
 * `beforeSending` or the blob store throws; after any throw the dialog is over.
 */
export async function exchangeWith(
  line: Line,
  station: Station,
  exchange: Exchange,
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<Answer> {
  const large = outgoing.moves === "large";
  const ms = large ? line.timeouts.transfer : line.timeouts.exchange;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  const request = await compose(line, station, exchange, outgoing, limited);
  await outgoing.beforeSending?.();
  const response = await send(line, station, request, large, limited);
  const kept = await keepAnswer(line, response, large);
  return readAnswer(line, station, exchange, kept, response.status, limited);
}

async function compose(
  { keys, suite }: Line,
  station: Station,
  { control }: Exchange,
  { order, frame = {}, attachments = [] }: Outgoing,
  signal: AbortSignal,
): Promise<ComposedMessage> {
  const signature = roleCertificate("SignatureCertificateOriginator", keys.signature.certificate);
  const cipher = roleCertificate("CipherCertificateOriginator", keys.cipher.certificate);
  // Within a dialog the intermediary knows already for whom it encrypts (facts §2.6).
  const introduces = ["InitDialog", "GetMessageId", "StoreDelivery"].includes(order.type);
  const own = introduces ? [cipher, signature] : [signature];
  const { others = [], custom } = frame;
  const message = writeMessage(
    {
      control,
      others: [...own, ...others],
      features: OUR_FEATURES,
      ...(custom === undefined ? {} : { custom }),
    },
    order,
  );
  const { method, transport, legacy } = suite;
  return composeMessage(message, attachments, {
    signer: {
      identity: keys.signature,
      certificateId: signature.id,
      algorithm: suite.signature,
      digest: suite.digest,
    },
    seal: { reader: station.cipher, method, transport },
    legacy,
    signal,
  });
}

async function send(
  { context }: Line,
  station: Station,
  request: ComposedMessage,
  large: boolean,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await context.fetch(station.url, {
      method: "POST",
      headers: { "Content-Type": "text/xml", "Content-Length": String(request.size) },
      body: Readable.from(request.open(), { objectMode: false }),
      signal,
      ...(large ? { maxAnswerBytes: MAX_ANSWER } : {}),
    });
  } catch (cause) {
    const stage = cause instanceof EgressError ? cause.stage : "sent";
    const message = describeError(cause);
    if (stage === "refused")
      throw new ExchangeError("not-sent", "EGRESS_REFUSED", message, { cause });
    if (stage === "not-sent")
      throw new ExchangeError("not-sent", "REMOTE_UNAVAILABLE", message, { cause });
    throw new ExchangeError("cut", "REMOTE_UNAVAILABLE", message, { cause });
  }
}

async function keepAnswer({ context }: Line, response: Response, large: boolean): Promise<Kept> {
  const body = broken(piecesOf(response));
  const store = (bytes: AsyncIterable<Buffer>) =>
    context.store("osci-answer", Readable.from(bytes, { objectMode: false }));
  const held: Buffer[] = [];
  let size = 0;
  for (let next = await body.next(); next.done !== true; next = await body.next()) {
    held.push(next.value);
    size += next.value.length;
    if (size <= (large ? HELD_BYTES : MAX_SMALL_ANSWER)) continue;
    if (!large) {
      await body.return(undefined);
      throw new ExchangeError("cut", "REMOTE_ANSWER_INVALID", "the answer is too long");
    }
    const blob = await store(joined(held, body));
    return { source: sourceOfBlob(context, blob), keep: () => Promise.resolve(blob) };
  }
  const source = sourceOf(...held);
  let kept: Promise<BlobRef> | undefined;
  return { source, keep: () => (kept ??= store(joined(held))) };
}

async function* joined(
  held: readonly Buffer[],
  rest?: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  yield* held;
  if (rest !== undefined) yield* rest;
}

/** The blob store failed, not the delivery whose bytes went through it. */
export class KeepingFailed extends Error {
  override readonly name = "KeepingFailed";
}
export const STORE_CODES: readonly ErrorCode[] = [
  "STORE_UNAVAILABLE",
  "STORE_NEWER",
  "KEY_MISMATCH",
  "NOT_FOUND",
  "INTERNAL",
];

/** Bytes of a blob, each time from the start. They throw KeepingFailed when the blob store fails. */
export function sourceOfBlob(context: Pick<BridgeContext<unknown>, "open">, blob: BlobRef) {
  return {
    size: blob.size,
    async *open(): AsyncGenerator<Buffer> {
      try {
        yield* (await context.open(blob)) as AsyncIterable<Buffer>;
      } catch (cause) {
        throw new KeepingFailed("the blob store failed", { cause });
      }
    },
  };
}

/** Tells a break of the connection from a fault of the blob store. */
async function* broken(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source) yield toBuffer(chunk);
  } catch (cause) {
    throw new ExchangeError("cut", "REMOTE_UNAVAILABLE", describeError(cause), { cause });
  }
}

function piecesOf(response: Response): AsyncIterable<Uint8Array> {
  return (response.body ?? Readable.from([])) as AsyncIterable<Uint8Array>;
}

async function readAnswer(
  line: Line,
  station: Station,
  exchange: Exchange,
  kept: Kept,
  status: number,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const received = await receiveMessage(kept.source, receiveOptions(line, station, signal));
    if (received.kind === "fault") throw faultError(received.fault.code);
    const { envelope } = received;
    const message = readMessage(envelope);
    const wanted = `ResponseTo${exchange.request}` as const;
    // A delivery in pieces answers another question than ours; that is for the caller to say, the dialog goes on.
    const type = isChunked(message.type) ? wanted : message.type;
    const dialog = acceptResponse(exchange, type, message.control);
    return { message, received, ...kept, dialog };
  } catch (error) {
    if (!(error instanceof OsciError)) throw error;
    if (status < 400) throw new UnreadableAnswer(error, kept);
    const message = `answered with HTTP status ${String(status)} and nothing of OSCI`;
    throw new ExchangeError("cut", "REMOTE_UNAVAILABLE", message, { cause: error });
  }
}

/** How answers of this intermediary are received, also those that lie in quarantine. */
export function receiveOptions(
  { keys, suite }: Pick<Line, "keys" | "suite">,
  station: Station,
  signal: AbortSignal,
): ReceiveOptions {
  return {
    ring: keys.ring,
    legacy: suite.legacy,
    encryptionRequired: true,
    signature: {
      required: true,
      trusts: (certificate) =>
        station.signatures.some((known) => sameCertificate(known, certificate)),
    },
    signal,
  };
}
