import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { GatewayError } from "../model/errors.ts";
import { newId } from "../model/id.ts";
import type { BlobRef } from "../model/message.ts";
import type { BlobStore } from "./blob-store.ts";
import { openBlobFile, readBlob } from "./blob-reader.ts";
import { BodyFailure, writeBlob } from "./blob-writer.ts";
import type { Sealer } from "./keys.ts";

/** Unfinished files of a crash are removed at start once they are this old: a running node may write younger ones. */
const LEFTOVER_MS = 24 * 60 * 60 * 1000;
const TEMPORARY = "tmp";

export interface FolderBlobsOptions {
  /** Created when missing. Several nodes may share it. */
  readonly dir: string;
  readonly sealer: Sealer;
}

/**
 * Blobs as files: `ab/cd/<sha256 of the plaintext>`. The name is known only at the end, so a blob is first written
 * beside (`tmp/`), synced, then renamed: a file under its name is always whole.
 */
export async function createFolderBlobs(options: FolderBlobsOptions): Promise<BlobStore> {
  const { dir, sealer } = options;
  const temporary = path.join(dir, TEMPORARY);
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  await removeLeftovers(temporary);
  return {
    async put(body, limit, signal) {
      const file = path.join(temporary, newId());
      try {
        const ref = await writeBlob(file, body, { limit, sealer, signal });
        await publish(dir, file, ref);
        return ref;
      } catch (error) {
        body.destroy();
        await rm(file, { force: true }).catch(() => undefined);
        throw error instanceof BodyFailure ? error.cause : storageError(error);
      }
    },
    async open(ref) {
      const blob = await openBlobFile(pathOf(dir, ref), ref, sealer).catch(throwStorageError);
      if (!blob) throw new GatewayError("NOT_FOUND", `there is no blob ${ref.digest}`);
      return readBlob(blob, ref);
    },
    has: (ref) => isWhole(dir, ref, sealer),
  };
}

async function isWhole(dir: string, ref: BlobRef, sealer: Sealer): Promise<boolean> {
  try {
    const blob = await openBlobFile(pathOf(dir, ref), ref, sealer);
    await blob?.file.close();
    return blob !== undefined;
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw storageError(error);
  }
}

/**
 * Renamed, and the rename itself on disk. Bytes that are known already are replaced: that is one rename, repairs a file
 * that was damaged meanwhile, and whoever is reading the old one goes on reading it.
 */
async function publish(dir: string, file: string, ref: BlobRef): Promise<void> {
  const target = pathOf(dir, ref);
  const inner = path.dirname(target);
  await mkdir(inner, { recursive: true, mode: 0o700 });
  await rename(file, target);
  // All three, always: another writer may have made a folder a moment ago and not be that far yet.
  for (const folder of [inner, path.dirname(inner), dir]) await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeLeftovers(temporary: string): Promise<void> {
  const oldest = Date.now() - LEFTOVER_MS;
  for (const name of await readdir(temporary)) {
    const file = path.join(temporary, name);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs < oldest) await rm(file, { force: true });
  }
}

function pathOf(dir: string, ref: BlobRef): string {
  const hex = ref.digest.slice("sha256:".length);
  if (!/^[0-9a-f]{64}$/.test(hex))
    throw new GatewayError("NOT_FOUND", "this is not the digest of a blob");
  return path.join(dir, hex.slice(0, 2), hex.slice(2, 4), hex);
}

function throwStorageError(error: unknown): never {
  throw storageError(error);
}

/** STORE_UNAVAILABLE for what the disk says; anything else is ours already. */
function storageError(error: unknown): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  const message = `the attachment folder: ${error.message}`;
  return new GatewayError("STORE_UNAVAILABLE", message, { cause: error });
}
