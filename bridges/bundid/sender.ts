import type { BridgeContext } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import { loadIdentity } from "./keys.ts";
import type { Identity } from "./keys.ts";
import type { Profile } from "./profile.ts";
import { createRouting } from "./routing.ts";
import type { Routing } from "./routing.ts";
import type { SenderSettings, Settings } from "./settings.ts";
import { createTransport } from "./transport.ts";
import type { Transport } from "./transport.ts";

/** Everything an account needs to speak to ZBP. */
export interface Sender {
  readonly settings: SenderSettings;
  readonly profile: Profile;
  readonly identity: Identity;
  readonly transport: Transport;
  readonly routing: Routing;
  /** Domain of confirmation addresses; undefined: no confirmations are asked for. */
  readonly receiptDomain: string | undefined;
}

/** @throws GatewayError CERTIFICATE_INVALID, SECRET_UNREADABLE */
export function createSender(
  context: BridgeContext<Settings>,
  settings: SenderSettings,
  profile: Profile,
): Sender {
  const identity = senderIdentity(settings);
  return {
    settings,
    profile,
    identity,
    transport: createTransport(context, profile, {
      baseUrl: settings.url,
      identity,
      ca: settings.ca?.text,
      clockOffset: settings.clockOffset,
    }),
    routing: createRouting(context.derive("routing"), profile.mail.prefix),
    receiptDomain: context.config.receipts?.domain,
  };
}

/** The mailbox certificate and its key; the CN must be the one that the operator expects. */
export function senderIdentity(settings: SenderSettings): Identity {
  const identity = loadIdentity(settings, "sender");
  if (settings.signer !== undefined && settings.signer !== identity.cn)
    throw new GatewayError(
      "CERTIFICATE_INVALID",
      `sender: the certificate belongs to "${identity.cn}", not to "${settings.signer}"`,
    );
  return identity;
}
