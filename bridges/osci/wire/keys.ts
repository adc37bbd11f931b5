import type { KeyObject, X509Certificate } from "node:crypto";

/** A certificate of ours with its private key. */
export interface Identity {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

/** Private keys by certificate. The wire names a key by its whole certificate (facts §3.1, §3.3). */
export class KeyRing {
  readonly #byFingerprint: ReadonlyMap<string, Identity>;

  constructor(identities: Iterable<Identity>) {
    this.#byFingerprint = new Map(
      [...identities].map((identity) => [identity.certificate.fingerprint512, identity]),
    );
  }

  find(certificate: X509Certificate): Identity | undefined {
    return this.#byFingerprint.get(certificate.fingerprint512);
  }
}

export function sameCertificate(one: X509Certificate, other: X509Certificate): boolean {
  return one.raw.equals(other.raw);
}
