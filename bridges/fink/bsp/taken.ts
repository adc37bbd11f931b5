import type { BridgeContext } from "../../../src/bridge/contract.ts";

/**
 * Letters that were on their way to a reader. A legacy authority repeats a letter until it is acknowledged, and its
 * reader may be unlinked meanwhile: what was taken before is answered by its fate, not by today's links.
 */
export interface TakenLetters {
  /** Before `accept`: a crash behind it must find the note. Durable once resolved. */
  note(sourceId: string, now: Date): Promise<void>;
  isNoted(sourceId: string): Promise<boolean>;
  /** Forgets what is older than `before`; one page of the notes at each call. */
  purge(before: Date): Promise<void>;
}

const PREFIX = "bsp/taken/";
const PAGE = 1_000;
/** No authority repeats a letter for longer, milliseconds. */
export const KEPT_MS = 90 * 86_400_000;
export const PURGE_EVERY_MS = 60 * 60_000;

export function createTakenLetters(records: BridgeContext<unknown>["records"]): TakenLetters {
  let after = "";
  return {
    note: (sourceId, now) => records.put(PREFIX + sourceId, JSON.stringify({ at: now.getTime() })),
    isNoted: async (sourceId) => (await records.get(PREFIX + sourceId)) !== undefined,
    async purge(before) {
      const from = after === "" ? {} : { after };
      const page = await records.list(PREFIX, { ...from, limit: PAGE });
      for (const { key, value } of page)
        if (timeOf(value) < before.getTime()) await records.remove(key);
      after = page.length < PAGE ? "" : (page.at(-1)?.key ?? "");
    },
  };
}

/** A note that cannot be read is old. */
function timeOf(value: string): number {
  const note: unknown = JSON.parse(value);
  return typeof note === "object" && note !== null && "at" in note ? Number(note.at) : 0;
}
