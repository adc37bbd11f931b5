import type { Command } from "commander";
import { z } from "zod";
import type { LoadedConfig } from "../config/load.ts";
import { GatewayError } from "../model/errors.ts";
import { digestOf } from "../model/id.ts";
import { callAdmin, isRunning } from "../ops/admin-client.ts";
import { applyLinks, linkOfRow, type LinksApplied } from "../ops/links.ts";
import { parseLinks, type LinkRow } from "../ops/links-file.ts";
import { noteLater } from "../people/later.ts";
import { cursorOfLink } from "../store/sql/links.ts";
import type { Link, Store } from "../store/store.ts";
import type { Cli } from "./cli.ts";
import { addPeople } from "./people.ts";
import { readInput } from "./input.ts";
import { lines, table } from "./output.ts";
import type { AddCommand } from "./program.ts";

const PAGE = 1_000;
/** Mailboxes whose rooms the gateway is asked to look at in one request. */
const REFRESH_PAGE = 1_000;
const REFRESH_MS = 600_000;
const refreshAnswer = z.object({ roomsLater: z.int() });

export const addLinks: AddCommand = (parent, cli) => {
  const links = parent
    .command("links")
    .description("Which mailbox which Matrix user reads, beside those of the configuration.");
  links
    .command("list")
    .description("All links of the database.")
    .option("--account <name>", "only of this account")
    .action(({ account }: { account?: string }) =>
      cli().withStorage(async ({ storage }) => {
        const all = await allLinks(storage.store, account);
        cli().print({ links: all }, () => render(all));
      }),
    );
  links
    .command("import <file>")
    .description("Adds links from CSV (header account,mailbox,user) or JSON: all of them, or none.")
    .option("--dry-run", "say what would change, change nothing")
    .action((file: string, { dryRun = false }: { dryRun?: boolean }) =>
      cli().withStorage(async ({ loaded, storage }) => {
        const text = readInput(file);
        const rows = parseLinks(file, text, loaded.config);
        if (dryRun) return showDifference(cli(), storage.store, rows);
        const result = await write(cli(), loaded, storage.store, rows, "import");
        const detail = { added: result.added, rows: rows.length, digest: digestOf(text) };
        const entry = { actor: cli().actor, action: "links-imported", subject: "links", detail };
        await storage.store.appendAudit(entry, cli().now());
      }),
    );
  addSingleLinks(links, cli);
  addPeople(links, cli);
};

function addSingleLinks(links: Command, cli: () => Cli): void {
  const row = "<account> <mailbox> <user>";
  links
    .command(`add ${row}`)
    .description("Adds one link; letters held for the mailbox are released.")
    .option("--from <time>", "counts from then (ISO 8601)")
    .option("--until <time>", "ends then (ISO 8601)")
    .option("--role <text>", "in which capacity, for people")
    .action((account: string, mailbox: string, user: string, terms: Record<string, string>) =>
      cli().withStorage(async ({ loaded, storage }) => {
        const text = JSON.stringify([{ account, mailbox, user, ...terms }]);
        const rows = parseLinks("arguments", text, loaded.config);
        await write(cli(), loaded, storage.store, rows, "admin");
      }),
    );
  links
    .command(`remove ${row}`)
    .description("Removes one link; its user leaves the rooms of the mailbox.")
    .action((account: string, mailbox: string, user: string) =>
      cli().withStorage(async ({ loaded, storage }) => {
        const { actor, now } = cli();
        if (!(await storage.store.removeLink(account, mailbox, user, actor, now())))
          throw new GatewayError("NOT_FOUND", whyNoLink(loaded, account, mailbox, user));
        const note = await refreshRooms(loaded, [{ account, mailbox }]);
        // Nobody may stay in a room because the gateway happened to be down.
        if (!note.told) await noteLater(storage.store, account, mailbox);
        cli().print({ removed: true, rooms: note.told }, () => lines(["removed", note.text]));
      }),
    );
}

function whyNoLink({ config }: LoadedConfig, account: string, mailbox: string, user: string) {
  const configured = config.accounts
    .find(({ name }) => name === account)
    ?.links.some((link) => link.mailbox === mailbox && link.user === user);
  return configured
    ? "this link stands in the configuration; remove it there"
    : `there is no link of ${account}, ${mailbox} and ${user}`;
}

async function allLinks(store: Store, account?: string): Promise<readonly Link[]> {
  const all: Link[] = [];
  for (let after: string | undefined; ;) {
    const page = await store.listLinks({
      limit: PAGE,
      ...(account === undefined ? {} : { account }),
      ...(after === undefined ? {} : { after }),
    });
    all.push(...page);
    const last = page.at(-1);
    if (!last || page.length < PAGE) return all;
    after = cursorOfLink(last);
  }
}

async function showDifference(cli: Cli, store: Store, rows: readonly LinkRow[]): Promise<void> {
  const added: LinkRow[] = [];
  for (const row of rows) {
    const known = await store.linksOf(row.account, row.mailbox);
    if (!known.some(({ user }) => user === row.user)) added.push(row);
  }
  const unchanged = rows.length - added.length;
  cli.print({ dryRun: true, added, unchanged }, () =>
    lines([
      ...added.map(({ account, mailbox, user }) => `+ ${account}  ${mailbox}  ${user}`),
      `${added.length} would be added, ${unchanged} are there already; nothing was changed`,
    ]),
  );
}

async function write(
  cli: Cli,
  loaded: LoadedConfig,
  store: Store,
  rows: readonly LinkRow[],
  provenance: "import" | "admin",
): Promise<LinksApplied> {
  const links = rows.map((row) => linkOfRow(row, provenance, cli.actor));
  const result = await applyLinks(store, loaded.config, links, cli.now());
  const note = await refreshRooms(loaded, rows);
  cli.print({ ...result, rooms: note.told }, () =>
    lines([
      `${result.added} added, ${result.unchanged} were there already, ${result.released} held letters released`,
      note.text,
    ]),
  );
  return result;
}

/** Rooms follow at once when the gateway runs: it invites who is missing and removes who left. */
async function refreshRooms(
  { config }: LoadedConfig,
  rows: readonly { account: string; mailbox: string }[],
): Promise<{ told: boolean; text: string }> {
  if (!(await isRunning(config)))
    return {
      told: false,
      text: "the gateway does not run; rooms follow when it does, at the latest with their next letter",
    };
  const mailboxes = rows.map(({ account, mailbox }) => ({ account, mailbox }));
  let later = 0;
  const path = "/api/v1/links/refresh";
  for (let n = 0; n < mailboxes.length; n += REFRESH_PAGE) {
    const body = { mailboxes: mailboxes.slice(n, n + REFRESH_PAGE) };
    const request = { role: "admin", method: "POST", path, body } as const;
    const answer = await callAdmin(config, { ...request, timeoutMs: REFRESH_MS });
    later += refreshAnswer.safeParse(answer).data?.roomsLater ?? 0;
  }
  if (later > 0)
    return {
      told: true,
      text: `the rooms of ${later} mailboxes follow when the homeserver is back: it does not answer`,
    };
  return { told: true, text: "the rooms of these mailboxes were brought up to date" };
}

function render(links: readonly Link[]): string {
  if (links.length === 0) return "no links in the database\n";
  return table(
    ["ACCOUNT", "MAILBOX", "USER", "FROM", "BY", "TIME", "ROLE"],
    links.map(({ account, mailbox, user, provenance, by, from, until, role }) => [
      account,
      mailbox,
      user,
      provenance,
      by,
      from || until ? `${from?.toISOString() ?? ""} – ${until?.toISOString() ?? ""}` : "",
      role ?? "",
    ]),
  );
}
