import type { X509Certificate } from "node:crypto";
import { GatewayError } from "../../src/model/errors.ts";
import type { OAEP_HASHES, LegacyPolicy } from "./wire/algorithms.ts";
import type { CipherMethod } from "./wire/cipher.ts";
import type { KeyTransport } from "./wire/key-transport.ts";

/** Which of the allowed algorithms one account writes with, by the names that stand in its settings (facts §3.2). */
export interface Suite {
  readonly method: CipherMethod;
  readonly transport: KeyTransport;
  /** URI. */
  readonly signature: string;
  /** URI. */
  readonly digest: string;
  readonly legacy: LegacyPolicy;
}

const XMLENC = "http://www.w3.org/2001/04/xmlenc#";
const XMLENC11 = "http://www.w3.org/2009/xmlenc11#";
const MORE_2001 = "http://www.w3.org/2001/04/xmldsig-more#";
const MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#";

export const CIPHER_NAMES = [
  "aes256-gcm",
  "aes192-gcm",
  "aes128-gcm",
  "aes256-cbc",
  "aes192-cbc",
  "aes128-cbc",
] as const;
export const SIGNATURE_NAMES = [
  "rsa-sha256",
  "rsa-sha512",
  "rsa-pss-sha256",
  "rsa-pss-sha512",
  "rsa-pss-sha3-256",
  "ecdsa-sha256",
  "ecdsa-sha512",
] as const;
type SignatureName = (typeof SIGNATURE_NAMES)[number];

const SIGNATURE_URIS: Readonly<Record<SignatureName, string>> = {
  "rsa-sha256": `${MORE_2001}rsa-sha256`,
  "rsa-sha512": `${MORE_2001}rsa-sha512`,
  "rsa-pss-sha256": `${MORE_2007}sha256-rsa-MGF1`,
  "rsa-pss-sha512": `${MORE_2007}sha512-rsa-MGF1`,
  "rsa-pss-sha3-256": `${MORE_2007}sha3-256-rsa-MGF1`,
  "ecdsa-sha256": `${MORE_2001}ecdsa-sha256`,
  "ecdsa-sha512": `${MORE_2001}ecdsa-sha512`,
};

export interface SuiteSettings {
  readonly cipher: (typeof CIPHER_NAMES)[number];
  readonly ivLength: 12 | 16;
  readonly digest: "sha256" | "sha512" | "sha3-256" | "sha3-384" | "sha3-512";
  readonly signature?: SignatureName | undefined;
  readonly oaepHash: keyof typeof OAEP_HASHES;
  readonly legacy: LegacyPolicy;
}

/** @throws GatewayError CONFIG_INVALID when the signature method does not fit the key */
export function suiteOf(settings: SuiteSettings, signer: X509Certificate): Suite {
  const { cipher, ivLength, digest, oaepHash, legacy } = settings;
  const kind = signer.publicKey.asymmetricKeyType === "ec" ? "ecdsa" : "rsa";
  const signature = settings.signature ?? `${kind}-sha256`;
  if (!signature.startsWith(kind))
    throw new GatewayError(
      "CONFIG_INVALID",
      `crypto.signature: ${signature} does not fit the signature key, which is ${kind.toUpperCase()}`,
    );
  const cipherSpace = cipher.endsWith("-gcm") ? XMLENC11 : XMLENC;
  const digestSpace = digest.startsWith("sha3-") ? MORE_2007 : XMLENC;
  return {
    method: { uri: cipherSpace + cipher, ivLength },
    transport: { kind: "oaep", hash: oaepHash },
    signature: SIGNATURE_URIS[signature],
    digest: digestSpace + digest,
    legacy,
  };
}
