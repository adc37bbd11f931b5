import type { Command } from "commander";
import type { AccountConfig } from "../config/schema.ts";
import type { LoadedConfig } from "../config/load.ts";
import { feedLetters, listRuns, type MigrationRun } from "../migrate/feed.ts";
import { openSource, verifyAccount, waitForDelivery } from "../migrate/run.ts";
import type { HistorySource } from "../migrate/source.ts";
import { surveySource } from "../migrate/survey.ts";
import type { VerifyReport } from "../migrate/verify.ts";
import { GatewayError } from "../model/errors.ts";
import { isRunning } from "../ops/admin-client.ts";
import { createDirectory } from "../pipeline/directory.ts";
import type { Storage } from "../store/open.ts";
import type { Cli } from "./cli.ts";
import { EXIT, Interrupted, UsageError } from "./exit.ts";
import { progressOf } from "./migrate-progress.ts";
import { facts, lines, safeText, table } from "./output.ts";
import type { AddCommand } from "./program.ts";
import { createQuietContext, silentLog } from "./quiet-context.ts";

/** Letters per second: a third of what one Synapse takes, so that live traffic has the rest. */
const DEFAULT_RATE = 20;
const MAX_RATE = 1_000;
const MAX_RUNS = 1_000;

interface Given {
  readonly account?: string;
  readonly from?: string;
  readonly dryRun?: boolean;
  readonly rate: number;
}

export const addMigrate: AddCommand = (parent, cli) => {
  const command: Command = parent
    .command("migrate")
    .description(
      "Moves letters of the past into their rooms: with their times, never notified, never acknowledged. Needs the running gateway; safe to repeat.",
    )
    .option("--account <name>", "whose letters they are")
    .option("--from <source>", "jsonl:<file>, archive:<folder> or mailbox; see docs/migration.md")
    .option("--dry-run", "only reads the source and reports what would be moved")
    .option("--rate <number>", "letters per second at most", parseRate, DEFAULT_RATE)
    .action((given: Given) => move(cli(), given));
  command
    .command("status")
    .description("How far each source of an account was moved.")
    .action(() => status(cli(), command.opts<Given>()));
  command
    .command("verify")
    .description("Reads every room with moved letters back from the homeserver and compares it.")
    .action(() =>
      withAccount(cli(), command.opts<Given>(), async (loaded, account, storage) => {
        const report = await verify(loaded, account, storage);
        print(cli(), { verification: report }, report);
      }),
    );
};

async function move(cli: Cli, given: Given): Promise<void> {
  const { from } = given;
  if (from === undefined) throw new UsageError("say --from, where the letters are.");
  await withSite(cli, async ({ loaded, storage, missing }) => {
    const account = accountOf(loaded, given.account);
    const { attachmentBytes } = loaded.config.limits;
    const access = storage && {
      ...{ store: storage.store, blobs: storage.blobs, attachmentBytes },
      quietContext: createQuietContext,
    };
    const source = await openSource(from, account, loaded.definitions.get(account.bridge), access);
    try {
      if (given.dryRun === true) return await report(cli, source);
      if (storage === undefined)
        throw (
          missing ?? new GatewayError("NOT_FOUND", "there is no database yet; `run` creates it")
        );
      const advice =
        "what is stored is handed over by the gateway. Go on with the same command: " +
        `postfach-bridge migrate --account ${account.name} --from ${from}`;
      await untilStopped(advice, (signal) =>
        feed(cli, { loaded, account, storage, rate: given.rate }, source, signal),
      );
    } finally {
      await source.close?.();
    }
  });
}

interface Site {
  readonly loaded: LoadedConfig;
  /** Without it there is no database yet, and `missing` says so: exports can be looked at all the same. */
  readonly storage?: Storage;
  readonly missing?: GatewayError;
}

async function withSite(cli: Cli, work: (site: Site) => Promise<void>): Promise<void> {
  let opened = false;
  try {
    await cli.withStorage((site) => {
      opened = true;
      return work(site);
    });
  } catch (error) {
    if (opened || !(error instanceof GatewayError) || !NO_DATABASE.includes(error.code))
      throw error;
    await work({ loaded: await cli.load(), missing: error });
  }
}
const NO_DATABASE: readonly string[] = ["NOT_FOUND", "NOT_ALLOWED"];

async function report(cli: Cli, source: HistorySource): Promise<void> {
  const { signal } = new AbortController();
  const { report } = await surveySource(source, signal, { whole: true });
  if (report.problemCount > 0) cli.exitWith(EXIT.failed.code);
  cli.print({ source: source.name, survey: report }, () =>
    [
      facts({
        ...{ ...report, source: source.name, mailboxes: undefined, problems: undefined },
        ...{ first: report.first?.toISOString(), last: report.last?.toISOString() },
      }),
      table(["mailbox", "letters"], Object.entries(report.mailboxes)),
      lines(report.problems.map((it) => safeText(`${it.place.key}: ${it.code} ${it.detail}`))),
    ].join(""),
  );
}

interface Moving {
  readonly loaded: LoadedConfig;
  readonly account: AccountConfig;
  readonly storage: Storage;
  readonly rate: number;
}

async function feed(
  cli: Cli,
  { loaded, account, storage, rate }: Moving,
  source: HistorySource,
  signal: AbortSignal,
): Promise<void> {
  const { store, blobs } = storage;
  if (!(await isRunning(loaded.config)))
    throw new GatewayError("NOT_ALLOWED", "the gateway hands the letters over: start `run` first");
  const { seconds, lap } = stopwatch();
  const survey = await surveySource(source, signal);
  lap("survey");
  const { digest, letters } = survey.report;
  const deps = {
    ...{ store, blobs, account: account.name, rate, now: () => cli.now() },
    directory: createDirectory(loaded.config.accounts, store),
    attachmentBytes: loaded.config.limits.attachmentBytes,
    onProgress: progressOf(cli.terminal),
  };
  const audit = (action: string, detail: Record<string, string | number>) =>
    store.appendAudit({ actor: cli.actor, action, subject: account.name, detail }, cli.now());
  const { name } = source;
  await audit("migrate-started", { source: name, digest, letters });
  const run = await feedLetters(deps, source, survey, signal);
  lap("feed");
  const left = await waitForDelivery(store, account.name, signal);
  lap("handOver");
  const verification = await verify(loaded, account, { store }, signal);
  lap("verification");
  await audit("migrate-finished", {
    ...{ source: name, stored: run.stored, known: run.known, quarantined: run.quarantined },
    ...{ conflicts: run.conflicts, left, differences: verification.differenceCount },
  });
  if (left > 0 || run.conflicts + run.quarantined > 0) cli.exitWith(EXIT.failed.code);
  print(cli, { run, left, seconds, verification }, verification, runFacts(run));
}

function status(cli: Cli, given: Given): Promise<void> {
  return withAccount(cli, given, async (_loaded, { name }, { store }) => {
    const runs = await listRuns(store, name, MAX_RUNS);
    cli.print({ runs }, () => runs.map(runFacts).join("\n"));
  });
}

function verify(
  { config }: LoadedConfig,
  account: AccountConfig,
  { store }: Pick<Storage, "store">,
  signal = new AbortController().signal,
): Promise<VerifyReport> {
  return verifyAccount(config, store, account, silentLog, signal);
}

function withAccount(
  cli: Cli,
  { account: name }: Given,
  work: (loaded: LoadedConfig, account: AccountConfig, storage: Storage) => Promise<void>,
): Promise<void> {
  return cli.withStorage(async ({ loaded, storage }) => {
    const account = accountOf(loaded, name);
    await work(loaded, account, storage);
  });
}

function accountOf(
  { config: { accounts } }: LoadedConfig,
  name: string | undefined,
): AccountConfig {
  const known = accounts.map((one) => one.name).join(", ");
  if (name === undefined) throw new UsageError(`say --account, one of: ${known}.`);
  const account = accounts.find((one) => one.name === name);
  if (!account) throw new GatewayError("NOT_FOUND", `there is no account ${name}; known: ${known}`);
  return account;
}

function print(cli: Cli, document: object, report: VerifyReport, head = ""): void {
  const { mailboxes, differences, differenceCount } = report;
  if (differenceCount > 0) cli.exitWith(EXIT.failed.code);
  const rows = mailboxes.map((it) => [
    it.mailbox,
    ...[it.cases, it.letters, it.inMatrix],
    it.digest === it.matrixDigest ? cli.style.good("equal") : cli.style.bad("DIFFERENT"),
  ]);
  cli.print(document, () =>
    [
      head,
      table(["mailbox", "cases", "letters", "in Matrix", "digests"], rows),
      lines(differences.map((it) => safeText(`${it.kind} ${it.id} ${it.detail ?? ""}`))),
      `${differenceCount} difference(s)\n`,
    ].join(""),
  );
}

function runFacts({ startedAt, finishedAt, ...run }: MigrationRun): string {
  return facts({ ...run, started: startedAt.toISOString(), finished: finishedAt?.toISOString() });
}

/** The first Ctrl-C or SIGTERM lets the letter at hand end; a second one ends the process, which loses nothing either. */
async function untilStopped<T>(
  advice: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const ask = () => stop.abort();
  const names = ["SIGINT", "SIGTERM"] as const;
  for (const name of names) process.once(name, ask);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) throw new Interrupted(`stopped; ${advice}`, { cause: error });
    throw error;
  } finally {
    for (const name of names) process.off(name, ask);
  }
}

/** What each part of a run took, seconds. */
function stopwatch(): { seconds: Record<string, number>; lap(part: string): void } {
  const seconds: Record<string, number> = {};
  let last = performance.now();
  return {
    seconds,
    lap(part) {
      const now = performance.now();
      seconds[part] = Math.round(now - last) / 1_000;
      last = now;
    },
  };
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (rate > 0 && rate <= MAX_RATE) return rate;
  throw new UsageError(`--rate must be above 0 and at most ${MAX_RATE}.`);
}
