import { createHash, X509Certificate } from "node:crypto";
import { GatewayError } from "../model/errors.ts";

/** What is known of a certificate that somebody uploaded; the PEM itself is public. */
export interface UploadedCertificate {
  readonly sha256: string;
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly pem: string;
}

const ONE_CERTIFICATE =
  /^\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/;
const KEY_WORDS = /PRIVATE KEY|BEGIN PKCS12|BEGIN RSA|BEGIN EC |OPENSSH|BEGIN PGP/i;
const SEQUENCE = 0x30;
const INTEGER = 0x02;

/**
 * Reads exactly one certificate. Throws NOT_ALLOWED for anything that holds or may hold a private key: it must be
 * treated as disclosed then, and replaced. INPUT_INVALID for anything else.
 */
export function readCertificate(text: string, now: Date): UploadedCertificate {
  if (holdsKey(text))
    throw new GatewayError(
      "NOT_ALLOWED",
      "this holds a private key or a PKCS#12 file: nothing was kept. A key that left its place counts as disclosed: replace it, and upload the certificate alone",
    );
  if (!ONE_CERTIFICATE.test(text))
    throw new GatewayError("INPUT_INVALID", "exactly one certificate in PEM is needed");
  const certificate = parse(text);
  if (certificate.validToDate.getTime() <= now.getTime())
    throw new GatewayError("CERTIFICATE_INVALID", "this certificate has expired");
  return {
    sha256: createHash("sha256").update(certificate.raw).digest("hex"),
    subject: certificate.subject,
    issuer: certificate.issuer,
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    pem: certificate.toString(),
  };
}

function holdsKey(text: string): boolean {
  if (KEY_WORDS.test(text)) return true;
  const bodies = [text, ...text.split(/-----[^-]*-----/)];
  return bodies.some((body) => beginsAsKey(Buffer.from(body, "base64")));
}

/** DER of PKCS#12, PKCS#8 and PKCS#1 begins with a SEQUENCE and a small INTEGER (version); a certificate does not. */
function beginsAsKey(der: Buffer): boolean {
  const length = der[1] ?? 0;
  const start = length > 0x80 ? 2 + (length & 0x7f) : 2;
  return der[0] === SEQUENCE && der[start] === INTEGER && der[start + 1] === 1;
}

function parse(text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (error) {
    throw new GatewayError("INPUT_INVALID", "this is no X.509 certificate", { cause: error });
  }
}
