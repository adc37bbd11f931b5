import type { Command } from "commander";
import { GatewayError } from "../model/errors.ts";
import { callAdmin, isRunning } from "../ops/admin-client.ts";
import { newSubstitution, substitutionRowSchema } from "../people/substituting.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Cli } from "./cli.ts";
import { lines, table } from "./output.ts";

const MAX_SHOWN = 1_000;
const REFRESH_MS = 600_000;

/** `links history`, `links substitute` and what belongs to it. */
export function addPeople(links: Command, cli: () => Cli): void {
  addHistory(links, cli);
  links
    .command("substitute <account> <absent> <deputy>")
    .description("Lets one user stand in for another one within an account, until a day.")
    .requiredOption("--until <day>", "last day, Europe/Berlin, for example 2026-12-14")
    .option("--from <day>", "first day; default: at once")
    .action((account: string, absent: string, deputy: string, days: Record<string, string>) =>
      cli().withStorage(async ({ loaded, storage }) => {
        const { actor, now } = cli();
        const row = substitutionRowSchema.parse({ account, absent, deputy, ...days });
        const added = newSubstitution(loaded.config, row, actor, now());
        await storage.store.addSubstitution(added, now());
        const told = await refresh(loaded, account);
        cli().print({ ...added, rooms: told }, () =>
          lines([`${added.id}: until ${added.until.toISOString()}`, roomsText(told)]),
        );
      }),
    );
  links
    .command("end-substitution <id>")
    .description("Ends a substitution now; the deputy leaves the rooms.")
    .action((id: string) =>
      cli().withStorage(async ({ loaded, storage }) => {
        const { actor, now } = cli();
        const all = await storage.store.listSubstitutions(now());
        const found = all.find((one) => one.id === id);
        if (!found || !(await storage.store.endSubstitution(id, actor, now())))
          throw new GatewayError("NOT_FOUND", `no substitution ${id} that is not over`);
        const told = await refresh(loaded, found.account);
        cli().print({ id, ended: true, rooms: told }, () => lines(["ended", roomsText(told)]));
      }),
    );
  addSubstitutions(links, cli);
}

function addSubstitutions(links: Command, cli: () => Cli): void {
  links
    .command("substitutions")
    .description("Substitutions of the database that are not over.")
    .option("--account <name>", "only of this account")
    .action(({ account }: { account?: string }) =>
      cli().withStorage(async ({ storage }) => {
        const found = await storage.store.listSubstitutions(cli().now(), account);
        cli().print({ substitutions: found }, () =>
          table(
            ["ID", "ACCOUNT", "ABSENT", "DEPUTY", "FROM", "UNTIL", "BY"],
            found.map(({ id, account: of, absent, deputy, from, until, by }) => [
              ...[id, of, absent, deputy, from.toISOString(), until.toISOString(), by],
            ]),
          ),
        );
      }),
    );
}

function addHistory(links: Command, cli: () => Cli): void {
  links
    .command("history <account>")
    .description("Who was linked when and by whom, the newest first.")
    .option("--mailbox <id>", "only of this mailbox")
    .action((account: string, { mailbox }: { mailbox?: string }) =>
      cli().withStorage(async ({ storage }) => {
        const filter = { account, limit: MAX_SHOWN, ...(mailbox === undefined ? {} : { mailbox }) };
        const changes = await storage.store.linkHistory(filter);
        cli().print({ changes }, () =>
          table(
            ["AT", "CHANGE", "MAILBOX", "USER", "PROVENANCE", "BY"],
            changes.map((one) => [
              ...[one.at.toISOString(), one.change, one.mailbox, one.user, one.provenance, one.by],
            ]),
          ),
        );
      }),
    );
}

async function refresh({ config }: LoadedConfig, account: string): Promise<boolean> {
  if (!(await isRunning(config))) return false;
  const path = "/api/v1/substitutions/refresh";
  const request = { role: "admin", method: "POST", path, body: { account } } as const;
  await callAdmin(config, { ...request, timeoutMs: REFRESH_MS });
  return true;
}

function roomsText(told: boolean): string {
  return told
    ? "the rooms of this account were brought up to date"
    : "the gateway does not run; rooms follow within a minute of its start";
}
