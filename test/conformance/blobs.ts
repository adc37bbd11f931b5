import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BlobRef } from "../../src/model/message.ts";
import type { BlobStore } from "../../src/store/blob-store.ts";

/** One empty place for blobs. */
export interface BlobBench {
  /** A node's view of it. */
  open(): Promise<BlobStore>;
  dispose(): Promise<void>;
}

const LIMIT = 10_000_000;
const CHUNK = 64 * 1024;

export function refOf(bytes: Uint8Array): BlobRef {
  return {
    digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
    size: bytes.length,
  };
}
export async function readAll(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}
/** The bytes in pieces of this size, as they come from a network. */
export function streamOf(bytes: Uint8Array, pieceBytes = 10_000): Readable {
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, n) =>
    bytes.subarray(n * pieceBytes, (n + 1) * pieceBytes),
  );
  return Readable.from(pieces, { objectMode: false });
}

/** What every blob store must do. */
export function blobConformance(name: string, create: () => Promise<BlobBench>): void {
  describe(`${name}: the blob contract`, () => {
    let bench: BlobBench;
    let blobs: BlobStore;
    beforeEach(async () => {
      bench = await create();
      blobs = await bench.open();
    });
    afterEach(() => bench.dispose());

    test.for([0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 8 * CHUNK, 20 * CHUNK + 7])(
      "gives %d bytes back as they were, under their own digest",
      async (size) => {
        const bytes = randomBytes(size);
        const ref = await blobs.put(streamOf(bytes), LIMIT);
        expect(ref).toEqual(refOf(bytes));
        expect((await readAll(await blobs.open(ref))).equals(bytes)).toBe(true);
        expect(await blobs.has(ref)).toBe(true);
      },
    );

    test("however the bytes are cut on their way in", async () => {
      const bytes = randomBytes(3 * CHUNK + 5);
      for (const piece of [1_000, CHUNK, 100_000, bytes.length]) {
        const ref = await blobs.put(streamOf(bytes, piece), LIMIT);
        expect((await readAll(await blobs.open(ref))).equals(bytes)).toBe(true);
      }
    });

    test("what was never stored is not there", async () => {
      const ref = refOf(Buffer.from("unknown"));
      expect(await blobs.has(ref)).toBe(false);
      await expect(blobs.open(ref)).rejects.toMatchObject({ code: "NOT_FOUND" });
      const odd = { digest: "sha256:../../etc/passwd", size: 1 } as const;
      await expect(blobs.open(odd)).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    test("takes exactly the limit, and refuses one byte more", async () => {
      const bytes = randomBytes(CHUNK + 10);
      const tooMany = streamOf(bytes);
      await expect(blobs.put(tooMany, bytes.length - 1)).rejects.toMatchObject({
        code: "ATTACHMENT_REJECTED",
      });
      expect(tooMany.destroyed).toBe(true);
      expect(await blobs.has(refOf(bytes))).toBe(false);
      expect(await blobs.put(streamOf(bytes), bytes.length)).toEqual(refOf(bytes));
    });

    test("stops reading an endless stream at the limit", async () => {
      let produced = 0;
      const endless = new Readable({
        read() {
          produced += CHUNK;
          this.push(Buffer.alloc(CHUNK));
        },
      });
      await expect(blobs.put(endless, LIMIT)).rejects.toMatchObject({
        code: "ATTACHMENT_REJECTED",
      });
      expect(produced).toBeLessThan(LIMIT + 10 * CHUNK);
    });

    test("a stream that breaks leaves nothing, and its own error comes through", async () => {
      const cut = new Error("the connection was cut");
      const broken = Readable.from(
        (function* () {
          yield Buffer.alloc(200_000);
          throw cut;
        })(),
      );
      await expect(blobs.put(broken, LIMIT)).rejects.toBe(cut);
      const aborted = new Readable({ read: () => undefined });
      aborted.push(Buffer.alloc(10));
      const putting = blobs.put(aborted, LIMIT);
      aborted.destroy();
      await expect(putting).rejects.toThrow();
    });

    test.for(["before", "during"])("can be aborted %s", async (when) => {
      const stopping = new AbortController();
      const reason = new Error("the gateway stops");
      const never = new Readable({ read: () => undefined });
      never.push(Buffer.alloc(100_000));
      if (when === "before") stopping.abort(reason);
      const putting = blobs.put(never, LIMIT, stopping.signal);
      stopping.abort(reason);
      await expect(putting).rejects.toBe(reason);
      expect(never.destroyed).toBe(true);
    });

    test("the same bytes from many sides at once", async () => {
      const bytes = randomBytes(3 * CHUNK);
      const another = await bench.open();
      const refs = await Promise.all(
        Array.from({ length: 10 }, (_, n) => (n % 2 ? blobs : another).put(streamOf(bytes), LIMIT)),
      );
      for (const ref of refs) expect(ref).toEqual(refOf(bytes));
      expect((await readAll(await another.open(refOf(bytes)))).equals(bytes)).toBe(true);
    });

    test("many different ones at once are never mixed up", async () => {
      const all = Array.from({ length: 50 }, () => randomBytes(CHUNK + 100));
      const refs = await Promise.all(all.map((bytes) => blobs.put(streamOf(bytes), LIMIT)));
      const read = await Promise.all(refs.map(async (ref) => readAll(await blobs.open(ref))));
      for (const [n, bytes] of all.entries()) expect(read[n]?.equals(bytes)).toBe(true);
    });

    test("a reader that stops early holds nothing up", async () => {
      const bytes = randomBytes(40 * CHUNK);
      const ref = await blobs.put(streamOf(bytes), LIMIT);
      const unread = await blobs.open(ref);
      unread.destroy();
      const partly = await blobs.open(ref);
      for await (const part of partly as AsyncIterable<Buffer>) {
        expect(part.length).toBeGreaterThan(0);
        break;
      }
      expect(partly.destroyed).toBe(true);
      expect((await readAll(await blobs.open(ref))).length).toBe(bytes.length);
    });

    test("a slow reader is not flooded", async () => {
      const bytes = randomBytes(100 * CHUNK);
      const stream = await blobs.open(await blobs.put(streamOf(bytes), LIMIT));
      await new Promise((resolve) => stream.once("readable", resolve));
      expect(stream.readableLength).toBeLessThanOrEqual(20 * CHUNK);
      stream.destroy();
    });

    test("survives a restart", async () => {
      const bytes = randomBytes(1_000);
      const ref = await blobs.put(streamOf(bytes), LIMIT);
      expect((await readAll(await (await bench.open()).open(ref))).equals(bytes)).toBe(true);
    });
  });
}
