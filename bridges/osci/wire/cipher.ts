import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  type CipherGCM,
  type CipherGCMTypes,
  type DecipherGCM,
} from "node:crypto";
import { CIPHERS, lookUp, type LegacyPolicy, type SymmetricCipher } from "./algorithms.ts";
import { forbiddenAlgorithm, undecryptable } from "./errors.ts";
import { paced, sourceOf, type ByteStream, type SizedSource } from "./stream.ts";

const tagBytes = 16;
const blockBytes = 16;

/** IV in front of the ciphertext, bytes: 12 since library 2.0.1, 16 before and for CBC (facts §3.2). */
export type IvLength = 12 | 16;

/** How one piece of data is enciphered. */
export interface CipherMethod {
  readonly uri: string;
  readonly ivLength: IvLength;
}
/** A key for exactly one piece of data: the pair of key and IV is never used for other bytes. */
export interface SessionKey extends CipherMethod {
  readonly key: Buffer;
  readonly iv: Buffer;
}

/** The cipher behind a URI. Throws 9202 for one that is not on the list, or is legacy and not allowed. */
export function cipherOf({ uri, ivLength }: CipherMethod, legacy: LegacyPolicy): SymmetricCipher {
  const cipher = lookUp(CIPHERS, uri);
  if (cipher === undefined || (cipher.legacy && !legacy.cbc))
    throw forbiddenAlgorithm("the symmetric cipher", "9202");
  if (cipher.mode === "cbc" && ivLength !== blockBytes) throw undecryptable();
  return cipher;
}

export function newSessionKey(method: CipherMethod, legacy: LegacyPolicy): SessionKey {
  const { keyBytes } = cipherOf(method, legacy);
  return { ...method, key: randomBytes(keyBytes), iv: randomBytes(method.ivLength) };
}

/** IV‖ciphertext‖tag of `plain`. Opening it again gives the same bytes: the source must then be the same too. */
export function encrypted(
  plain: SizedSource,
  session: SessionKey,
  legacy: LegacyPolicy,
): SizedSource {
  const { name, mode } = cipherOf(session, legacy);
  return {
    size: encryptedSize(plain.size, mode, session.ivLength),
    async *open() {
      yield session.iv;
      if (mode === "gcm") {
        const cipher = createGcm(name, session);
        for await (const chunk of paced(plain.open())) yield cipher.update(chunk);
        cipher.final();
        yield cipher.getAuthTag();
        return;
      }
      const cipher = createCipheriv(name, session.key, session.iv);
      for await (const chunk of paced(plain.open())) yield cipher.update(chunk);
      yield cipher.final();
    },
  };
}

function createGcm(name: string, { key, iv }: SessionKey): CipherGCM {
  return createCipheriv(name as CipherGCMTypes, key, iv);
}

function encryptedSize(plain: number, mode: SymmetricCipher["mode"], ivLength: number): number {
  if (mode === "gcm") return ivLength + plain + tagBytes;
  return ivLength + plain + blockBytes - (plain % blockBytes);
}

/**
 * Undoes `encrypted`. What it yields is not authenticated before the sequence has ended: whoever uses it must not act
 * on it earlier. Every failure is the one `undecryptable()`.
 */
export async function* decrypted(
  source: ByteStream,
  method: CipherMethod,
  key: Buffer,
  legacy: LegacyPolicy,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const cipher = cipherOf(method, legacy);
  if (key.length !== cipher.keyBytes) throw undecryptable();
  const trailer = cipher.mode === "gcm" ? tagBytes : blockBytes;
  let held: Buffer = Buffer.alloc(0);
  let open: Opener | undefined;
  for await (const chunk of paced(source, signal)) {
    let rest = chunk;
    if (open === undefined || chunk.length < trailer) {
      rest = Buffer.concat([held, chunk]);
      held = Buffer.alloc(0);
    }
    if (open === undefined) {
      if (rest.length < method.ivLength) {
        held = rest;
        continue;
      }
      open = openerOf(cipher, key, rest.subarray(0, method.ivLength));
      rest = rest.subarray(method.ivLength);
    }
    // The last bytes wait: they are the tag, or the block with the padding. `held` is what waited so far.
    const ready = Math.max(0, rest.length - trailer);
    if (held.length > 0) yield open.update(held);
    if (ready > 0) yield open.update(rest.subarray(0, ready));
    held = Buffer.from(rest.subarray(ready));
  }
  if (open === undefined || held.length !== trailer) throw undecryptable();
  const last = open.finish(held);
  if (last.length > 0) yield last;
}

/** As `decrypted`, for what is small enough to be in memory. */
export function decryptedBytes(
  bytes: Uint8Array,
  method: CipherMethod,
  key: Buffer,
  legacy: LegacyPolicy,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  return decrypted(sourceOf(bytes).open(), method, key, legacy, signal);
}

interface Opener {
  update(chunk: Buffer): Buffer;
  finish(trailer: Buffer): Buffer;
}

function openerOf(cipher: SymmetricCipher, key: Buffer, iv: Buffer): Opener {
  return cipher.mode === "gcm" ? openGcm(cipher.name, key, iv) : openCbc(cipher.name, key, iv);
}

function openGcm(name: string, key: Buffer, iv: Buffer): Opener {
  const decipher: DecipherGCM = createDecipheriv(name as CipherGCMTypes, key, iv, {
    authTagLength: tagBytes,
  });
  return {
    update: (chunk) => decipher.update(chunk),
    finish(tag) {
      try {
        decipher.setAuthTag(tag);
        return decipher.final();
      } catch {
        throw undecryptable();
      }
    },
  };
}

/** XML Encryption trusts only the last byte of the padding (XMLEnc 1.1 §5.2.2); the library writes PKCS#7 bytes. */
function openCbc(name: string, key: Buffer, iv: Buffer): Opener {
  const decipher = createDecipheriv(name, key, iv).setAutoPadding(false);
  return {
    update: (chunk) => decipher.update(chunk),
    finish(block) {
      const plain = decipher.update(block);
      const padding = plain.at(-1) ?? 0;
      if (!endsOnBlock(decipher) || padding < 1 || padding > blockBytes) throw undecryptable();
      return plain.subarray(0, plain.length - padding);
    },
  };
}

function endsOnBlock(decipher: ReturnType<typeof createDecipheriv>): boolean {
  try {
    return decipher.final().length === 0;
  } catch {
    return false;
  }
}
