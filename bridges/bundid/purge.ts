import { z } from "zod";
import type { Records } from "../../src/bridge/contract.ts";

const PAGE = 1_000;
const MAX_PAGES = 10_000;
const dated = z.object({ at: z.coerce.date() });

/** Removes the records of this prefix whose `at` lies before the given time, when `unless` does not keep them. */
export async function purgeRecords(
  records: Records,
  prefix: string,
  before: Date,
  unless: (value: unknown) => boolean = () => false,
): Promise<void> {
  let after = "";
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const found = await records.list(prefix, { after, limit: PAGE });
    for (const { key, value } of found) {
      const parsed: unknown = JSON.parse(value);
      if (dated.parse(parsed).at < before && !unless(parsed)) await records.remove(key);
    }
    const last = found.at(-1);
    if (last === undefined || found.length < PAGE) return;
    after = last.key;
  }
}
