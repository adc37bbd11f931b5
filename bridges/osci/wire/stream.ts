import { giveWay } from "../../../src/guard/xml-pace.ts";
import { hostile } from "./errors.ts";

/** Bytes that come once. A file, a response body, a decryption. */
export type ByteStream = AsyncIterable<Uint8Array>;

/**
 * Bytes that can be read again from the start and are the same each time: a blob, a file. Large messages are read
 * twice (first verified, then taken) instead of being held.
 */
export interface ByteSource {
  open(): ByteStream;
}
/** As `ByteSource`; `size` in bytes is known beforehand, as lengths on the wire need it. */
export interface SizedSource extends ByteSource {
  readonly size: number;
}

/** Cipher, hash and search work on pieces of at most this length: some hundred microseconds each. */
const pieceBytes = 256 * 1024;

/** Cuts a stream into pieces of bounded length and lets the event loop turn between them. */
export async function* paced(source: ByteStream, signal?: AbortSignal): AsyncGenerator<Buffer> {
  for await (const chunk of source)
    for (let start = 0; start < chunk.byteLength; start += pieceBytes) {
      signal?.throwIfAborted();
      await giveWay(signal);
      yield toBuffer(chunk.subarray(start, start + pieceBytes));
    }
}

/** A source over bytes in memory. */
export function sourceOf(...chunks: readonly Uint8Array[]): SizedSource {
  const size = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  return {
    size,
    async *open() {
      yield* chunks;
    },
  };
}

/** Collects a stream. Throws INPUT_HOSTILE beyond `maxBytes`. */
export async function collect(source: ByteStream, maxBytes: number, what: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > maxBytes) throw hostile(`${what} is larger than ${String(maxBytes)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Reads to the end and drops the bytes. */
export async function drain(source: ByteStream): Promise<void> {
  for await (const _chunk of source);
}

/** Same memory, other type. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
