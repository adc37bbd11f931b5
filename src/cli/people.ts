import type { Command } from "commander";
import { z } from "zod";
import { GatewayError } from "../model/errors.ts";
import { callAdmin, isRunning } from "../ops/admin-client.ts";
import { newSubstitution, substitutionRowSchema } from "../people/substituting.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { LinkChange, Substitution } from "../store/store.ts";
import type { Cli } from "./cli.ts";
import { UsageError } from "./exit.ts";
import { lines, table } from "./output.ts";

const MAX_SHOWN = 1_000;
const REFRESH_MS = 600_000;
const refreshAnswer = z.object({ refreshed: z.boolean() });

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
        const row = readRow({ account, absent, deputy, ...days });
        const added = newSubstitution(loaded.config, row, actor, now());
        await storage.store.addSubstitution(added, now());
        const told = await refresh(loaded, account);
        cli().print({ ...added, rooms: told === "refreshed" }, () =>
          lines([`${added.id}: until ${added.until.toISOString()}`, TOLD[told]]),
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
        cli().print({ id, ended: true, rooms: told === "refreshed" }, () =>
          lines(["ended", TOLD[told]]),
        );
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
        cli().print({ substitutions: found }, () => renderSubstitutions(found));
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
        cli().print({ changes }, () => renderHistory(changes));
      }),
    );
}

function renderSubstitutions(found: readonly Substitution[]): string {
  if (found.length === 0) return "nobody stands in for anybody\n";
  return table(
    ["ID", "ACCOUNT", "ABSENT", "DEPUTY", "FROM", "UNTIL", "BY"],
    found.map(({ id, account, absent, deputy, from, until, by }) => [
      ...[id, account, absent, deputy, from.toISOString(), until.toISOString(), by],
    ]),
  );
}

function renderHistory(changes: readonly LinkChange[]): string {
  if (changes.length === 0) return "no link was ever changed\n";
  const shown = table(
    ["AT", "CHANGE", "MAILBOX", "USER", "PROVENANCE", "BY"],
    changes.map(({ at, change, mailbox, user, provenance, by }) => [
      ...[at.toISOString(), change, mailbox, user, provenance, by],
    ]),
  );
  const more = `the newest ${MAX_SHOWN}; of one mailbox: --mailbox, older: GET /api/v1/people/history\n`;
  return changes.length < MAX_SHOWN ? shown : shown + more;
}

/** Throws UsageError, in the words of the command line. */
function readRow(given: Readonly<Record<string, string>>) {
  const read = substitutionRowSchema.safeParse(given);
  if (read.success) return read.data;
  const faults = read.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`);
  throw new UsageError(faults.join("; "));
}

type Told = "refreshed" | "later" | "not-running";

async function refresh({ config }: LoadedConfig, account: string): Promise<Told> {
  if (!(await isRunning(config))) return "not-running";
  const path = "/api/v1/substitutions/refresh";
  const request = { role: "admin", method: "POST", path, body: { account } } as const;
  const answer = await callAdmin(config, { ...request, timeoutMs: REFRESH_MS });
  return refreshAnswer.safeParse(answer).data?.refreshed === true ? "refreshed" : "later";
}

const TOLD: Readonly<Record<Told, string>> = {
  refreshed: "the rooms of this account were brought up to date",
  later: "the homeserver does not answer; rooms follow within a minute of its return",
  "not-running": "the gateway does not run; rooms follow within a minute of its start",
};
