import { z } from "zod";
import { mailboxId, matrixUser } from "../bridge/settings.ts";
import type { CoreConfig } from "../config/schema.ts";
import { GatewayError } from "../model/errors.ts";
import { isOver } from "../people/substitution.ts";
import type { Link, Store } from "../store/store.ts";

/** One line of an import, of the admin API and of the command line. */
export const linkRowSchema = z.strictObject({
  account: z.string().min(1).max(40),
  mailbox: mailboxId(),
  user: matrixUser(),
  from: z.coerce.date().optional(),
  until: z.coerce.date().optional(),
  role: z.string().min(1).max(100).optional(),
});
/** A link as stored; what the row leaves out is absent. */
export function linkOfRow(
  row: z.output<typeof linkRowSchema>,
  provenance: "import" | "admin",
  by: string,
): Link {
  const { account, mailbox, user, from, until, role } = row;
  return {
    ...{ account, mailbox, user, provenance, by },
    ...(from ? { from } : {}),
    ...(until ? { until } : {}),
    ...(role ? { role } : {}),
  };
}

export interface LinksApplied {
  readonly added: number;
  readonly unchanged: number;
  /** Links that were there and got another time or role; absent: none. */
  readonly changed?: number;
  /** Letters that were held because nobody read the mailbox, and go on now. */
  readonly released: number;
}

/**
 * Checks every link before the first one is written; then each is one transaction, and repeating the whole does what is
 * left. Letters held for a mailbox are released.
 */
export async function applyLinks(
  store: Store,
  core: CoreConfig,
  links: readonly Link[],
  now: Date,
): Promise<LinksApplied> {
  for (const link of links) checkLink(core, link);
  const result = { added: 0, unchanged: 0, changed: 0, released: 0 };
  for (const link of links) {
    result[await store.putLink(link, now)] += 1;
    if (isOver(link, now)) continue;
    const { account, mailbox, by } = link;
    result.released += await store.releaseHeld(account, mailbox, "RECIPIENT_UNLINKED", by, now);
  }
  const { changed, ...rest } = result;
  return changed === 0 ? rest : { ...rest, changed };
}

/** Throws CONFIG_INVALID: a time that ends before it begins, unknown account, one of our own users, or one of a server that is not let in. */
export function checkLink(
  core: CoreConfig,
  link: { account: string; user: string; from?: Date | undefined; until?: Date | undefined },
): void {
  const refuse = (why: string) => new GatewayError("CONFIG_INVALID", why);
  if (link.from && link.until && link.from.getTime() >= link.until.getTime())
    throw refuse("`until` must be after `from`");
  if (!core.accounts.some(({ name }) => name === link.account)) {
    const known = core.accounts.map(({ name }) => name).join(", ");
    throw refuse(`there is no account "${link.account}"; known: ${known}`);
  }
  if (link.user.startsWith(`@${core.appservice.prefix}`))
    throw refuse(`${link.user} belongs to the gateway itself; name a person`);
  const server = link.user.slice(link.user.indexOf(":") + 1);
  if (!core.homeserver.federate && server !== core.homeserver.name)
    throw refuse(
      `${link.user} is not on ${core.homeserver.name}, and homeserver.federate is false`,
    );
}
