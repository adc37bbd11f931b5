import type { Readable } from "node:stream";
import type { BlobRef } from "../model/message.ts";

/**
 * Content-addressed, encrypted files: temp → fsync → rename → fsync of the folder. Same bytes twice = one file.
 * Two implementations are possible (folder now; others later); suite: test/conformance/blobs.ts.
 */
export interface BlobStore {
  /** Streams, hashes, encrypts; constant memory. Throws ATTACHMENT_REJECTED past `limit` bytes, nothing kept. */
  put(body: Readable, limit: number, signal?: AbortSignal): Promise<BlobRef>;
  /** Plaintext stream; verifies every chunk before it is handed out, and that the end is the end. Throws NOT_FOUND. */
  open(ref: BlobRef): Promise<Readable>;
  has(ref: BlobRef): Promise<boolean>;
}
