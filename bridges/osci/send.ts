import type { Delivery } from "../../src/bridge/contract.ts";
import { DeliveryError, describeError } from "../../src/model/errors.ts";
import type { Message } from "../../src/model/message.ts";
import { deliveryOf, fetchCards } from "./cards.ts";
import { askOnce } from "./dialogs.ts";
import type { AddressEntry } from "./egvp/address-book.ts";
import type { EgvpOutgoing } from "./egvp/contract.ts";
import type { Answer, Station } from "./exchange.ts";
import { asDeliveryError, ExchangeError, refusalIn } from "./faults.ts";
import { counterpartOf } from "./origin.ts";
import type { OutgoingRecord } from "./outbox.ts";
import { packLetter } from "./pack.ts";
import { stationOf, type Parts } from "./parts.ts";

/**
 * The way out (facts §1.3): GetMessageId, write the id down, StoreDelivery. Every attempt at a letter carries the same
 * id, which the intermediary takes once: whatever happens to an answer, a letter cannot be stored twice.
 */

/** While StoreDelivery may still be worked on there, an id that is "used" without a card is not given up. */
const SETTLING_MS = 3_600_000;
/** After this time a missing card proves nothing any more: intermediaries clean up (facts §5.6). */
const CARDS_KEPT_MS = 7 * 86_400_000;
/** From the second cut on the next StoreDelivery waits this long, doubled each time. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 600_000;
const MAX_FORMER = 5;

interface Sending {
  readonly parts: Parts;
  readonly message: Message;
  readonly deliveryId: string;
  readonly entry: AddressEntry;
  readonly station: Station;
  readonly outgoing: EgvpOutgoing;
  readonly signal: AbortSignal;
  /** StoreDelivery may have left in this attempt. */
  storing: boolean;
}

/** @throws DeliveryError */
export async function deliverLetter(
  parts: Parts,
  message: Message,
  deliveryId: string,
  signal: AbortSignal,
): Promise<Delivery> {
  let sending: Sending | undefined;
  try {
    signal.throwIfAborted();
    const entry = addresseeOf(parts, message);
    const outgoing = await compose(parts, message, entry);
    const station = stationOf(entry);
    sending = { parts, message, deliveryId, entry, station, outgoing, signal, storing: false };
    const known = await parts.outbox.read(deliveryId);
    const record = known ?? (await issueId(sending, []));
    return await store(sending, await usable(sending, record), false);
  } catch (error) {
    throw asDeliveryError(error, sending?.storing ?? false);
  }
}

/** The addressee in the address book. @throws DeliveryError */
function addresseeOf({ book }: Parts, { to }: Message): AddressEntry {
  const entry = book?.find(to[0]?.address ?? "");
  if (entry !== undefined && to.length === 1) return entry;
  const message = "the address book does not name exactly one addressee of this letter";
  throw new DeliveryError("permanent", "RECIPIENT_UNKNOWN", message);
}

async function compose(
  { context, cases, writeEgvp, reviewEgvp, sender }: Parts,
  message: Message,
  { safeId, name }: AddressEntry,
): Promise<EgvpOutgoing> {
  const answered = await cases.answeredBy(message);
  // Asked when it was written, too; but a letter can come here by other ways and after other settings.
  const refusal = reviewEgvp(message, context.config.policy, answered?.message);
  if (refusal !== undefined) {
    const { code, detail, notice } = refusal;
    throw new DeliveryError("permanent", code, detail, notice === undefined ? {} : { notice });
  }
  const parties = { sender, addressee: { safeId, name } };
  const outgoing = writeEgvp(message, parties, answered?.message, message.sentAt);
  const { conversation, id: letter } = message;
  await cases.remember(counterpartOf(safeId), outgoing.references, { conversation, letter });
  context.log.debug({ id: message.id, containers: outgoing.containers.length }, "osci-composed");
  return outgoing;
}

async function issueId(sending: Sending, former: readonly string[]): Promise<OutgoingRecord> {
  const { parts, station, signal, message, entry, deliveryId } = sending;
  const request = { order: { type: "GetMessageId" }, moves: "small" } as const;
  const { message: answer } = await askOnce(parts.line, station, request, signal);
  const refusal = refusalIn(answer.feedback);
  if (refusal !== undefined) throw refusal;
  const { messageId } = answer;
  if (messageId === undefined || former.includes(messageId))
    throw new ExchangeError("cut", "REMOTE_ANSWER_INVALID", "no new message id was issued");
  const record: OutgoingRecord = {
    letter: message.id,
    messageId,
    former: [...former],
    url: station.url,
    safeId: entry.safeId,
    cuts: 0,
    at: parts.now(),
  };
  await parts.outbox.write(deliveryId, record);
  return record;
}

/** An id of another intermediary is no id here; and a letter that is cut again and again has to wait. */
async function usable(sending: Sending, record: OutgoingRecord): Promise<OutgoingRecord> {
  const { storingAt, cuts, url } = record;
  if (url !== sending.station.url) {
    if (storingAt === undefined && record.former.length === 0) return issueId(sending, []);
    const message = "the addressee moved to another intermediary while the outcome was open";
    throw new DeliveryError("unknown", "OUTCOME_UNKNOWN", message);
  }
  if (storingAt === undefined || cuts < 2) return record;
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** (cuts - 2), LONGEST_PAUSE_MS);
  const retryAfterMs = storingAt.getTime() + pause - sending.parts.now().getTime();
  if (retryAfterMs <= 0) return record;
  const message = `cut ${String(cuts)} times; waits before it is handed over again`;
  throw new DeliveryError("transient", "REMOTE_UNAVAILABLE", message, { retryAfterMs });
}

async function store(
  sending: Sending,
  record: OutgoingRecord,
  renewed: boolean,
): Promise<Delivery> {
  const { parts, deliveryId, signal, station, entry, outgoing } = sending;
  const { messageId } = record;
  const request = await packLetter(parts, outgoing, entry, messageId, signal);
  const beforeSending = async () => {
    const storingAt = parts.now();
    await parts.outbox.write(deliveryId, { ...record, storingAt, cuts: record.cuts + 1 });
    sending.storing = true;
  };
  let answer: Answer;
  try {
    const order = { ...request, beforeSending, moves: "large" } as const;
    answer = await askOnce(parts.line, station, order, signal);
  } catch (error) {
    const left = !(error instanceof ExchangeError) || error.stage !== "not-sent";
    if (!left) await takeBack(sending, record);
    throw error;
  }
  const refusal = refusalIn(answer.message.feedback);
  if (refusal !== undefined) {
    if (refusal.osciCode === "9801") return usedId(sending, record, renewed);
    // Signed: took no effect (facts §2.8).
    await takeBack(sending, record);
    sending.storing = true;
    throw refusal;
  }
  return settled(sending, record, answer);
}

/** The card of the answer must be that of our letter (facts §8.20). */
async function settled(
  { parts }: Sending,
  record: OutgoingRecord,
  answer: Answer,
): Promise<Delivery> {
  const { cards } = answer.message;
  const card = cards.find(({ messageId }) => messageId === record.messageId);
  const delivery = card && deliveryOf(card, await answer.keep());
  if (delivery === undefined) throw inDoubt("stored, but the answer has no process card of it");
  await parts.outbox.open(openRecord(record, parts.now()));
  return delivery;
}

/** The request took no effect: what was known before it holds. A record that stays as it is errs on the safe side. */
async function takeBack(sending: Sending, record: OutgoingRecord): Promise<void> {
  sending.storing = false;
  const { parts, deliveryId, message } = sending;
  await parts.outbox.write(deliveryId, record).catch((error: unknown) => {
    parts.context.log.warn({ id: message.id, error: describeError(error) }, "osci-record-kept");
  });
}

/**
 * 9801: the id was used, or is not known there. With a card it was our own earlier attempt. Without one a new id is
 * right only when no earlier attempt can still be on its way, and none can have been cleaned up.
 */
async function usedId(
  sending: Sending,
  record: OutgoingRecord,
  renewed: boolean,
): Promise<Delivery> {
  const { parts, station, signal } = sending;
  const found = await lookUp(parts, station, record, signal);
  if (found !== undefined) return found;
  await takeBack(sending, record);
  const { storingAt, former, messageId } = record;
  const age = storingAt === undefined ? undefined : parts.now().getTime() - storingAt.getTime();
  const unclear = age !== undefined && age > CARDS_KEPT_MS;
  if (unclear || renewed || former.length >= MAX_FORMER)
    throw new DeliveryError("unknown", "OUTCOME_UNKNOWN", "9801 and no process card: ask there");
  if (age !== undefined && age < SETTLING_MS)
    throw new DeliveryError("transient", "REMOTE_UNAVAILABLE", "9801, and no process card yet", {
      retryAfterMs: FIRST_PAUSE_MS * 6,
    });
  return store(sending, await issueId(sending, [...former, messageId]), true);
}

/** What the intermediary has of this letter, under any id it ever had. Throws ExchangeError, DeliveryError. */
async function lookUp(
  parts: Parts,
  station: Station,
  record: OutgoingRecord,
  signal: AbortSignal,
): Promise<Delivery | undefined> {
  const ids = [record.messageId, ...record.former];
  const found = await fetchCards(parts, station, ids, signal);
  if (found.size > 1)
    parts.context.log.error({ id: record.letter, ids: [...found.keys()] }, "osci-stored-twice");
  const first = ids.map((id) => found.get(id)).find((card) => card !== undefined);
  if (first === undefined) return undefined;
  const delivery = deliveryOf(first.card, await first.evidence());
  if (delivery === undefined) throw inDoubt("the process card does not say when it was stored");
  const { messageId } = first.card;
  await parts.outbox.open(openRecord({ ...record, messageId }, parts.now()));
  return delivery;
}

/**
 * Settles an unknown outcome by the process card. "absent" is safe: the next attempt carries the same id.
 * @throws DeliveryError
 */
export async function findLetter(
  parts: Parts,
  deliveryId: string,
  signal: AbortSignal,
): Promise<Delivery | "absent" | undefined> {
  try {
    const record = await parts.outbox.read(deliveryId);
    if (record === undefined) return "absent";
    if (record.storingAt === undefined && record.former.length === 0) return "absent";
    const entry = parts.book?.find(record.safeId);
    // Nobody else can be asked than the intermediary that issued the id.
    if (entry?.intermediary.url !== record.url) return undefined;
    return (await lookUp(parts, stationOf(entry), record, signal)) ?? "absent";
  } catch (error) {
    throw asDeliveryError(error, false);
  }
}

function openRecord({ letter, messageId, safeId }: OutgoingRecord, at: Date) {
  return { letter, messageId, safeId, at };
}

function inDoubt(message: string): DeliveryError {
  return new DeliveryError("unknown", "REMOTE_ANSWER_INVALID", message);
}
