import type { CertificateHealth } from "../../../src/bridge/contract.ts";
import { certificatesOf, healthOf } from "./certificates.ts";
import { profileOf } from "./profile.ts";
import type { FederationConfig } from "./settings.ts";

/** Every file that the settings name, read and understood: for `check`. Throws CERTIFICATE_INVALID or CONFIG_INVALID. */
export function verifyFederation({ federation }: FederationConfig): readonly CertificateHealth[] {
  profileOf(federation.profile);
  const { pins = [], ca } = federation.metadata ?? {};
  return [
    ...certificatesOf(pins).map((it) => healthOf(it, "signature of the federation metadata")),
    ...(ca === undefined ? [] : certificatesOf([ca])).map((it) =>
      healthOf(it, "authority of the metadata server"),
    ),
    ...federation.overrides.flatMap(({ certificates, entityId }) =>
      certificates === undefined
        ? []
        : certificatesOf([certificates]).map((it) => healthOf(it, `mailbox node of ${entityId}`)),
    ),
  ];
}
