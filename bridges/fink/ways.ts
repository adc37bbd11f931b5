import { DeliveryError } from "../../src/model/errors.ts";
import type { Party } from "../../src/model/message.ts";
import { parseRemoteAddress } from "./address.ts";
import type { Federation, Route } from "./contract.ts";

/**
 * The way of a letter, decided anew at every attempt: a participant that is removed or blocked meanwhile gets nothing.
 * @throws DeliveryError transient when it may come (the letter waits visibly), permanent when it never will
 */
export function routeFor(federation: Federation, to: readonly Party[]): Route {
  const [recipient, second] = to;
  if (recipient === undefined || second !== undefined)
    throw new DeliveryError("permanent", "LETTER_INVALID", "a letter goes to exactly one mailbox");
  const remote = parseRemoteAddress(recipient.address);
  if (remote === undefined)
    throw new DeliveryError(
      "permanent",
      "REPLY_NOT_POSSIBLE",
      "the recipient has no mailbox at another account",
    );
  const decision = federation.resolve(remote.entityId, remote.mailbox);
  if (decision.kind === "route") return decision.route;
  const { outlook, code, reason, explanation } = decision;
  const fault = outlook === "wait" ? "transient" : "permanent";
  throw new DeliveryError(fault, code, `${reason}: no way to this mailbox`, {
    notice: explanation,
  });
}
