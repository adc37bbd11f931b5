import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { GatewayError } from "../model/errors.ts";
import type { Sealer } from "./keys.ts";
import type { Store } from "./store.ts";

/**
 * Form of a sealed value: version (1 byte), length of the key id (1 byte), key id, nonce (12 bytes), ciphertext, tag
 * (16 bytes). Version, key id and context are authenticated too. AES-256-GCM (NIST SP 800-38D) with random nonces: one
 * key must not seal more than 2^32 values (§8.3), so add a new key in front of the list long before that.
 */
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const MAX_KEY_ID = 255;
const FIXED_BYTES = 2 + NONCE_BYTES + TAG_BYTES;

/** Where the derivation key lies in the store. Created once, never changed: pseudonyms hang on it. */
const DERIVATION_FACT = { scope: "gateway", key: "derivation-key" } as const;

export interface SealKey {
  readonly id: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/**
 * The first key seals, all of them open. Without a derivation key `derive` throws KEY_MISMATCH; the gateway gets its
 * complete sealer from `openSealer`. Throws CONFIG_INVALID for a key that is not usable.
 */
export function createSealer(keys: readonly SealKey[], derivationKey?: Uint8Array): Sealer {
  const byId = new Map(keys.map((key) => [key.id, importKey(key)]));
  const [first] = byId;
  if (!first) throw new GatewayError("CONFIG_INVALID", "no key is configured");
  if (byId.size !== keys.length)
    throw new GatewayError("CONFIG_INVALID", "two keys have the same id");
  const [id, secret] = first;
  const header = headerOf(id);
  return {
    seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", secret, nonce);
      cipher.setAAD(Buffer.concat([header, Buffer.from(context, "utf8")]));
      const body = cipher.update(plain);
      cipher.final();
      return Buffer.concat([header, nonce, body, cipher.getAuthTag()]);
    },
    open: (sealed, context) => openSealed(byId, sealed, context),
    derive(purpose) {
      if (!derivationKey)
        throw new GatewayError("KEY_MISMATCH", "the derivation key was not read from the store");
      return new Uint8Array(hkdfSync("sha256", derivationKey, "", purpose, KEY_BYTES));
    },
  };
}

/**
 * The complete sealer of a running gateway: reads the derivation key from the open store, which keeps it sealed, and
 * creates it at the very first start. Throws KEY_MISMATCH when the store was written with keys that are not configured.
 */
export async function openSealer(store: Store, keys: readonly SealKey[]): Promise<Sealer> {
  const fresh = randomBytes(KEY_BYTES).toString("base64");
  const kept = await store.claimFact(DERIVATION_FACT.scope, DERIVATION_FACT.key, fresh);
  return createSealer(keys, Buffer.from(kept, "base64"));
}

function openSealed(
  keys: ReadonlyMap<string, KeyObject>,
  sealed: Uint8Array,
  context: string,
): Uint8Array {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const { id, body } = splitHeader(bytes, context);
  const secret = keys.get(id);
  if (!secret)
    throw new GatewayError("KEY_MISMATCH", `sealed with key '${id}', which is not configured`);
  const nonce = body.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", secret, nonce);
  decipher.setAAD(Buffer.concat([headerOf(id), Buffer.from(context, "utf8")]));
  decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
  const plain = decipher.update(body.subarray(NONCE_BYTES, body.length - TAG_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    const message = `'${context}' does not open with key '${id}': changed, moved, or another key`;
    throw new GatewayError("KEY_MISMATCH", message, { cause });
  }
  return plain;
}

function splitHeader(bytes: Buffer, context: string): { id: string; body: Buffer } {
  const idLength = bytes[1] ?? 0;
  if (bytes[0] !== VERSION || bytes.length < FIXED_BYTES + idLength)
    throw new GatewayError("KEY_MISMATCH", `'${context}' is not a sealed value`);
  const idEnd = 2 + idLength;
  return { id: bytes.toString("utf8", 2, idEnd), body: bytes.subarray(idEnd) };
}

function headerOf(id: string): Buffer {
  const idBytes = Buffer.from(id, "utf8");
  return Buffer.concat([Buffer.from([VERSION, idBytes.length]), idBytes]);
}

function importKey(key: SealKey): KeyObject {
  const idLength = Buffer.byteLength(key.id, "utf8");
  if (idLength === 0 || idLength > MAX_KEY_ID)
    throw new GatewayError("CONFIG_INVALID", `a key id has 1 to ${String(MAX_KEY_ID)} bytes`);
  if (key.secret.length !== KEY_BYTES)
    throw new GatewayError("CONFIG_INVALID", `key '${key.id}' must have 32 bytes`);
  return createSecretKey(key.secret);
}
