import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { GatewayError } from "../model/errors.ts";
import type { BlobRef } from "../model/message.ts";

/** Bytes of one letter, with the answer it came in: twice what the largest delivery has, and some. */
const MAX_BYTES = 512 * 2 ** 20;

/** In place of the blob store while somebody only looks: keeps what belongs to one letter, in memory, until the next one. */
export interface Shelf {
  store(body: Readable): Promise<BlobRef>;
  open(blob: BlobRef): Promise<Readable>;
  clear(): void;
}

export function createShelf(maxBytes = MAX_BYTES): Shelf {
  const kept = new Map<string, Buffer>();
  let size = 0;
  return {
    async store(body) {
      const hash = createHash("sha256");
      const pieces: Buffer[] = [];
      for await (const piece of body as AsyncIterable<Buffer>) {
        size += piece.length;
        if (size > maxBytes)
          throw new GatewayError("INPUT_HOSTILE", `a letter of more than ${maxBytes} bytes`);
        hash.update(piece);
        pieces.push(piece);
      }
      const bytes = Buffer.concat(pieces);
      const digest = `sha256:${hash.digest("hex")}` as const;
      kept.set(digest, bytes);
      return { digest, size: bytes.length };
    },
    open({ digest }) {
      const bytes = kept.get(digest);
      return bytes === undefined
        ? Promise.reject(new GatewayError("NOT_FOUND", "no file of this letter"))
        : Promise.resolve(Readable.from([bytes]));
    },
    clear() {
      kept.clear();
      size = 0;
    },
  };
}
