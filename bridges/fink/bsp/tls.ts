import type { ClientTls } from "../../../src/bridge/contract.ts";
import type { Route } from "../contract.ts";
import { loadIdentity } from "./keys.ts";
import type { SoapSettings } from "./settings.ts";

/** What this gateway shows. @throws GatewayError CERTIFICATE_INVALID, SECRET_UNREADABLE */
export function clientTls({ certificate, key, keyPassphrase }: SoapSettings): ClientTls {
  if (certificate === undefined || key === undefined) return {};
  const { certPem, keyPem } = loadIdentity(certificate, key, keyPassphrase, "soap");
  return { cert: certPem, key: keyPem };
}

/** Which certificate the node has to show. */
export function trustOf({ certificates }: Route, { trust, ca }: SoapSettings): ClientTls {
  if (trust === "metadata" && certificates.length > 0)
    return { ca: certificates.map((certificate) => certificate.toString()).join("") };
  return ca === undefined ? {} : { ca: ca.text };
}
