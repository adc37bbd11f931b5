import { z } from "zod";
import type { Records } from "../../src/bridge/contract.ts";
import { SEEN } from "./intake.ts";
import { OUTGOING } from "./outbox.ts";
import { PAST } from "./past.ts";

/** Records that nobody can need any more. What they prevent, the store prevents for ever: source ids are unique. */

const KEPT_MS = 400 * 86_400_000;
const PAGE = 1_000;
const MAX_PAGES = 10_000;
const dated = z.object({ at: z.coerce.date() });

/** Marks of deliveries and of letters handed over, older than a year and a bit. */
export async function purge(records: Records, now: Date): Promise<void> {
  const before = now.getTime() - KEPT_MS;
  for (const prefix of [SEEN, PAST, OUTGOING]) {
    let after = "";
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const found = await records.list(prefix, { after, limit: PAGE });
      for (const { key, value } of found)
        if (dated.parse(JSON.parse(value)).at.getTime() < before) await records.remove(key);
      const last = found.at(-1);
      if (last === undefined || found.length < PAGE) break;
      after = last.key;
    }
  }
}
