import { describeError, GatewayError } from "../../src/model/errors.ts";
import { fetchCards, summaryOf, timeOf, type FoundCard } from "./cards.ts";
import type { OpenRecord } from "./outbox.ts";
import { stationOf, type Parts } from "./parts.ts";

/** Whether our letters were collected: asked for each until its process card says Reception (facts §4). */

/** Younger letters are asked for each time, older ones after a twentieth of their age, at most this long after. */
const YOUNG_MS = 86_400_000;
const LONGEST_PAUSE_MS = 12 * 3_600_000;
const SHARE_OF_AGE = 20;

export function createCardPoll(parts: Parts) {
  /** When each was asked for; begins anew with every start. */
  const asked = new Map<string, number>();
  const { outbox, context } = parts;

  async function ask(records: readonly OpenRecord[], signal: AbortSignal): Promise<void> {
    for (const [url, group] of byStation(parts, records)) {
      const entry = parts.book?.find(group[0]?.safeId ?? "");
      if (entry === undefined) continue;
      const ids = group.map(({ messageId }) => messageId);
      try {
        const found = await fetchCards(parts, stationOf(entry), ids, signal);
        for (const record of group) {
          asked.set(record.letter, parts.now().getTime());
          const card = found.get(record.messageId);
          if (card !== undefined && (await tell(parts, record, card))) await close(record);
        }
      } catch (error) {
        if (signal.aborted) throw error;
        const fields = { account: context.account, url, error: describeError(error) };
        context.log.warn(fields, "osci-cards-not-fetched");
      }
    }
  }

  async function close(record: OpenRecord): Promise<void> {
    await outbox.close(record);
    asked.delete(record.letter);
  }

  return {
    /** Asks for every open letter that is due. One intermediary that fails does not keep the others from being asked. */
    async run(signal: AbortSignal): Promise<void> {
      const now = parts.now().getTime();
      for await (const page of outbox.pages()) {
        signal.throwIfAborted();
        const due: OpenRecord[] = [];
        for (const record of page) {
          const age = now - record.at.getTime();
          if (age > context.config.cardsFor) {
            context.log.warn(
              { id: record.letter, remoteId: record.messageId },
              "osci-not-collected",
            );
            await close(record);
          } else if (now - (asked.get(record.letter) ?? 0) >= pauseAt(age)) due.push(record);
        }
        await ask(due, signal);
      }
    },
  };
}

function pauseAt(age: number): number {
  return age < YOUNG_MS ? 0 : Math.min(age / SHARE_OF_AGE, LONGEST_PAUSE_MS);
}

/** The entry of the addressee says where its letters lie; one that left the address book can no longer be asked for. */
function byStation({ book }: Parts, records: readonly OpenRecord[]): Map<string, OpenRecord[]> {
  const groups = new Map<string, OpenRecord[]>();
  for (const record of records) {
    const url = book?.find(record.safeId)?.intermediary.url;
    if (url === undefined) continue;
    const group = groups.get(url);
    if (group === undefined) groups.set(url, [record]);
    else group.push(record);
  }
  return groups;
}

/** true: there is nothing more to learn about this letter. */
async function tell(
  { context }: Parts,
  { letter: id, messageId }: OpenRecord,
  { card, evidence }: FoundCard,
): Promise<boolean> {
  const at = timeOf(card.reception, card);
  if (at === undefined) return false;
  const detail = `process card: collected; ${summaryOf(card.inspections)}`;
  try {
    await context.report({
      target: { id },
      kind: "retrieved",
      at,
      evidence: await evidence(),
      detail,
    });
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== "NOT_FOUND") throw error;
    context.log.warn({ id, remoteId: messageId }, "osci-card-of-unknown-letter");
  }
  return true;
}
