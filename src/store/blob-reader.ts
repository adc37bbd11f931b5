import { open, type FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { GatewayError } from "../model/errors.ts";
import type { BlobRef } from "../model/message.ts";
import {
  type BlobHeader,
  chunkCount,
  CHUNK_BYTES,
  fileSize,
  MAX_HEADER,
  openChunk,
  readHeader,
  TAG_BYTES,
} from "./blob-format.ts";
import type { Sealer } from "./keys.ts";

/** Chunks that are fetched from disk in one call. */
const CHUNKS_PER_READ = 8;

export interface OpenBlob {
  readonly file: FileHandle;
  readonly header: BlobHeader;
}

/** Opens and checks header and length; undefined: there is no such file. Throws KEY_MISMATCH for one that is not whole. */
export async function openBlobFile(
  path: string,
  ref: BlobRef,
  sealer: Sealer,
): Promise<OpenBlob | undefined> {
  const file = await openIfThere(path);
  if (!file) return undefined;
  try {
    const bytes = Buffer.alloc(MAX_HEADER);
    const { bytesRead } = await file.read(bytes, 0, MAX_HEADER, 0);
    const header = readHeader(bytes.subarray(0, bytesRead), ref, sealer);
    const { size } = await file.stat();
    if (size !== fileSize(header, ref.size))
      throw new GatewayError("KEY_MISMATCH", `blob ${ref.digest} is cut off or longer than it was`);
    return { file, header };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** The plaintext; every chunk is verified before it is handed out. Closes the file. */
export function readBlob({ file, header }: OpenBlob, ref: BlobRef): Readable {
  const chunks = chunkCount(ref.size);
  let next = 0;
  return new Readable({
    highWaterMark: CHUNKS_PER_READ * CHUNK_BYTES,
    read() {
      const count = Math.min(CHUNKS_PER_READ, chunks - next);
      readChunks(file, header, { first: next, count, chunks, ref }).then(
        (plain) => {
          next += count;
          for (const chunk of plain) if (chunk.length > 0) this.push(chunk);
          if (next === chunks) this.push(null);
        },
        (error: unknown) => this.destroy(error instanceof Error ? error : undefined),
      );
    },
    destroy(error, done) {
      file.close().then(
        () => done(error),
        (failure: unknown) => done(error ?? (failure instanceof Error ? failure : null)),
      );
    },
  });
}

interface Range {
  readonly first: number;
  readonly count: number;
  readonly chunks: number;
  readonly ref: BlobRef;
}

async function readChunks(
  file: FileHandle,
  header: BlobHeader,
  range: Range,
): Promise<readonly Buffer[]> {
  const stride = CHUNK_BYTES + TAG_BYTES;
  const start = header.length + range.first * stride;
  const end = Math.min(start + range.count * stride, fileSize(header, range.ref.size));
  const sealed = await readFully(file, start, end - start);
  return Array.from({ length: range.count }, (_, offset) => {
    const index = range.first + offset;
    const bytes = sealed.subarray(offset * stride, (offset + 1) * stride);
    return openChunk(header.dataKey, index, index === range.chunks - 1, bytes);
  });
}

async function readFully(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) throw new GatewayError("KEY_MISMATCH", "a blob was cut off while read");
    done += bytesRead;
  }
  return bytes;
}
