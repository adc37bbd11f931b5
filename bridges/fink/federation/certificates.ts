import { X509Certificate } from "node:crypto";
import type { CertificateHealth } from "../../../src/bridge/contract.ts";
import type { SettingsFile } from "../../../src/bridge/settings.ts";
import { GatewayError } from "../../../src/model/errors.ts";

/** Of one file. */
const MAX_CERTIFICATES = 16;
const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]{1,20000}?-----END CERTIFICATE-----/g;

/** All certificates of a PEM text. Throws CERTIFICATE_INVALID when there is none or one cannot be read. */
export function certificatesIn(pem: string, source: string): readonly X509Certificate[] {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0 || blocks.length > MAX_CERTIFICATES)
    throw new GatewayError(
      "CERTIFICATE_INVALID",
      `${source}: ${blocks.length} PEM certificates, needs 1 to ${MAX_CERTIFICATES}`,
    );
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      const message = `${source}: certificate ${index + 1} cannot be read`;
      throw new GatewayError("CERTIFICATE_INVALID", message, { cause });
    }
  });
}

/** What the settings name; certificates of several files in their order. */
export function certificatesOf(files: readonly SettingsFile[]): readonly X509Certificate[] {
  return files.flatMap((file) => certificatesIn(file.text, file.source));
}

/** SHA-256 of the DER form, lower-case hex. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

export function isCurrent({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
  return now >= validFromDate && now <= validToDate;
}

export function healthOf(certificate: X509Certificate, purpose: string): CertificateHealth {
  const subject = certificate.subject.replaceAll("\n", ", ");
  return { subject, purpose, notAfter: certificate.validToDate };
}
