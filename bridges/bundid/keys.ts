import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import forge from "node-forge";
import type { CertificateHealth } from "../../src/bridge/contract.ts";
import type { Secret, SettingsFile } from "../../src/bridge/settings.ts";
import { CRYPTO } from "../../src/guard/crypto.ts";
import { GatewayError } from "../../src/model/errors.ts";

/** A key with its certificate: the mailbox certificate of a sender, or that of a server. */
export interface Identity {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** Subject CN: what ZBP calls the signer. */
  readonly cn: string;
  /** PEM, the certificate first, then its chain. */
  readonly certPem: string;
  /** PKCS#8 PEM, not encrypted: for the TLS layer only, never logged or stored. */
  readonly keyPem: string;
}

/** Where the parts of an identity are kept: PEM files, or one PKCS#12 file with a PIN. */
export interface IdentitySource {
  readonly certificate?: SettingsFile | undefined;
  readonly key?: Secret | undefined;
  readonly keyPassphrase?: Secret | undefined;
  readonly pkcs12?: SettingsFile | undefined;
  readonly pin?: Secret | undefined;
}

/**
 * Reads key and certificate and makes sure that they belong together.
 * @throws GatewayError CERTIFICATE_INVALID, SECRET_UNREADABLE
 */
export function loadIdentity(source: IdentitySource, purpose: string): Identity {
  const { certPem, keyPem, passphrase } = source.pkcs12
    ? {
        ...unpackPkcs12(source.pkcs12.bytes, source.pin?.reveal() ?? "", purpose),
        passphrase: undefined,
      }
    : {
        certPem: source.certificate?.text ?? "",
        keyPem: source.key?.reveal() ?? "",
        passphrase: source.keyPassphrase?.reveal(),
      };
  const certificate = parseCertificate(certPem, purpose);
  const key = parseKey(keyPem, passphrase, purpose);
  if (!certificate.checkPrivateKey(key))
    throw invalid(purpose, "the private key does not belong to the certificate");
  requireRsaLength(certificate, purpose);
  const cn = commonNameOf(certificate);
  if (cn === undefined) throw invalid(purpose, "the certificate has no single subject CN");
  const plain = key.export({ type: "pkcs8", format: "pem" }).toString();
  return { certificate, key, cn, certPem, keyPem: plain };
}

/** @throws GatewayError CERTIFICATE_INVALID */
export function parseCertificate(pem: string, purpose: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw invalid(purpose, "the certificate cannot be read (PEM expected)", cause);
  }
}

/** The one subject CN; undefined when there is none or more than one. */
export function commonNameOf(certificate: X509Certificate): string | undefined {
  const subject: Record<string, unknown> = { ...certificate.toLegacyObject().subject };
  return typeof subject["CN"] === "string" && subject["CN"] !== "" ? subject["CN"] : undefined;
}

/** Is the certificate within its validity, and its key long enough to be taken at all? */
export function isUsable(certificate: X509Certificate, now: Date): boolean {
  const { validFromDate, validToDate } = certificate;
  return now >= validFromDate && now <= validToDate && rsaBits(certificate) >= CRYPTO.rsa.minBits;
}

export function healthOf(certificate: X509Certificate, purpose: string): CertificateHealth {
  const bits = rsaBits(certificate);
  const short = bits > 0 && bits < CRYPTO.rsa.recommendedBits;
  const hint = short ? ` (RSA ${bits}: ${CRYPTO.rsa.recommendedBits} bits are recommended)` : "";
  const subject = commonNameOf(certificate) ?? certificate.subject.replaceAll("\n", ", ");
  return { subject, purpose: purpose + hint, notAfter: certificate.validToDate };
}

function rsaBits({ publicKey }: X509Certificate): number {
  if (publicKey.asymmetricKeyType !== "rsa") return 0;
  return publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
}

function requireRsaLength(certificate: X509Certificate, purpose: string): void {
  const bits = rsaBits(certificate);
  if (certificate.publicKey.asymmetricKeyType === "rsa" && bits < CRYPTO.rsa.minBits)
    throw invalid(purpose, `the key has ${bits} bits, at least ${CRYPTO.rsa.minBits} are needed`);
}

function parseKey(pem: string, passphrase: string | undefined, purpose: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (cause) {
    throw new GatewayError("SECRET_UNREADABLE", `${purpose}: the private key cannot be read`, {
      cause,
    });
  }
}

/** node-forge reads the container; everything after that is done by node:crypto. */
function unpackPkcs12(
  bytes: Buffer,
  pin: string,
  purpose: string,
): { certPem: string; keyPem: string } {
  try {
    const asn1 = forge.asn1.fromDer(forge.util.createBuffer(bytes.toString("latin1")));
    const container = forge.pkcs12.pkcs12FromAsn1(asn1, true, pin);
    const bags = (type: string) => container.getBags({ bagType: type })[type] ?? [];
    const { pkcs8ShroudedKeyBag = "", keyBag = "", certBag = "" } = forge.pki.oids;
    const [key, second] = [...bags(pkcs8ShroudedKeyBag), ...bags(keyBag)];
    if (!key?.key || second) throw new Error("exactly one private key is expected");
    const keyPem = forge.pki.privateKeyToPem(key.key);
    const certificates = bags(certBag).flatMap(({ cert }) =>
      cert ? [forge.pki.certificateToPem(cert)] : [],
    );
    const own = createPrivateKey(keyPem);
    const belongs = (pem: string) => new X509Certificate(pem).checkPrivateKey(own);
    const ordered = [
      ...certificates.filter(belongs),
      ...certificates.filter((pem) => !belongs(pem)),
    ];
    return { certPem: ordered.join(""), keyPem };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unreadable";
    throw invalid(purpose, `the PKCS#12 file cannot be opened (${reason.slice(0, 100)})`, cause);
  }
}

function invalid(purpose: string, message: string, cause?: unknown): GatewayError {
  return new GatewayError(
    "CERTIFICATE_INVALID",
    `${purpose}: ${message}`,
    cause === undefined ? {} : { cause },
  );
}
