import { z } from "zod";
import type { Records } from "../../src/bridge/contract.ts";
import { digestOf } from "../../src/model/id.ts";

/**
 * What must be known about a letter on its way out after a crash. A message id is issued by the intermediary and taken
 * by it for one StoreDelivery only (9801): as long as every attempt at a letter uses the id that is written here, no
 * attempt can make a second letter.
 */
const outgoingSchema = z.object({
  /** Ours. */
  letter: z.string(),
  messageId: z.string(),
  /** Ids that this letter had before, newest last; the intermediary did not know them any more. */
  former: z.array(z.string()),
  /** Of the intermediary that issued them. */
  url: z.string(),
  safeId: z.string(),
  /** When StoreDelivery was begun with the present id for the last time; absent: never. */
  storingAt: z.coerce.date().optional(),
  /** How often it was, without an answer that could be believed. */
  cuts: z.int(),
  at: z.coerce.date(),
});
export type OutgoingRecord = z.output<typeof outgoingSchema>;

/** A letter that lies in the addressee's mailbox and was not collected yet, as far as we know. */
const openSchema = z.object({
  letter: z.string(),
  messageId: z.string(),
  safeId: z.string(),
  at: z.coerce.date(),
});
export type OpenRecord = z.output<typeof openSchema>;

export const OUTGOING = "out:";
export const OPEN = "open:";
const PAGE = 500;

export interface Outbox {
  read(deliveryId: string): Promise<OutgoingRecord | undefined>;
  write(deliveryId: string, record: OutgoingRecord): Promise<void>;
  /** From now on its process card is asked for. */
  open(record: OpenRecord): Promise<void>;
  close(record: OpenRecord): Promise<void>;
  /** All open ones, page by page. */
  pages(): AsyncGenerator<readonly OpenRecord[]>;
}

export function createOutbox(records: Records): Outbox {
  return {
    async read(deliveryId) {
      const value = await records.get(OUTGOING + deliveryId);
      return value === undefined ? undefined : outgoingSchema.parse(JSON.parse(value));
    },
    write: (deliveryId, record) => records.put(OUTGOING + deliveryId, JSON.stringify(record)),
    open: (record) => records.put(openKey(record), JSON.stringify(record)),
    close: (record) => records.remove(openKey(record)),
    async *pages() {
      let after = "";
      for (;;) {
        const found = await records.list(OPEN, { after, limit: PAGE });
        if (found.length > 0) yield found.map(({ value }) => openSchema.parse(JSON.parse(value)));
        const last = found.at(-1);
        if (last === undefined || found.length < PAGE) return;
        after = last.key;
      }
    },
  };
}

/** Message ids are opaque and of any length. */
function openKey({ letter, messageId }: OpenRecord): string {
  return `${OPEN}${digestOf(letter, messageId)}`;
}
