import type { CertificateHealth } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import { loadPeers } from "./inlet-checks.ts";
import { healthOf, loadIdentity, parseCertificate } from "./keys.ts";
import { profileFor } from "./profile.ts";
import { senderIdentity } from "./sender.ts";
import type { Settings } from "./settings.ts";

/**
 * Everything that can be told about a configuration without the network: the profile, keys and certificates.
 * @throws GatewayError CONFIG_INVALID, CERTIFICATE_INVALID, SECRET_UNREADABLE
 */
export function verifySettings(config: Settings): readonly CertificateHealth[] {
  profileFor(config.profile);
  const found = certificatesOf(config);
  const now = Date.now();
  for (const { subject, purpose, notAfter } of found) {
    // A legacy system's certificate that ran out shuts out that system, not the gateway.
    if (notAfter.getTime() < now && !purpose.startsWith(PEER))
      throw new GatewayError(
        "CERTIFICATE_INVALID",
        `${purpose}: the certificate of "${subject}" ended ${notAfter.toISOString()}`,
      );
  }
  return found;
}

const PEER = "legacy system";

/** What `ping` and `check` show. */
export function certificatesOf(config: Settings): CertificateHealth[] {
  const { sender, inlet, receipts } = config;
  const found: CertificateHealth[] = [];
  if (sender !== undefined) {
    found.push(healthOf(senderIdentity(sender).certificate, "mailbox certificate"));
    if (sender.ca !== undefined) parseCertificate(sender.ca.text, "sender.ca");
  }
  if (receipts?.tls !== undefined)
    found.push(healthOf(loadIdentity(receipts.tls, "receipts.tls").certificate, "mail server"));
  if (inlet !== undefined) {
    found.push(healthOf(loadIdentity(inlet.tls, "inlet.tls").certificate, "inlet server"));
    for (const { settings, certificate } of loadPeers(inlet.senders))
      found.push(healthOf(certificate, `${PEER} ${settings.name}`));
  }
  return found;
}
