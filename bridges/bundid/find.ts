import type { BridgeContext, Delivery } from "../../src/bridge/contract.ts";
import { DeliveryError } from "../../src/model/errors.ts";
import type { Message } from "../../src/model/message.ts";
import { isOwnReference, referenceOf } from "./codec.ts";
import { jsonOf } from "./outcome.ts";
import type { Sender } from "./sender.ts";
import { readPath, readPathText } from "./value-path.ts";

/**
 * A reply or a confirmation for a letter whose outcome is unknown proves that it arrived (bundid-fink.md §7.5). Noted
 * where it comes in, read when the gateway asks.
 */
export function seenKey(id: string): string {
  return `seen:${id}`;
}

/**
 * Did the letter arrive? Evidence first; then, if the profile has such a call, the mailbox itself.
 * @returns "absent" only when the mailbox has no letter under our reference, or every one of them is another of ours
 * @throws DeliveryError when the mailbox cannot be asked now
 */
export async function findLetter(
  context: Pick<BridgeContext<unknown>, "records">,
  sender: Sender,
  message: Message,
  signal: AbortSignal,
): Promise<Delivery | "absent" | undefined> {
  const seen = await context.records.get(seenKey(message.id));
  if (seen !== undefined)
    return { remoteId: `zbp:${message.id}`, receipt: { kind: "delivered", at: new Date(seen) } };
  const { find } = sender.profile;
  return find.enabled ? askMailbox(sender, message, signal) : undefined;
}

async function askMailbox(
  { profile, transport, routing, settings }: Sender,
  message: Message,
  signal: AbortSignal,
): Promise<Delivery | "absent" | undefined> {
  const { find } = profile;
  const reference = referenceOf(message);
  const query = new URLSearchParams({ [find.query]: reference });
  const target = { method: find.method, path: `${find.path}?${query.toString()}`, ok: [200] };
  const answer = await transport.call(target, signal);
  const items = readPath(jsonOf(answer), find.items);
  if (answer.status !== 200 || !answer.complete || !Array.isArray(items))
    throw new DeliveryError(
      "transient",
      "REMOTE_ANSWER_INVALID",
      `the question was answered with ${answer.status}`,
    );
  const found = items.filter((item) => readPathText(item, find.reference) === reference);
  if (found.length === 0) return "absent";
  // A file number belongs to the whole case: only our own routing information tells this letter from its siblings.
  const routingOf = (item: unknown) => readPathText(item, find.routing, 4_000);
  const ours = routing.routingInfo(message.id);
  const own: unknown = found.find((item) => isOwnReference(reference) || routingOf(item) === ours);
  if (own !== undefined) {
    const id = readPathText(own, find.id, 200);
    return id === undefined ? undefined : { remoteId: id };
  }
  const wasRouted = settings.replies.enabled && message.replyPolicy !== "forbidden";
  const allTold =
    items.length < find.longestList && found.every((item) => routingOf(item) !== undefined);
  return wasRouted && allTold ? "absent" : undefined;
}

/** Is there such a mailbox? undefined: cannot be told. */
export async function probeMailbox(
  { profile, transport }: Pick<Sender, "profile" | "transport">,
  uuid: string,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const { probe } = profile;
  if (!probe.enabled) return undefined;
  const path = probe.path.replace("{uuid}", encodeURIComponent(uuid));
  const answer = await transport.call({ method: probe.method, path, ok: probe.existsOn }, signal);
  if (probe.missingOn.includes(answer.status) && jsonOf(answer) !== undefined) return false;
  return probe.existsOn.includes(answer.status) ? true : undefined;
}
