import { z } from "zod";
import { DeliveryError } from "../model/errors.ts";
import type { Client } from "./client.ts";
import { readAnswer } from "./homeserver-error.ts";
import { path } from "./http.ts";
import { ANNOUNCEMENT_BLOCK, ATTACHMENT_BLOCK, MESSAGE_BLOCK } from "./letter-events.ts";
import type { Voice } from "./voice.ts";

/** Pages of the room's history that are searched, from its end. */
const MAX_PAGES = 100;
const PAGE = 100;

/** Event ids of the parts of one delivery that are in the room. */
export interface MarkedParts {
  readonly main: string | undefined;
  readonly files: ReadonlyMap<number, string>;
  /** Notices of files that come in their place. */
  readonly announced: ReadonlyMap<number, string>;
}

const pageAnswer = z.object({
  chunk: z.array(z.object({ event_id: z.string(), content: z.record(z.string(), z.unknown()) })),
  end: z.string().optional(),
});
const mainBlock = z.object({ delivery_id: z.string() });
const fileBlock = z.object({ delivery_id: z.string(), index: z.int().nonnegative() });

/**
 * Looks for the marks of this delivery among what the ghost said. Searches back to the main event or to the beginning of
 * the room: the homeserver's times say nothing, because letters carry the time at which they were written.
 * Throws OUTCOME_UNKNOWN when the history is longer than the search.
 */
export async function findMarked(
  client: Client,
  voice: Voice,
  deliveryId: string,
  signal: AbortSignal,
): Promise<MarkedParts> {
  const files = new Map<number, string>();
  const announced = new Map<number, string>();
  const filter = JSON.stringify({ types: ["m.room.message"], senders: [voice.ghost] });
  let from: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const request = {
      method: "GET" as const,
      path: path`/_matrix/client/v3/rooms/${voice.roomId}/messages`,
      query: { dir: "b", limit: PAGE, filter, from },
    };
    const answer = await client.call(request, { as: voice.ghost, signal });
    const { chunk, end } = readAnswer(pageAnswer, answer, "messages");
    for (const { event_id: eventId, content } of chunk) {
      const file = fileBlock.safeParse(content[ATTACHMENT_BLOCK]);
      if (file.success && file.data.delivery_id === deliveryId) files.set(file.data.index, eventId);
      const notice = fileBlock.safeParse(content[ANNOUNCEMENT_BLOCK]);
      if (notice.success && notice.data.delivery_id === deliveryId)
        announced.set(notice.data.index, eventId);
      const main = mainBlock.safeParse(content[MESSAGE_BLOCK]);
      if (main.success && main.data.delivery_id === deliveryId)
        return { main: eventId, files, announced };
    }
    if (end === undefined || end === from) return { main: undefined, files, announced };
    from = end;
  }
  const message = `no mark of delivery ${deliveryId} in the last ${MAX_PAGES * PAGE} events`;
  throw new DeliveryError("unknown", "OUTCOME_UNKNOWN", message);
}
