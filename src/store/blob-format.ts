import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { GatewayError } from "../model/errors.ts";
import type { BlobRef } from "../model/message.ts";
import type { Sealer } from "./keys.ts";

/**
 * A blob on disk: header, then chunks. Header: magic "PFBLOB", version (1 byte), chunk size (4 bytes, big endian),
 * length of the wrapped key (2 bytes), the data key wrapped by the Sealer (which puts its key id in front). The wrapped
 * key is bound to digest and size: a file under another blob's name does not open. Chunks: AES-256-GCM with a data key
 * of the blob's own, the chunk's number as nonce, and whether it is the last one authenticated with it, so that
 * truncation, reordering and appending are noticed (the idea of STREAM, Hoang et al. 2015, "Online
 * Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance").
 */
const MAGIC = Buffer.from("PFBLOB", "ascii");
const VERSION = 1;
const FIXED_HEADER = MAGIC.length + 1 + 4 + 2;
const MAX_WRAPPED_KEY = 1_024;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
/** Plaintext bytes per chunk. */
export const CHUNK_BYTES = 64 * 1024;
/** Bytes in which a whole header surely fits. */
export const MAX_HEADER = FIXED_HEADER + MAX_WRAPPED_KEY;

export function newDataKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

export function headerFor(dataKey: Uint8Array, ref: BlobRef, sealer: Sealer): Buffer {
  const wrapped = sealer.seal(dataKey, contextOf(ref));
  if (wrapped.length > MAX_WRAPPED_KEY)
    throw new GatewayError("INTERNAL", "the wrapped key of a blob is too long");
  const fixed = Buffer.alloc(FIXED_HEADER);
  MAGIC.copy(fixed);
  fixed.writeUInt8(VERSION, MAGIC.length);
  fixed.writeUInt32BE(CHUNK_BYTES, MAGIC.length + 1);
  fixed.writeUInt16BE(wrapped.length, MAGIC.length + 5);
  return Buffer.concat([fixed, wrapped]);
}

/** How long the header will be, before there is anything to put into it. */
export function headerLength(sealer: Sealer): number {
  return FIXED_HEADER + sealer.seal(Buffer.alloc(KEY_BYTES), "length").length;
}

export interface BlobHeader {
  readonly dataKey: Uint8Array;
  /** Where the first chunk begins. */
  readonly length: number;
  readonly chunkBytes: number;
}

/** Throws KEY_MISMATCH when it is not the header of this very blob. */
export function readHeader(bytes: Buffer, ref: BlobRef, sealer: Sealer): BlobHeader {
  const isOurs =
    bytes.length >= FIXED_HEADER &&
    bytes.subarray(0, MAGIC.length).equals(MAGIC) &&
    bytes[MAGIC.length] === VERSION;
  if (!isOurs) throw new GatewayError("KEY_MISMATCH", `blob ${ref.digest} has no header of ours`);
  const chunkBytes = bytes.readUInt32BE(MAGIC.length + 1);
  const length = FIXED_HEADER + bytes.readUInt16BE(MAGIC.length + 5);
  if (bytes.length < length || chunkBytes !== CHUNK_BYTES)
    throw new GatewayError("KEY_MISMATCH", `the header of blob ${ref.digest} is damaged`);
  const dataKey = sealer.open(bytes.subarray(FIXED_HEADER, length), contextOf(ref));
  return { dataKey, length, chunkBytes };
}

/** Size of the whole file for a plaintext of this size; an empty blob has one empty chunk. */
export function fileSize(header: Pick<BlobHeader, "length">, plainSize: number): number {
  return header.length + plainSize + chunkCount(plainSize) * TAG_BYTES;
}

export function chunkCount(plainSize: number): number {
  return Math.max(1, Math.ceil(plainSize / CHUNK_BYTES));
}

export function sealChunk(
  dataKey: Uint8Array,
  index: number,
  isLast: boolean,
  plain: Uint8Array,
): readonly [Buffer, Buffer] {
  const cipher = createCipheriv("aes-256-gcm", dataKey, nonceOf(index));
  cipher.setAAD(lastFlag(isLast));
  const body = cipher.update(plain);
  cipher.final();
  return [body, cipher.getAuthTag()];
}

/** `sealed`: ciphertext and tag. Throws KEY_MISMATCH when anything was changed. */
export function openChunk(
  dataKey: Uint8Array,
  index: number,
  isLast: boolean,
  sealed: Buffer,
): Buffer {
  const end = sealed.length - TAG_BYTES;
  if (end < 0) throw new GatewayError("KEY_MISMATCH", "a blob is cut off");
  const decipher = createDecipheriv("aes-256-gcm", dataKey, nonceOf(index));
  decipher.setAAD(lastFlag(isLast));
  decipher.setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch (cause) {
    throw new GatewayError("KEY_MISMATCH", `chunk ${String(index)} of a blob was changed`, {
      cause,
    });
  }
  return plain;
}

function contextOf(ref: BlobRef): string {
  return `blob/${ref.digest}/${String(ref.size)}`;
}
function lastFlag(isLast: boolean): Uint8Array {
  return Uint8Array.of(isLast ? 1 : 0);
}
function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(index, NONCE_BYTES - 6, 6);
  return nonce;
}
