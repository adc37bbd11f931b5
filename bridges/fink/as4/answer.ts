import { once } from "node:events";
import type { Readable } from "node:stream";
import { PassThrough } from "node:stream";
import { GatewayError } from "../../../src/model/errors.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import { readEnvelope } from "./envelope-read.ts";
import type { SoapEnvelope } from "./envelope-read.ts";
import { cutValues } from "./inline-values.ts";
import { readRelated, relatedBoundary } from "./related.ts";

/** An answer of the access point: its envelope, and the files of it in the blob store. Either wire form. */
export interface SoapAnswer {
  readonly envelope: SoapEnvelope;
  readonly files: readonly (BlobRef | undefined)[];
  readonly parts: ReadonlyMap<string, BlobRef>;
}

export const ANSWER_LIMITS = {
  /** The envelope without its files. */
  maxSkeletonBytes: 500_000,
  maxValues: 1_000,
  maxParts: 1_000,
} as const;

type Store = (name: string, body: Readable) => Promise<BlobRef>;

/** Nothing but small calls expect no files: a file in their answer is refused before it is stored. */
export const storeNothing: Store = async () => {
  throw new GatewayError("INPUT_INVALID", "an answer carries a file where none belongs");
};

/** @throws GatewayError INPUT_INVALID, INPUT_HOSTILE; whatever source and store throw */
export async function readAnswer(
  contentType: string,
  source: AsyncIterable<Uint8Array>,
  store: Store,
): Promise<SoapAnswer> {
  if (!/^multipart\/related\b/i.test(contentType)) {
    const { skeleton, files } = await cutValues(source, ANSWER_LIMITS, store);
    return { envelope: readEnvelope(skeleton), files, parts: new Map() };
  }
  const boundary = relatedBoundary(contentType);
  const { skeleton, files, parts } = await readRelated(source, boundary, ANSWER_LIMITS, store);
  return { envelope: readEnvelope(skeleton), files, parts };
}

const MAX_FIRST_LINE_BYTES = 200;

/** Kept bytes do not say what they are: a multipart answer begins with its boundary (RFC 2046 §5.1.1), XML never so. */
export async function contentTypeOf(
  context: { open(blob: BlobRef): Promise<Readable> },
  blob: BlobRef,
): Promise<string> {
  let head = Buffer.alloc(0);
  for await (const piece of (await context.open(blob)) as AsyncIterable<Uint8Array>) {
    head = Buffer.concat([head, piece]).subarray(0, MAX_FIRST_LINE_BYTES);
    if (head.length === MAX_FIRST_LINE_BYTES) break;
  }
  const boundary = /^(?:\r\n)?--([^\r\n"]{1,70}?)[ \t]*\r\n/.exec(head.toString("latin1"))?.[1];
  return boundary === undefined
    ? "application/soap+xml"
    : `multipart/related; boundary="${boundary}"`;
}

export interface KeptAnswer<T> {
  /** The whole answer as it came, whatever became of reading it. */
  readonly original: BlobRef;
  readonly result: { readonly value: T } | { readonly fault: unknown };
}

/**
 * Reads a stream and stores every byte of it at the same time. When reading fails, the rest is still stored: what could
 * not be understood is kept whole. Throws when the source breaks off: then nothing is known about it.
 */
export async function readAndKeep<T>(
  source: AsyncIterable<Uint8Array>,
  store: Store,
  read: (copy: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<KeptAnswer<T>> {
  const sink = new PassThrough();
  const kept = store("as4-message", sink);
  // Handled below; a rejection before that must not count as unhandled.
  kept.catch(() => undefined);
  const iterator = source[Symbol.asyncIterator]();
  let broken: { readonly cause: unknown } | undefined;
  const next = async (): Promise<Uint8Array | undefined> => {
    try {
      const step = await iterator.next();
      if (step.done === true) return undefined;
      if (!sink.write(step.value)) await Promise.race([once(sink, "drain"), kept]);
      return step.value;
    } catch (cause) {
      broken = { cause };
      throw cause;
    }
  };
  const copy = async function* () {
    for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
  };
  try {
    const result = await read(copy()).then(
      (value) => ({ value }),
      (fault: unknown) => ({ fault }),
    );
    if (broken !== undefined) throw broken.cause;
    while ((await next()) !== undefined);
    sink.end();
    return { original: await kept, result };
  } catch (error) {
    sink.destroy(error instanceof Error ? error : new Error("the answer broke off"));
    throw error;
  }
}
