import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BlobRef } from "../../src/model/message.ts";
import type { BlobStore } from "../../src/store/blob-store.ts";
import { createFolderBlobs } from "../../src/store/blobs.ts";
import { createSealer } from "../../src/store/sealer.ts";
import { TEST_KEYS } from "../support/stores.ts";
import { blobConformance, readAll, refOf, streamOf } from "./blobs.ts";

const LIMIT = 10_000_000;
const CHUNK = 64 * 1024;
const sealer = createSealer(TEST_KEYS);

function newFolder(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), "postfach-blobs-"));
}

blobConformance("folder", async () => {
  const dir = await newFolder();
  return {
    open: () => createFolderBlobs({ dir, sealer }),
    dispose: () => rm(dir, { recursive: true, force: true }),
  };
});

describe("blobs in a folder", () => {
  let dir: string;
  let blobs: BlobStore;
  const fileOf = ({ digest }: BlobRef) => {
    const hex = digest.slice(7);
    return path.join(dir, hex.slice(0, 2), hex.slice(2, 4), hex);
  };
  beforeEach(async () => {
    dir = path.join(await newFolder(), "blobs");
    blobs = await createFolderBlobs({ dir, sealer });
  });
  afterEach(() => rm(path.dirname(dir), { recursive: true, force: true }));

  async function allFiles(): Promise<string[]> {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
  }

  test("lie under their digest, sealed, readable by us alone, once for the same bytes", async () => {
    const bytes = Buffer.from("Sehr geehrte Frau Beispiel".repeat(10_000));
    const ref = await blobs.put(streamOf(bytes), LIMIT);
    await blobs.put(streamOf(bytes), LIMIT);
    expect(await allFiles()).toEqual([fileOf(ref)]);
    const kept = await readFile(fileOf(ref));
    expect(kept.includes("Beispiel")).toBe(false);
    expect((await stat(fileOf(ref))).mode & 0o777).toBe(0o600);
    expect(kept.length).toBeLessThan(bytes.length + 500);
  });

  test("nothing stays behind of what failed", async () => {
    const big = streamOf(randomBytes(300_000));
    await expect(blobs.put(big, 200_000)).rejects.toThrow();
    expect(await allFiles()).toEqual([]);
  });

  test("remains of a crash are removed at start once they are a day old", async () => {
    const old = path.join(dir, "tmp", "old");
    const young = path.join(dir, "tmp", "young");
    await writeFile(old, "x");
    await writeFile(young, "x");
    const dayAndMore = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(old, dayAndMore, dayAndMore);
    await createFolderBlobs({ dir, sealer });
    expect(await allFiles()).toEqual([young]);
  });

  test.for([
    { title: "a byte of a chunk", damage: (file: Buffer) => flip(file, file.length - CHUNK) },
    { title: "a byte of the header", damage: (file: Buffer) => flip(file, 20) },
    { title: "the magic", damage: (file: Buffer) => flip(file, 0) },
    { title: "the end cut off by a byte", damage: (file: Buffer) => file.subarray(0, -1) },
    {
      title: "the last chunk cut off",
      damage: (file: Buffer) => file.subarray(0, -(CHUNK / 2 + 16)),
    },
    { title: "a byte appended", damage: (file: Buffer) => Buffer.concat([file, Buffer.alloc(1)]) },
    { title: "two chunks exchanged", damage: exchangeChunks },
    { title: "everything gone", damage: () => Buffer.alloc(0) },
  ])("notices $title; the next `put` of the same bytes repairs it", async ({ damage }) => {
    const bytes = randomBytes(3 * CHUNK + CHUNK / 2);
    const ref = await blobs.put(streamOf(bytes), LIMIT);
    await writeFile(fileOf(ref), damage(await readFile(fileOf(ref))));
    const reading = blobs.open(ref).then(readAll);
    await expect(reading).rejects.toMatchObject({ code: "KEY_MISMATCH" });
    await blobs.put(streamOf(bytes), LIMIT);
    expect((await readAll(await blobs.open(ref))).equals(bytes)).toBe(true);
  });

  test("a file that is not whole does not count as there", async () => {
    const bytes = randomBytes(2 * CHUNK);
    const ref = await blobs.put(streamOf(bytes), LIMIT);
    await writeFile(fileOf(ref), (await readFile(fileOf(ref))).subarray(0, -5));
    expect(await blobs.has(ref)).toBe(false);
  });

  test("no verified byte is missing before the damaged one, and none comes after it", async () => {
    const bytes = randomBytes(30 * CHUNK);
    const ref = await blobs.put(streamOf(bytes), LIMIT);
    const file = await readFile(fileOf(ref));
    await writeFile(fileOf(ref), flip(file, file.length - 1));
    const seen: Buffer[] = [];
    const stream = await blobs.open(ref);
    await expect(
      (async () => {
        for await (const part of stream as AsyncIterable<Buffer>) seen.push(part);
      })(),
    ).rejects.toMatchObject({ code: "KEY_MISMATCH" });
    const read = Buffer.concat(seen);
    expect(read.length).toBeLessThan(bytes.length);
    expect(read.equals(bytes.subarray(0, read.length))).toBe(true);
  });

  test("a file under the name of another does not open: attachments are never mixed up", async () => {
    const [one, two] = [randomBytes(CHUNK), randomBytes(CHUNK)];
    const first = await blobs.put(streamOf(one), LIMIT);
    const second = await blobs.put(streamOf(two), LIMIT);
    await rename(fileOf(first), fileOf(second));
    await expect(blobs.open(second)).rejects.toMatchObject({ code: "KEY_MISMATCH" });
    expect(await blobs.has(second)).toBe(false);
  });

  test("the size is part of the name", async () => {
    const ref = await blobs.put(streamOf(randomBytes(100)), LIMIT);
    await expect(blobs.open({ ...ref, size: 99 })).rejects.toMatchObject({ code: "KEY_MISMATCH" });
  });

  test("a rotated key still opens; a key that is gone is named", async () => {
    const bytes = randomBytes(1_000);
    const ref = await blobs.put(streamOf(bytes), LIMIT);
    const fresh = { id: "test-2", secret: Buffer.alloc(32, 5) };
    const rotated = await createFolderBlobs({ dir, sealer: createSealer([fresh, ...TEST_KEYS]) });
    expect((await readAll(await rotated.open(ref))).equals(bytes)).toBe(true);
    const without = await createFolderBlobs({ dir, sealer: createSealer([fresh]) });
    await expect(without.open(refOf(bytes))).rejects.toThrow(/test-1/);
  });

  test("a folder that cannot be used is reported as such", async () => {
    await rm(dir, { recursive: true });
    await writeFile(dir, "in the way");
    await expect(blobs.put(streamOf(randomBytes(10)), LIMIT)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
  });
});

function flip(file: Buffer, at: number): Buffer {
  file.writeUInt8(file.readUInt8(at) ^ 0x01, at);
  return file;
}
function exchangeChunks(file: Buffer): Buffer {
  const stride = CHUNK + 16;
  const start = file.length - (3 * stride + CHUNK / 2 + 16);
  const first = Buffer.from(file.subarray(start, start + stride));
  file.copyWithin(start, start + stride, start + 2 * stride);
  first.copy(file, start + stride);
  return file;
}
