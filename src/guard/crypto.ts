/**
 * The one place that says which cryptography this gateway speaks. Frozen; nothing else names a suite or a length.
 *
 * - BSI TR-02102-1, version 2026-01 (lengths of keys, hash functions, MAC)
 * - BSI TR-02102-2, version 2026-01 (TLS 1.2 until 2031, TLS 1.3; suites with forward secrecy and AEAD)
 * - BSI TR-03116-4, edition 24.01.2022 (communication of federal projects: TLS 1.2 or newer, no compression, no
 *   renegotiation)
 */
export const CRYPTO = Object.freeze({
  documents: Object.freeze([
    Object.freeze({ id: "BSI TR-02102-1", version: "2026-01" }),
    Object.freeze({ id: "BSI TR-02102-2", version: "2026-01" }),
    Object.freeze({ id: "BSI TR-03116-4", version: "2022-01-24" }),
  ]),
  tls: Object.freeze({
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    /** TLS 1.3 first, then TLS 1.2; OpenSSL names. */
    ciphers: [
      "TLS_AES_256_GCM_SHA384",
      "TLS_AES_128_GCM_SHA256",
      "ECDHE-ECDSA-AES256-GCM-SHA384",
      "ECDHE-RSA-AES256-GCM-SHA384",
      "ECDHE-ECDSA-AES128-GCM-SHA256",
      "ECDHE-RSA-AES128-GCM-SHA256",
    ].join(":"),
    groups: "secp384r1:secp256r1:brainpoolP384r1:brainpoolP256r1:secp521r1",
    signatures: [
      "rsa_pss_rsae_sha512",
      "rsa_pss_rsae_sha384",
      "rsa_pss_rsae_sha256",
      "ecdsa_secp384r1_sha384",
      "ecdsa_secp256r1_sha256",
      "ecdsa_secp521r1_sha512",
      // PKCS #1 v1.5: TLS 1.3 uses it in certificates only, TLS 1.2 peers of the old world still sign with it.
      "rsa_pkcs1_sha512",
      "rsa_pkcs1_sha384",
      "rsa_pkcs1_sha256",
    ].join(":"),
  }),
  rsa: Object.freeze({
    /** Required by TR-02102-1 since 2024; a shorter key is pointed out by `check`. */
    recommendedBits: 3000,
    /** Shorter keys are refused. Certificates that legacy systems issued before 2024 have 2048 bits and live for years. */
    minBits: 2048,
  }),
  /** Names as `node:crypto` knows them; SHA-1 and MD5 are not here on purpose. */
  hashes: Object.freeze(["sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"]),
  /** Length of a MAC that we cut, bytes (TR-02102-1: at least 96 bits). */
  macBytes: 16,
} as const);

/** What every TLS connection of the gateway is made with, both as client and as server. */
export const TLS_OPTIONS = Object.freeze({
  minVersion: CRYPTO.tls.minVersion,
  maxVersion: CRYPTO.tls.maxVersion,
  ciphers: CRYPTO.tls.ciphers,
  ecdhCurve: CRYPTO.tls.groups,
  sigalgs: CRYPTO.tls.signatures,
  honorCipherOrder: true,
} as const);

/** Throws for a hash that the preset does not allow. */
export function requireHash(name: string): string {
  const wanted = name.toLowerCase();
  if (!CRYPTO.hashes.includes(wanted as (typeof CRYPTO.hashes)[number]))
    throw new RangeError(`hash ${name} is not allowed by the crypto preset`);
  return wanted;
}
