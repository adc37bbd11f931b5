import { createPrivateKey, X509Certificate } from "node:crypto";
import type { CertificateHealth } from "../../../src/bridge/contract.ts";
import type { Secret, SettingsFile } from "../../../src/bridge/settings.ts";
import { CRYPTO } from "../../../src/guard/crypto.ts";
import { GatewayError } from "../../../src/model/errors.ts";

/** A key with its certificate, for the TLS layer only: never logged, never stored. */
export interface Identity {
  readonly certificate: X509Certificate;
  /** PEM, the certificate first, then its chain. */
  readonly certPem: string;
  /** PKCS#8 PEM, not encrypted. */
  readonly keyPem: string;
}

/** @throws GatewayError CERTIFICATE_INVALID, SECRET_UNREADABLE */
export function loadIdentity(
  certificateFile: SettingsFile,
  keySource: Secret,
  passphrase: Secret | undefined,
  purpose: string,
): Identity {
  const certPem = certificateFile.text;
  const certificate = parseCertificate(certPem, purpose);
  const key = readKey(keySource.reveal(), passphrase?.reveal(), purpose);
  if (!certificate.checkPrivateKey(key))
    throw invalid(purpose, "the private key does not belong to the certificate");
  requireLength(certificate, purpose);
  return { certificate, certPem, keyPem: key.export({ type: "pkcs8", format: "pem" }).toString() };
}

/** @throws GatewayError CERTIFICATE_INVALID */
export function parseCertificate(pem: string, purpose: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw invalid(purpose, "the certificate cannot be read (PEM expected)", cause);
  }
}

/** Within its validity, and its key long enough to be taken at all? */
export function isUsable(certificate: X509Certificate, now: Date): boolean {
  const { validFromDate, validToDate } = certificate;
  return now >= validFromDate && now <= validToDate && bitsOf(certificate) >= CRYPTO.rsa.minBits;
}

export function healthOf(certificate: X509Certificate, purpose: string): CertificateHealth {
  const subject = certificate.subject.replaceAll("\n", ", ");
  return { subject, purpose, notAfter: certificate.validToDate };
}

/** Bits of an RSA key; other kinds are judged by the TLS preset. */
function bitsOf({ publicKey }: X509Certificate): number {
  if (publicKey.asymmetricKeyType !== "rsa") return CRYPTO.rsa.minBits;
  return publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
}
function requireLength(certificate: X509Certificate, purpose: string): void {
  const bits = bitsOf(certificate);
  if (bits < CRYPTO.rsa.minBits)
    throw invalid(purpose, `the key has ${bits} bits, at least ${CRYPTO.rsa.minBits} are needed`);
}

function readKey(pem: string, passphrase: string | undefined, purpose: string) {
  try {
    return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (cause) {
    throw new GatewayError("SECRET_UNREADABLE", `${purpose}: the private key cannot be read`, {
      cause,
    });
  }
}

function invalid(purpose: string, message: string, cause?: unknown): GatewayError {
  const options = cause === undefined ? {} : { cause };
  return new GatewayError("CERTIFICATE_INVALID", `${purpose}: ${message}`, options);
}
