/**
 * The algorithms of OSCI-Transport 1.2 that this bridge speaks (facts §3.2), by their URIs. The only list; frozen. Hash
 * functions and key lengths are those of the gateway's preset (`src/guard/crypto.ts`); SHA-1, RIPEMD-160, 3DES and
 * `rsa-oaep-mgf1p` are not here on purpose.
 */
import { CRYPTO } from "../../../src/guard/crypto.ts";

type HashName = (typeof CRYPTO.hashes)[number];

const XMLENC = "http://www.w3.org/2001/04/xmlenc#";
const XMLENC11 = "http://www.w3.org/2009/xmlenc11#";
const XMLDSIG_MORE_2001 = "http://www.w3.org/2001/04/xmldsig-more#";
const XMLDSIG_MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#";

export const DIGESTS: Readonly<Record<string, HashName>> = Object.freeze({
  [`${XMLENC}sha256`]: "sha256",
  [`${XMLENC}sha512`]: "sha512",
  [`${XMLDSIG_MORE_2007}sha3-256`]: "sha3-256",
  [`${XMLDSIG_MORE_2007}sha3-384`]: "sha3-384",
  [`${XMLDSIG_MORE_2007}sha3-512`]: "sha3-512",
});

export interface SignatureAlgorithm {
  /** rsa: PKCS#1 v1.5. pss: salt as long as the digest, MGF1 with the same hash. ecdsa: raw r‖s. */
  readonly scheme: "rsa" | "pss" | "ecdsa";
  readonly hash: HashName;
}
export const SIGNATURES: Readonly<Record<string, SignatureAlgorithm>> = Object.freeze({
  [`${XMLDSIG_MORE_2001}rsa-sha256`]: { scheme: "rsa", hash: "sha256" },
  [`${XMLDSIG_MORE_2001}rsa-sha512`]: { scheme: "rsa", hash: "sha512" },
  [`${XMLDSIG_MORE_2007}sha256-rsa-MGF1`]: { scheme: "pss", hash: "sha256" },
  [`${XMLDSIG_MORE_2007}sha512-rsa-MGF1`]: { scheme: "pss", hash: "sha512" },
  [`${XMLDSIG_MORE_2007}sha3-256-rsa-MGF1`]: { scheme: "pss", hash: "sha3-256" },
  [`${XMLDSIG_MORE_2007}sha3-384-rsa-MGF1`]: { scheme: "pss", hash: "sha3-384" },
  [`${XMLDSIG_MORE_2007}sha3-512-rsa-MGF1`]: { scheme: "pss", hash: "sha3-512" },
  [`${XMLDSIG_MORE_2001}ecdsa-sha256`]: { scheme: "ecdsa", hash: "sha256" },
  [`${XMLDSIG_MORE_2001}ecdsa-sha512`]: { scheme: "ecdsa", hash: "sha512" },
});

/** Curves of ECDSA keys, as `node:crypto` names them (BSI TR-02102-1: at least 250 bits). */
export const CURVES: readonly string[] = Object.freeze([
  "prime256v1",
  "secp384r1",
  "secp521r1",
  "brainpoolP256r1",
  "brainpoolP384r1",
  "brainpoolP512r1",
]);

export interface SymmetricCipher {
  readonly name:
    "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" | "aes-128-cbc" | "aes-192-cbc" | "aes-256-cbc";
  readonly mode: "gcm" | "cbc";
  readonly keyBytes: 16 | 24 | 32;
  /** Only when the account allows it: no integrity, known padding oracle (CVE-2017-10668). */
  readonly legacy: boolean;
}
export const CIPHERS: Readonly<Record<string, SymmetricCipher>> = Object.freeze({
  [`${XMLENC11}aes128-gcm`]: { name: "aes-128-gcm", mode: "gcm", keyBytes: 16, legacy: false },
  [`${XMLENC11}aes192-gcm`]: { name: "aes-192-gcm", mode: "gcm", keyBytes: 24, legacy: false },
  [`${XMLENC11}aes256-gcm`]: { name: "aes-256-gcm", mode: "gcm", keyBytes: 32, legacy: false },
  [`${XMLENC}aes128-cbc`]: { name: "aes-128-cbc", mode: "cbc", keyBytes: 16, legacy: true },
  [`${XMLENC}aes192-cbc`]: { name: "aes-192-cbc", mode: "cbc", keyBytes: 24, legacy: true },
  [`${XMLENC}aes256-cbc`]: { name: "aes-256-cbc", mode: "cbc", keyBytes: 32, legacy: true },
});

/** RSA-OAEP: digest and MGF1 hash are always both written and equal (facts §3.2, §8.4). */
export const OAEP = `${XMLENC11}rsa-oaep`;
export const OAEP_HASHES: Readonly<Record<"sha256" | "sha512", { mgf: string; digest: string }>> =
  Object.freeze({
    sha256: { mgf: `${XMLENC11}mgf1sha256`, digest: `${XMLENC}sha256` },
    sha512: { mgf: `${XMLENC11}mgf1sha512`, digest: `${XMLENC}sha512` },
  });
/** Legacy, only when the account allows it. */
export const RSA_1_5 = `${XMLENC}rsa-1_5`;

export const DEFAULT_DIGEST = `${XMLENC}sha256`;
export const DEFAULT_CIPHER = `${XMLENC11}aes256-gcm`;

/** What one account allows beyond the standard set, for reading and for writing. */
export interface LegacyPolicy {
  readonly cbc: boolean;
  readonly rsa15: boolean;
}
export const NO_LEGACY: LegacyPolicy = Object.freeze({ cbc: false, rsa15: false });

/** The table's entry, and nothing that `Object.prototype` would answer. */
export function lookUp<T>(table: Readonly<Record<string, T>>, uri: string): T | undefined {
  return Object.hasOwn(table, uri) ? table[uri] : undefined;
}

export { CRYPTO };
