import type { CertificateHealth } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import { healthOf, loadKeys } from "./keys.ts";
import type { Settings } from "./settings.ts";
import { loadAuthorities, loadBook, loadHome } from "./setup.ts";
import { suiteOf } from "./suite.ts";
import { maySign } from "./wire/key-usage.ts";
import { wrappedSize } from "./wire/key-transport.ts";
import { sameCertificate } from "./wire/keys.ts";

/**
 * Everything that can be told about the settings of an account without the network.
 * @throws GatewayError CONFIG_INVALID, CERTIFICATE_INVALID, SECRET_UNREADABLE, SIGNATURE_INVALID
 */
export function verifySettings(config: Settings): readonly CertificateHealth[] {
  const found = certificatesOf(config);
  const book = loadBook(config);
  const own = book?.find(config.mailbox.safeId);
  const { cipher } = loadKeys(config.keys);
  if (own !== undefined && !sameCertificate(own.cipher, cipher.certificate))
    throw new GatewayError(
      "CERTIFICATE_INVALID",
      "the address book has another mailbox certificate for our own SAFE-ID: letters to us could not be read",
    );
  return found;
}

/** What `ping` and `check` show. Older mailbox keys may have ended: they only read what came before. */
export function certificatesOf(config: Settings): CertificateHealth[] {
  const keys = loadKeys(config.keys);
  suiteOf(config.crypto, keys.signature.certificate);
  const home = loadHome(config);
  wrappedSize(home.cipher);
  for (const certificate of home.signatures)
    if (!maySign(certificate))
      throw new GatewayError(
        "CERTIFICATE_INVALID",
        "intermediary.signatures: the key usage of a certificate does not allow signatures",
      );
  return [
    healthOf(keys.cipher.certificate, "mailbox key"),
    healthOf(keys.signature.certificate, "signature key (VHN)"),
    healthOf(home.cipher, "intermediary, cipher"),
    ...home.signatures.map((one) => healthOf(one, "intermediary, signature")),
    ...loadAuthorities(config).map((one) => healthOf(one, "VHN authority")),
  ];
}
