import { constants, sign, verify, type KeyObject, type X509Certificate } from "node:crypto";
import { CRYPTO, CURVES, lookUp, SIGNATURES, type SignatureAlgorithm } from "./algorithms.ts";
import { badSignature, forbiddenAlgorithm, OsciError } from "./errors.ts";
import { maySign } from "./key-usage.ts";

/** Signs `data`. Throws 9601 for an algorithm or key that is not on the list. */
export function signBytes(uri: string, privateKey: KeyObject, data: Uint8Array): Buffer {
  const algorithm = signatureAlgorithmOf(uri);
  requireKey(algorithm, privateKey);
  return sign(algorithm.hash, data, { key: privateKey, ...optionsOf(algorithm) });
}

/** Throws OsciError: 9601 when the value is wrong, CERTIFICATE_INVALID when the certificate may not sign. */
export function verifyBytes(
  uri: string,
  certificate: X509Certificate,
  data: Uint8Array,
  value: Uint8Array,
): void {
  const algorithm = signatureAlgorithmOf(uri);
  requireKey(algorithm, certificate.publicKey);
  if (!maySign(certificate))
    throw new OsciError("CERTIFICATE_INVALID", "9601", "the key usage does not allow signatures");
  let right: boolean;
  try {
    const key = { key: certificate.publicKey, ...optionsOf(algorithm) };
    right = verify(algorithm.hash, data, key, value);
  } catch (cause) {
    throw badSignature("the signature value cannot be checked", cause);
  }
  if (!right) throw badSignature("the signature value is wrong");
}

export function signatureAlgorithmOf(uri: string): SignatureAlgorithm {
  const algorithm = lookUp(SIGNATURES, uri);
  if (algorithm === undefined) throw forbiddenAlgorithm("the signature method", "9601");
  return algorithm;
}

function requireKey({ scheme }: SignatureAlgorithm, key: KeyObject): void {
  const { modulusLength = 0, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  const fits =
    scheme === "ecdsa"
      ? key.asymmetricKeyType === "ec" && CURVES.includes(namedCurve)
      : key.asymmetricKeyType === "rsa" && modulusLength >= CRYPTO.rsa.minBits;
  if (!fits)
    throw new OsciError("CERTIFICATE_INVALID", "9601", "the key does not fit the signature method");
}

function optionsOf({ scheme }: SignatureAlgorithm): {
  padding?: number;
  saltLength?: number;
  dsaEncoding?: "ieee-p1363";
} {
  if (scheme === "ecdsa") return { dsaEncoding: "ieee-p1363" };
  if (scheme === "rsa") return { padding: constants.RSA_PKCS1_PADDING };
  return {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  };
}
