import { InvalidArgumentError } from "commander";
import { GatewayError } from "../model/errors.ts";
import { addDays, dayOf, isDay, type Day } from "../transition/berlin.ts";
import { compareDays, MAX_DAYS, type DayComparison } from "../transition/comparing.ts";
import { EXIT, UsageError } from "./exit.ts";
import { safeText, table } from "./output.ts";
import type { Style } from "./output.ts";
import type { AddCommand } from "./program.ts";

interface CompareOptions {
  readonly since?: Day;
  readonly until?: Day;
}
interface Compared {
  readonly account: string;
  readonly days: readonly DayComparison[];
}

const DEFAULT_DAYS = 7;

export const addCompare: AddCommand = (parent, cli) => {
  parent
    .command("compare [account]")
    .description("What the old mailbox and Matrix hold, per account and day; names what differs.")
    .option("--since <day>", "first day; default: a week ago", parseDayOption)
    .option("--until <day>", "last day; default: today", parseDayOption)
    .action((account: string | undefined, options: CompareOptions) =>
      cli().withStorage(async ({ loaded, storage }) => {
        const names = loaded.config.accounts.map(({ name }) => name);
        if (account !== undefined && !names.includes(account))
          throw new GatewayError("NOT_FOUND", `there is no account ${account}`);
        const { since, until } = spanOf(options, dayOf(cli().now()));
        const compared: Compared[] = [];
        for (const name of account === undefined ? names : [account])
          compared.push({
            account: name,
            days: await compareDays(storage.store, name, since, until),
          });
        const differs = compared.some(({ days }) =>
          days.some(({ missing, extra }) => missing.length + extra.length > 0),
        );
        if (differs) cli().exitWith(EXIT.failed.code);
        cli().print({ since, until, differs, accounts: compared }, () =>
          render(cli().style, compared),
        );
      }),
    );
};

function spanOf({ since, until }: CompareOptions, today: Day): { since: Day; until: Day } {
  const last = until ?? today;
  const first = since ?? addDays(last, 1 - DEFAULT_DAYS);
  if (first > last) throw new UsageError("--since lies behind --until");
  if (addDays(first, MAX_DAYS) <= last) throw new UsageError(`at most ${MAX_DAYS} days at a time`);
  return { since: first, until: last };
}

function parseDayOption(text: string): Day {
  if (!isDay(text)) throw new InvalidArgumentError("must be a day such as 2026-11-20.");
  return text;
}

function render(style: Style, compared: readonly Compared[]): string {
  const rows = compared.flatMap(({ account, days }) =>
    days.map(({ day, legacy, matrix, missing, extra }) => [
      ...[account, day, legacy.count, legacy.digest, matrix.count, matrix.digest],
      ...[missing.length, extra.length],
    ]),
  );
  if (rows.length === 0) return "no letters in this time\n";
  const head = ["ACCOUNT", "DAY", "OLD", "DIGEST", "MATRIX", "DIGEST", "MISSING", "EXTRA"];
  const findings = compared.flatMap(({ account, days }) =>
    days.flatMap(({ day, missing, extra }) => [
      ...missing.map((it) => ({ ...it, sign: style.bad("-"), account, day })),
      ...extra.map((it) => ({ ...it, sign: style.warn("+"), account, day })),
    ]),
  );
  const named = findings.map(
    ({ sign, account, day, side, letter = "", why }) =>
      `${sign} ${day} ${account} ${side} ${safeText(letter)} ${safeText(why)}\n`,
  );
  return table(head, rows) + (named.length > 0 ? `\n${named.join("")}` : "");
}
