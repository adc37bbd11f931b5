import {
  constants,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  type KeyObject,
  type X509Certificate,
} from "node:crypto";
import { OAEP, OAEP_HASHES, RSA_1_5, type LegacyPolicy } from "./algorithms.ts";
import { CRYPTO } from "./algorithms.ts";
import { forbiddenAlgorithm, OsciError, undecryptable } from "./errors.ts";

export type OaepHash = keyof typeof OAEP_HASHES;

/** How a session key is wrapped for one reader. */
export type KeyTransport =
  { readonly kind: "oaep"; readonly hash: OaepHash } | { readonly kind: "rsa-1_5" };

export const DEFAULT_KEY_TRANSPORT: KeyTransport = Object.freeze({ kind: "oaep", hash: "sha256" });

/** What `xenc:EncryptionMethod` of an EncryptedKey says, as URIs. */
export interface KeyTransportUris {
  readonly algorithm: string;
  readonly mgf: string | undefined;
  readonly digest: string | undefined;
}

/**
 * The transport that the URIs name. MGF and digest must both be there and be of one hash (facts §2.3, §8.4). Throws
 * 9202.
 */
export function keyTransportOf(uris: KeyTransportUris, legacy: LegacyPolicy): KeyTransport {
  if (uris.algorithm === RSA_1_5 && legacy.rsa15) return { kind: "rsa-1_5" };
  if (uris.algorithm === OAEP)
    for (const hash of ["sha256", "sha512"] as const) {
      const { mgf, digest } = OAEP_HASHES[hash];
      if (uris.mgf === mgf && uris.digest === digest) return { kind: "oaep", hash };
    }
  throw forbiddenAlgorithm("the key transport", "9202");
}

export function urisOf(transport: KeyTransport): KeyTransportUris {
  if (transport.kind === "rsa-1_5")
    return { algorithm: RSA_1_5, mgf: undefined, digest: undefined };
  return { algorithm: OAEP, ...OAEP_HASHES[transport.hash] };
}

/** Bytes of a key wrapped for this certificate: those of its modulus. Throws CERTIFICATE_INVALID when it is not RSA. */
export function wrappedSize(certificate: X509Certificate): number {
  const { publicKey } = certificate;
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (publicKey.asymmetricKeyType !== "rsa" || bits < CRYPTO.rsa.minBits)
    throw new OsciError(
      "CERTIFICATE_INVALID",
      "9500",
      `a cipher certificate needs an RSA key of at least ${String(CRYPTO.rsa.minBits)} bits`,
    );
  return Math.ceil(bits / 8);
}

export function wrapKey(
  certificate: X509Certificate,
  key: Uint8Array,
  transport: KeyTransport,
): Buffer {
  wrappedSize(certificate);
  return publicEncrypt({ key: certificate.publicKey, ...paddingOf(transport) }, key);
}

/**
 * Unwraps a session key of `keyBytes` bytes. With `rsa-1_5` a wrong padding yields a random key, as if it were right:
 * the failure then shows where every other one does, at the end of the data (Bleichenbacher's oracle).
 */
export function unwrapKey(
  privateKey: KeyObject,
  wrapped: Uint8Array,
  transport: KeyTransport,
  keyBytes: number,
): Buffer {
  const fallback = randomBytes(keyBytes);
  try {
    const key = privateDecrypt({ key: privateKey, ...paddingOf(transport) }, wrapped);
    if (key.length === keyBytes) return key;
  } catch {
    // Falls through: the reason must not show.
  }
  if (transport.kind === "oaep") throw undecryptable();
  return fallback;
}

function paddingOf(transport: KeyTransport): { padding: number; oaepHash?: string } {
  if (transport.kind === "rsa-1_5") return { padding: constants.RSA_PKCS1_PADDING };
  // Node takes the hash of OAEP for MGF1 too.
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: transport.hash };
}
