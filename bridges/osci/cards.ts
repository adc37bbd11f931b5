import type { Delivery } from "../../src/bridge/contract.ts";
import type { BlobRef } from "../../src/model/message.ts";
import type { Dialogs } from "./dialogs.ts";
import type { Station } from "./exchange.ts";
import { refusalIn } from "./faults.ts";
import { hasCode } from "./wire/feedback.ts";
import type { CertificateInspection, ProcessCard, Stamp } from "./wire/process-card.ts";

/** Process cards (Laufzettel) of deliveries, with the answer that proves them. */
export interface FoundCard {
  readonly card: ProcessCard;
  /** Keeps the signed answer that it came in, untouched; the same one each time. */
  evidence(): Promise<BlobRef>;
}

/** Ids in one question. */
const IDS_AT_ONCE = 50;
/** Questions for one batch of ids: the other side may give the cards piece by piece (3801). */
const MAX_PAGES = 60;

/** 9804: no card; 9803 is what some say instead. */
const NONE = ["9804", "9803"];

/**
 * The cards of these message ids, as far as the intermediary has them. A card that was not asked for is not looked at.
 * Throws ExchangeError.
 */
export async function fetchCards(
  { dialogs }: { readonly dialogs: Dialogs },
  station: Station,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FoundCard>> {
  const found = new Map<string, FoundCard>();
  if (ids.length === 0) return found;
  await dialogs.with(station, signal, async (dialog) => {
    for (let start = 0; start < ids.length; start += IDS_AT_ONCE) {
      let missing = ids.slice(start, start + IDS_AT_ONCE);
      for (let page = 0; page < MAX_PAGES && missing.length > 0; page += 1) {
        const answer = await dialog.step({
          order: { type: "FetchProcessCard", selection: { kind: "messageIds", ids: missing } },
          moves: "small",
        });
        const { feedback, cards } = answer.message;
        if (feedback !== undefined && NONE.some((code) => hasCode(feedback, code))) break;
        const refusal = refusalIn(feedback);
        if (refusal !== undefined) throw refusal;
        const asked = new Set(missing);
        for (const card of cards)
          if (asked.has(card.messageId))
            found.set(card.messageId, { card, evidence: () => answer.keep() });
        const before = missing.length;
        missing = missing.filter((id) => !found.has(id));
        const more = feedback !== undefined && hasCode(feedback, "3801");
        if (!more || missing.length === before) break;
      }
    }
  });
  return found;
}

/** When a stamp says it happened; a token of a time stamp service is kept in the evidence and not opened here. */
export function timeOf(stamp: Stamp | undefined, card: ProcessCard): Date | undefined {
  if (stamp === undefined) return undefined;
  const stated = stamp.kind === "plain" ? stamp.time.at : undefined;
  return stated ?? card.recentModification.at;
}

/** What the intermediary found about the certificates, for operators: no names, only verdicts. */
export function summaryOf(inspections: readonly CertificateInspection[]): string {
  const verdicts = inspections.map(({ mathResult, offlineResult, onlineResult }) =>
    [mathResult, offlineResult, onlineResult ?? "not asked"].join("/"),
  );
  return verdicts.length === 0 ? "no inspections" : `inspections: ${verdicts.join(", ")}`;
}

/** The delivery that a card proves; undefined when it does not say that anything was stored. */
export function deliveryOf(card: ProcessCard, evidence: BlobRef): Delivery | undefined {
  const at = timeOf(card.creation, card);
  if (at === undefined) return undefined;
  const detail = `process card: stored; ${summaryOf(card.inspections)}`;
  return { remoteId: card.messageId, receipt: { kind: "delivered", at, evidence, detail } };
}
