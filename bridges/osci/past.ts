import { z } from "zod";
import type { BridgeContext, HistoricLetter } from "../../src/bridge/contract.ts";
import { GatewayError, type ErrorCode } from "../../src/model/errors.ts";
import { digestOf } from "../../src/model/id.ts";
import type { BlobRef, Detail } from "../../src/model/message.ts";
import type { Receipt } from "../../src/model/receipt.ts";
import { summaryOf, timeOf } from "./cards.ts";
import { createCases, type Cases, type Place } from "./cases.ts";
import { problemOf } from "./delivery.ts";
import { UnreadableAnswer } from "./exchange.ts";
import { readSeen, type Reading } from "./intake.ts";
import type { Settings } from "./settings.ts";
import type { ProcessCard } from "./wire/process-card.ts";

/**
 * A delivery of the past, from an archive or once more from the intermediary: the letter that live traffic would have
 * made of it, in the room of its case. Where it was put stays written down like that of a live one, so that a second
 * reading comes to the same conversation, and so that the next letter of the case finds it.
 */

/** One per delivery of the past: where it was put. */
export const PAST = "past:";
const pastSchema = z.object({ conversation: z.string(), letter: z.string().optional() });

export interface PastDeps {
  readonly context: Pick<BridgeContext<Settings>, "account" | "config" | "records">;
  readonly now: Date;
}
export interface PastDelivery {
  readonly reading: Reading;
  /** As the file or the intermediary states it now. */
  readonly card: ProcessCard;
  readonly original: BlobRef;
  /** Proves the card; default: the original. */
  readonly evidence?: BlobRef;
  /** What the source has to say of it. */
  readonly details?: readonly Detail[];
}

export async function pastLetter(
  { context, now }: PastDeps,
  { reading, card, original, evidence = original, details = [] }: PastDelivery,
): Promise<HistoricLetter> {
  const { account, config, records } = context;
  const { letter, references, sourceId, origin } = reading;
  const cases = createCases({ records, recall: () => Promise.resolve(undefined) });
  const place = await placeOf(context, cases, reading);
  const { conversation } = place;
  const at = now.toISOString();
  await records.put(PAST + digestOf(sourceId), JSON.stringify({ ...place, at }));
  await cases.remember(origin.counterpart, references, { conversation });
  const shown = [...(letter.details ?? []), ...origin.details, ...details];
  return {
    message: {
      ...letter,
      ...(place.letter === undefined ? {} : { inReplyTo: place.letter }),
      ...{ sourceId, conversation, from: origin.party, original },
      to: [{ address: account, name: config.mailbox.organisation, role: "authority" }],
      ...(shown.length === 0 ? {} : { details: shown }),
    },
    direction: "received",
    receipts: receiptsOf(card, evidence),
    mailbox: account,
    remember: (id) =>
      cases.remember(origin.counterpart, references, { conversation, letter: id, past: true }),
  };
}

/** Where it was put before, else where its case lies. */
async function placeOf(
  context: PastDeps["context"],
  cases: Cases,
  { letter, references, sourceId, origin }: Reading,
): Promise<Place> {
  const live = await readSeen({ context }, sourceId);
  if (live?.conversation !== undefined)
    return { conversation: live.conversation, letter: live.letter };
  const known = await context.records.get(PAST + digestOf(sourceId));
  if (known !== undefined) return pastSchema.parse(JSON.parse(known));
  const fallback = { subject: letter.subject, messageId: sourceId };
  return cases.find(origin.counterpart, references, fallback);
}

/** The process card's; what it does not state did not happen. */
function receiptsOf(card: ProcessCard, evidence: BlobRef): readonly Receipt[] {
  const stages = [
    ["delivered", card.creation],
    ["retrieved", card.reception],
  ] as const;
  return stages.flatMap(([kind, stamp]) => {
    const at = timeOf(stamp, card);
    const detail = `process card: ${summaryOf(card.inspections)}`;
    return at === undefined ? [] : [{ kind, at, evidence, detail }];
  });
}

/** What says of a delivery itself that it cannot become a letter. */
const CONTENT: readonly ErrorCode[] = [
  "INPUT_INVALID",
  "INPUT_HOSTILE",
  "SIGNATURE_INVALID",
  "CERTIFICATE_INVALID",
  "ATTACHMENT_MISSING",
  "ATTACHMENT_REJECTED",
];

/** What is wrong with a delivery of the past, as `History` and `Archive` promise it; rethrows what is no fault of it. */
export function pastFault(cause: unknown, signal: AbortSignal): GatewayError {
  const reason = cause instanceof UnreadableAnswer ? cause.cause : cause;
  const { code, detail } = problemOf(reason, signal);
  if (code === "INTERNAL") throw cause;
  const known = CONTENT.includes(code);
  return new GatewayError(known ? code : "INPUT_INVALID", known ? detail : `${code}: ${detail}`, {
    cause,
  });
}
