import { z } from "zod";
import { matrixUser } from "../bridge/settings.ts";
import type { CoreConfig } from "../config/schema.ts";
import { GatewayError } from "../model/errors.ts";
import { newId } from "../model/id.ts";
import type { Substitution } from "../store/store.ts";
import { isDay, type Day } from "../transition/berlin.ts";
import { checkLink } from "../ops/links.ts";
import { momentsOf } from "./substitution.ts";

const day = () => z.string().refine(isDay, "must be a day such as 2026-12-14");
/** One substitution as asked for; days of Germany, both included. */
export const substitutionRowSchema = z.strictObject({
  account: z.string().min(1).max(40),
  absent: matrixUser(),
  deputy: matrixUser(),
  from: day().optional(),
  until: day(),
});

/** Throws CONFIG_INVALID: unknown account, users that cannot be linked, one person, or an end before the begin. */
export function newSubstitution(
  config: CoreConfig,
  row: z.output<typeof substitutionRowSchema>,
  by: string,
  now: Date,
): Substitution {
  const { account, absent, deputy } = row;
  for (const user of [absent, deputy]) checkLink(config, { account, user });
  if (absent === deputy)
    throw new GatewayError("CONFIG_INVALID", "nobody stands in for themselves");
  const last = row.until as Day;
  const { until } = momentsOf({ from: last, until: last });
  const from =
    row.from === undefined ? now : momentsOf({ from: row.from as Day, until: last }).from;
  if (from.getTime() >= until.getTime() || until.getTime() <= now.getTime())
    throw new GatewayError(
      "CONFIG_INVALID",
      "the substitution ends before it begins, or before now",
    );
  return { id: newId(now.getTime()), account, absent, deputy, from, until, by };
}
