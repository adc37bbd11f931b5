import { z } from "zod";
import type { Phase, QuarantinedInput } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import { digestOf } from "../../src/model/id.ts";
import type { BlobRef, IncomingMessage } from "../../src/model/message.ts";
import { cardOf, openDelivery, problemOf } from "./delivery.ts";
import type { EgvpReading } from "./egvp/contract.ts";
import { receiveOptions, sourceOfBlob, type Answer } from "./exchange.ts";
import { judgeOrigin, type Origin } from "./origin.ts";
import type { DeliveryReader, Parts } from "./parts.ts";
import { readMessage } from "./wire/message-read.ts";
import { receiveMessage } from "./wire/receive.ts";

/** A delivery becomes a letter, or is kept in quarantine: in either case it is safe here afterwards. */

/** One per delivery: a second reading of it must come to the same conversation. */
const seenSchema = z.object({
  conversation: z.string().optional(),
  letter: z.string().optional(),
  done: z.boolean(),
  /** The old mailbox counts: it was read here and must stay there unconfirmed, for its reader. */
  left: z.boolean().optional(),
  at: z.coerce.date(),
});
type Seen = z.output<typeof seenSchema>;
export const SEEN = "in:";
export const UNREADABLE = "unreadable:";

/**
 * Durable once resolved: only then may anything more be sent in the dialog (facts §1.3). Throws when it is not.
 */
export async function takeIn(
  parts: Parts,
  answer: Answer,
  signal: AbortSignal,
): Promise<"accepted" | "quarantined" | "known" | "left"> {
  const { messageId: sourceId } = cardOf(answer);
  const seen = await readSeen(parts, sourceId);
  if (seen?.done === true) return seen.left === true ? "left" : "known";
  const original = await answer.keep();
  let reading: Reading;
  try {
    reading = await interpret(parts, answer, signal);
  } catch (error) {
    await parts.context.quarantine({ sourceId, original, ...problemOf(error, signal) });
    const left = LEAVING.includes(parts.context.phase);
    await writeSeen(parts, sourceId, { ...seen, done: true, left, at: parts.now() });
    return left ? "left" : "quarantined";
  }
  return (await commit(parts, reading, original, seen)) ? "accepted" : "left";
}

/** In these phases the old mailbox counts: what cannot be read here may be readable there. */
const LEAVING: readonly Phase[] = ["observe", "mirror"];

/** Was this delivery read here already, to stay where it is? */
export async function isLeft(parts: Parts, messageId: string): Promise<boolean> {
  return (await readSeen(parts, messageId))?.left === true;
}

/** An operator released it, maybe after an older key was added or an address corrected. Throws when it still fails. */
export async function readmitDelivery(
  parts: Parts,
  { original }: QuarantinedInput,
  signal: AbortSignal,
): Promise<void> {
  const source = sourceOfBlob(parts.context, original);
  const received = await receiveMessage(source, receiveOptions(parts, parts.home, signal));
  if (received.kind === "fault")
    throw new GatewayError("INPUT_INVALID", "this is a fault, not a delivery");
  const message = readMessage(received.envelope);
  const reading = await interpret(parts, { message, received, source }, signal);
  await commit(parts, reading, original, await readSeen(parts, reading.sourceId));
}

export interface Reading extends EgvpReading {
  readonly sourceId: string;
  readonly origin: Origin;
}

/** Everything that can be wrong with a delivery shows here. */
export async function interpret(
  parts: DeliveryReader,
  answer: Pick<Answer, "message" | "received" | "source">,
  signal: AbortSignal,
): Promise<Reading> {
  const { book, authorities } = parts;
  const { intermediary, policy } = parts.context.config;
  const delivery = await openDelivery(parts, answer, signal);
  const { messageId: sourceId, originator, signer, depositedAt: at } = delivery;
  const reading = await parts.readEgvp(delivery);
  const facts = { originator, signer, authorities, at, messageId: sourceId };
  const origin = judgeOrigin(reading.letter.from, facts, book, intermediary.demandsSignatures);
  if (!origin.proved && policy.originators === "require")
    throw new GatewayError("SIGNATURE_INVALID", "no certificate of origin proves the sender");
  return { ...reading, sourceId, origin };
}

/**
 * Whatever fails here is ours: it must not count as a bad delivery. false: the old mailbox counts for this letter, so it
 * must not be confirmed there.
 */
async function commit(
  parts: Parts,
  { letter, references, sourceId, origin }: Reading,
  original: BlobRef,
  seen: Seen | undefined,
): Promise<boolean> {
  const { context, cases } = parts;
  const { counterpart } = origin;
  const place =
    seen?.conversation === undefined
      ? await cases.find(counterpart, references, {
          subject: letter.subject,
          messageId: sourceId,
        })
      : { conversation: seen.conversation, letter: seen.letter };
  const { conversation } = place;
  const known: Seen = { ...place, done: false, at: parts.now() };
  await writeSeen(parts, sourceId, known);
  const details = [...(letter.details ?? []), ...origin.details];
  const message: IncomingMessage = {
    ...letter,
    ...(place.letter === undefined ? {} : { inReplyTo: place.letter }),
    sourceId,
    conversation,
    from: origin.party,
    to: [parts.self],
    ...(details.length === 0 ? {} : { details }),
    original,
  };
  const { id, outcome, acknowledge = true } = await context.accept(message);
  if (outcome !== "observed")
    await cases.remember(counterpart, references, { conversation, letter: id });
  await writeSeen(parts, sourceId, {
    ...known,
    done: true,
    ...(acknowledge ? {} : { left: true }),
  });
  const fields = { account: context.account, sourceId, id, outcome, proved: origin.proved };
  context.log.info(fields, "osci-taken-in");
  return acknowledge;
}

function seenKey(messageId: string): string {
  return SEEN + digestOf(messageId);
}
/** What live traffic did with a delivery. */
export async function readSeen(
  { context }: { readonly context: Pick<Parts["context"], "records"> },
  messageId: string,
): Promise<Seen | undefined> {
  const value = await context.records.get(seenKey(messageId));
  return value === undefined ? undefined : seenSchema.parse(JSON.parse(value));
}
async function writeSeen({ context }: Parts, messageId: string, seen: Seen): Promise<void> {
  await context.records.put(seenKey(messageId), JSON.stringify(seen));
}
