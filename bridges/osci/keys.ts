import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import forge from "node-forge";
import type { CertificateHealth } from "../../src/bridge/contract.ts";
import type { SettingsFile } from "../../src/bridge/settings.ts";
import { CRYPTO } from "../../src/guard/crypto.ts";
import { GatewayError } from "../../src/model/errors.ts";
import type { KeyStore, Settings } from "./settings.ts";
import { mayDecipher, maySign } from "./wire/key-usage.ts";
import { KeyRing, type Identity } from "./wire/keys.ts";

/** The keys of one account. */
export interface OwnKeys {
  /** Of the mailbox. */
  readonly cipher: Identity;
  /** Signs requests; its certificate is the proof of origin (VHN) for recipients (facts §5.3). */
  readonly signature: Identity;
  /** All that decrypt: the mailbox key and its predecessors. */
  readonly ring: KeyRing;
  readonly older: readonly Identity[];
}

/** @throws GatewayError CERTIFICATE_INVALID, SECRET_UNREADABLE */
export function loadKeys(settings: Settings["keys"]): OwnKeys {
  const cipher = loadCipherKey(settings.cipher, "mailbox key");
  const signature = loadIdentity(settings.signature, "signature key");
  if (!maySign(signature.certificate))
    throw invalid("signature key", "the key usage of its certificate does not allow signatures");
  const older = settings.older.map((store, index) =>
    loadCipherKey(store, `older mailbox key ${String(index + 1)}`),
  );
  return { cipher, signature, ring: new KeyRing([...older, cipher]), older };
}

function loadCipherKey(store: KeyStore, purpose: string): Identity {
  const identity = loadIdentity(store, purpose);
  if (identity.privateKey.asymmetricKeyType !== "rsa")
    throw invalid(purpose, "OSCI 1.2 encrypts for RSA keys only");
  if (!mayDecipher(identity.certificate))
    throw invalid(purpose, "the key usage of its certificate does not allow encryption");
  return identity;
}

/** A certificate of a settings file (PEM). @throws GatewayError CERTIFICATE_INVALID */
export function loadCertificate(file: SettingsFile, purpose: string): X509Certificate {
  try {
    const certificate = new X509Certificate(file.bytes);
    requireLength(certificate, purpose);
    return certificate;
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw invalid(purpose, "the certificate cannot be read (PEM expected)", cause);
  }
}

export function healthOf(certificate: X509Certificate, purpose: string): CertificateHealth {
  const bits = rsaBits(certificate);
  const short = bits > 0 && bits < CRYPTO.rsa.recommendedBits;
  const hint = short ? ` (RSA ${bits}: ${CRYPTO.rsa.recommendedBits} bits are recommended)` : "";
  const subject = fieldOf(certificate, "CN") ?? certificate.subject.replaceAll("\n", ", ");
  return { subject, purpose: purpose + hint, notAfter: certificate.validToDate };
}

/** The one value of this kind (CN, UID …) in the subject or issuer; undefined for none or several. */
export function fieldOf(
  certificate: X509Certificate,
  kind: string,
  whose: "subject" | "issuer" = "subject",
): string | undefined {
  const name: Record<string, unknown> = { ...certificate.toLegacyObject()[whose] };
  const value = Object.hasOwn(name, kind) ? name[kind] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

function loadIdentity({ pkcs12, pin }: KeyStore, purpose: string): Identity {
  const identity = unpack(pkcs12.bytes, pin.reveal(), purpose);
  requireLength(identity.certificate, purpose);
  return identity;
}

/** node-forge opens the container; everything after that is done by node:crypto (RSA and EC keys alike). */
function unpack(bytes: Buffer, pin: string, purpose: string): Identity {
  let key: KeyObject;
  let certificates: X509Certificate[];
  try {
    const asn1 = forge.asn1.fromDer(forge.util.createBuffer(bytes.toString("latin1")));
    const container = forge.pkcs12.pkcs12FromAsn1(asn1, true, pin);
    const bags = (type = "") => container.getBags({ bagType: type })[type] ?? [];
    const { pkcs8ShroudedKeyBag, keyBag, certBag } = forge.pki.oids;
    const [bag, second] = [...bags(pkcs8ShroudedKeyBag), ...bags(keyBag)];
    if (bag === undefined || second !== undefined)
      throw new Error("exactly one private key is expected");
    key = privateKeyOf(bag);
    certificates = bags(certBag).map(certificateOf);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unreadable";
    throw invalid(purpose, `the PKCS#12 file cannot be opened (${reason.slice(0, 100)})`, cause);
  }
  const own = certificates.filter((certificate) => certificate.checkPrivateKey(key));
  const [certificate] = own;
  if (certificate === undefined || own.length > 1)
    throw invalid(purpose, "the PKCS#12 file must hold exactly one certificate of its key");
  return { certificate, privateKey: key };
}

/** forge reads RSA keys and certificates itself and leaves all others as they stand. */
function privateKeyOf({ key, asn1 }: forge.pkcs12.Bag): KeyObject {
  if (key) return createPrivateKey(forge.pki.privateKeyToPem(key));
  return createPrivateKey({ key: derOf(asn1), format: "der", type: "pkcs8" });
}
function certificateOf({ cert, asn1 }: forge.pkcs12.Bag): X509Certificate {
  return new X509Certificate(derOf(cert ? forge.pki.certificateToAsn1(cert) : asn1));
}
function derOf(asn1: forge.asn1.Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), "latin1");
}

function rsaBits({ publicKey }: X509Certificate): number {
  if (publicKey.asymmetricKeyType !== "rsa") return 0;
  return publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
}

function requireLength(certificate: X509Certificate, purpose: string): void {
  const bits = rsaBits(certificate);
  if (certificate.publicKey.asymmetricKeyType === "rsa" && bits < CRYPTO.rsa.minBits)
    throw invalid(purpose, `the key has ${bits} bits, at least ${CRYPTO.rsa.minBits} are needed`);
}

function invalid(purpose: string, message: string, cause?: unknown): GatewayError {
  const options = cause === undefined ? {} : { cause };
  return new GatewayError("CERTIFICATE_INVALID", `${purpose}: ${message}`, options);
}
