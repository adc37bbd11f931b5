import type { CertificateHealth } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import { as4ProfileFor } from "./as4/index.ts";
import { healthOf, loadIdentity, parseCertificate } from "./bsp/keys.ts";
import { loadPeers } from "./bsp/peers.ts";
import { profileFor } from "./bsp/profile.ts";
import { verifyFederation } from "./federation/index.ts";
import type { Settings } from "./settings.ts";

/** Of others: one that ran out shuts out that one, not the gateway. */
const OTHERS = ["authority ", "mailbox node of ", "signature of "];

/**
 * Everything that can be told about a configuration without the network: profiles, keys and certificates.
 * @throws GatewayError CONFIG_INVALID, CERTIFICATE_INVALID, SECRET_UNREADABLE
 */
export function verifySettings(config: Settings): readonly CertificateHealth[] {
  profileFor(config.profile);
  if (config.as4 !== undefined) as4ProfileFor(config.as4.profile);
  if (config.soap?.ca !== undefined) parseCertificate(config.soap.ca.text, "soap.ca");
  const found = certificatesOf(config);
  for (const { subject, purpose, notAfter } of found)
    if (notAfter.getTime() < Date.now() && !OTHERS.some((prefix) => purpose.startsWith(prefix)))
      throw new GatewayError(
        "CERTIFICATE_INVALID",
        `${purpose}: the certificate of "${subject}" ended ${notAfter.toISOString()}`,
      );
  return found;
}

/** What `ping` and `check` show. */
export function certificatesOf({
  soap,
  server,
  federation,
  participants,
}: Settings): CertificateHealth[] {
  const found: CertificateHealth[] = [];
  if (soap?.certificate !== undefined && soap.key !== undefined) {
    const { certificate } = loadIdentity(soap.certificate, soap.key, soap.keyPassphrase, "soap");
    found.push(healthOf(certificate, "client certificate for mailbox nodes"));
  }
  if (server !== undefined) {
    const { certificate, key, keyPassphrase } = server.tls;
    const own = loadIdentity(certificate, key, keyPassphrase, "server.tls");
    found.push(healthOf(own.certificate, "mailbox node server"));
    for (const { settings, certificate: shown } of loadPeers(server.senders))
      if (shown !== undefined) found.push(healthOf(shown, `authority ${settings.name}`));
  }
  return [...found, ...verifyFederation({ federation, participants })];
}
