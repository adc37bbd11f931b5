import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";
import { GatewayError } from "../model/errors.ts";
import type { BlobRef } from "../model/message.ts";
import { CHUNK_BYTES, headerFor, headerLength, newDataKey, sealChunk } from "./blob-format.ts";
import type { Sealer } from "./keys.ts";

/** Sealed chunks that are handed to the disk in one call. */
const CHUNKS_PER_WRITE = 8;
const SLICE_BYTES = CHUNKS_PER_WRITE * CHUNK_BYTES;

/** The stream that was to be stored broke; `cause` is its own error. Keeps it apart from errors of our disk. */
export class BodyFailure extends Error {
  constructor(cause: unknown) {
    super("the stream broke", { cause });
    this.name = "BodyFailure";
  }
}

/**
 * Streams `body` into a new file at `temporary`, hashed and sealed on the way; resolved = on disk. Throws BodyFailure for
 * errors of `body`. Throws ATTACHMENT_REJECTED past `limit` bytes. The caller removes the file after a failure.
 */
export async function writeBlob(
  temporary: string,
  body: Readable,
  options: { limit: number; sealer: Sealer; signal: AbortSignal | undefined },
): Promise<BlobRef> {
  const { limit, sealer, signal } = options;
  const dataKey = newDataKey();
  const file = await open(temporary, "wx", 0o600);
  try {
    const length = headerLength(sealer);
    const chunks = createChunkWriter(file, dataKey, length);
    const hash = createHash("sha256");
    let size = 0;
    for await (const piece of abortable(body, signal)) {
      size += piece.length;
      if (size > limit) {
        const message = `the attachment is larger than ${String(limit)} bytes`;
        throw new GatewayError("ATTACHMENT_REJECTED", message);
      }
      hash.update(piece);
      await chunks.add(piece);
    }
    await chunks.end();
    const ref = { digest: `sha256:${hash.digest("hex")}`, size } as const;
    const header = headerFor(dataKey, ref, sealer);
    await file.write(header, 0, header.length, 0);
    await file.sync();
    return ref;
  } finally {
    await file.close();
  }
}

/** Ends the stream with an error on abort. */
async function* abortable(
  body: Readable,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void> {
  const abort = () => body.destroy(asError(signal?.reason));
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    for await (const piece of body as AsyncIterable<unknown>) yield* inSlices(asBuffer(piece));
    signal?.throwIfAborted();
  } catch (cause) {
    throw new BodyFailure(cause);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** A piece may be as large as the whole attachment: hashing it in one go would hold everything else up. */
function* inSlices(piece: Buffer): Generator<Buffer, void> {
  for (let start = 0; start < piece.length; start += SLICE_BYTES)
    yield piece.subarray(start, start + SLICE_BYTES);
}

interface ChunkWriter {
  add(piece: Buffer): Promise<void>;
  end(): Promise<void>;
}

/** Cuts into chunks of equal size. The last one is marked, so each waits until more is known to follow. */
function createChunkWriter(file: FileHandle, dataKey: Uint8Array, start: number): ChunkWriter {
  let position = start;
  let index = 0;
  let filled = 0;
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let sealed: Buffer[] = [];

  async function flush(): Promise<void> {
    const pieces = sealed;
    sealed = [];
    const wanted = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const whole = Buffer.concat(pieces, wanted);
    for (let done = 0; done < wanted;) {
      const { bytesWritten } = await file.write(whole, done, wanted - done, position);
      done += bytesWritten;
      position += bytesWritten;
    }
  }

  async function seal(isLast: boolean): Promise<void> {
    sealed.push(...sealChunk(dataKey, index, isLast, chunk.subarray(0, filled)));
    index += 1;
    filled = 0;
    if (isLast || index % CHUNKS_PER_WRITE === 0) await flush();
  }

  return {
    async add(piece) {
      for (let taken = 0; taken < piece.length;) {
        if (filled === CHUNK_BYTES) await seal(false);
        const copied = piece.copy(chunk, filled, taken);
        filled += copied;
        taken += copied;
      }
    },
    async end() {
      await seal(true);
      chunk = Buffer.alloc(0);
    },
  };
}

function asBuffer(piece: unknown): Buffer {
  if (Buffer.isBuffer(piece)) return piece;
  if (piece instanceof Uint8Array)
    return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  if (typeof piece === "string") return Buffer.from(piece, "utf8");
  throw new GatewayError("INTERNAL", "an attachment must be a stream of bytes");
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
}
