import type { BridgeContext, Delivery } from "../../src/bridge/contract.ts";
import { DeliveryError } from "../../src/model/errors.ts";
import type { Message } from "../../src/model/message.ts";
import { EXTRA } from "./codec.ts";
import { noteRefusal } from "./mirror.ts";
import { deliveryOf, refuseAborted } from "./outbound.ts";
import { RemoteRefusal } from "./outcome.ts";
import { openDump } from "./request-dump.ts";
import type { Sender } from "./sender.ts";
import type { Settings } from "./settings.ts";
import { expiryOf } from "./token.ts";

/**
 * A letter of a legacy system to a mailbox that nobody reads in Matrix goes on to ZBP byte for byte: the sender's signed
 * content, signature and files, with the sender's own token (a relay, as in bundid-fink.md §1.10). Only the connection
 * is ours.
 * @throws DeliveryError
 */
export async function forwardOriginal(
  context: BridgeContext<Settings>,
  sender: Sender,
  message: Message,
  deliveryId: string,
  signal: AbortSignal,
): Promise<Delivery> {
  refuseAborted(signal);
  const { profile, transport } = sender;
  if (message.original === undefined)
    throw new DeliveryError("permanent", "INTERNAL", "the original of the letter is missing");
  const { dump, body } = await openDump(context, message.original).catch((cause: unknown) => {
    throw new DeliveryError("transient", "ATTACHMENT_MISSING", "the original cannot be read", {
      cause,
    });
  });
  const token = dump.headers.get(profile.auth.header.toLowerCase()) ?? "";
  const expiry = expiryOf(token);
  if (expiry !== undefined && expiry.getTime() <= Date.now())
    throw new DeliveryError(
      "permanent",
      "TOKEN_EXPIRED",
      `the sender's token ran out at ${expiry.toISOString()}`,
    );
  const target = message.extra?.[EXTRA.kind] === "letter" ? profile.send : profile.state;
  try {
    const answer = await transport.send(target, body, token, signal);
    return await deliveryOf(context, profile, answer, deliveryId);
  } catch (error) {
    if (error instanceof RemoteRefusal && error.fault === "permanent")
      await noteRefusal(context, message.id, error);
    throw error;
  }
}
