import { Option, type Command } from "commander";
import { createDirectory } from "../pipeline/directory.ts";
import { GatewayError } from "../model/errors.ts";
import type { LoadedConfig } from "../config/load.ts";
import { reviewDocument } from "../ops/plan-document.ts";
import type { StoredPlan } from "../store/store.ts";
import type { Storage } from "../store/open.ts";
import { activePlanOf } from "../transition/active.ts";
import { applyFile, blocking, rollBack, type Applied } from "../transition/applying.ts";
import type { Direction } from "../transition/cohorts.ts";
import { explainLetter, explainMailbox } from "../transition/explaining.ts";
import { clockOptionsOf } from "../transition/legal-config.ts";
import { planOf, readPlan } from "../transition/plan.ts";
import { reviewPlan, type ReviewDeps } from "../transition/review.ts";
import type { Cli } from "./cli.ts";
import { EXIT, UsageError } from "./exit.ts";
import { parseLimit } from "./options.ts";
import { lines, table } from "./output.ts";
import { renderExplanation, renderReview } from "./plan-views.ts";
import type { AddCommand } from "./program.ts";
import { addWishes, wishNote } from "./wishes.ts";

interface ApplyFlags {
  readonly jump?: boolean;
  readonly moveConversations?: boolean;
}

export const addPlan: AddCommand = (parent, cli) => {
  const plan = parent
    .command("plan")
    .description(
      "What the configuration would change for accounts, mailboxes and letters. Changes nothing.",
    )
    .action(() =>
      cli().withStorage(async (opened) => {
        const review = await reviewPlan(depsOf(cli(), opened), planOf(opened.loaded.config));
        if (blocking(review.conflicts, false).length > 0) cli().exitWith(EXIT.failed.code);
        const note = await wishNote(opened.storage.store, review.after);
        cli().print(reviewDocument(review), () => renderReview(cli().style, review) + note);
      }),
    );
  addApply(plan, cli);
  addHistory(plan, cli);
  addExplain(plan, cli);
  addWishes(plan, cli);
};

function addApply(plan: Command, cli: () => Cli): void {
  const withFlags = (command: Command) =>
    command
      .option("--jump", "accept steps between phases that skip one")
      .option(
        "--move-conversations",
        "open conversations follow the plan from now on, whichever side counted for them",
      );
  withFlags(plan.command("apply"))
    .description("Puts the plan of the configuration in force, as a whole or not at all.")
    .action((flags: ApplyFlags) =>
      cli().withStorage(async (opened) => {
        const deps = depsOf(cli(), opened);
        showApplied(cli(), await applyFile(deps, optionsOf(cli(), flags)));
      }),
    );
  withFlags(plan.command("rollback"))
    .description(
      "Puts a former plan in force again. Letters that were decided keep their decision.",
    )
    .option("--to <number>", "number in `plan history`; default: the one before", parseLimit)
    .action((flags: ApplyFlags & { readonly to?: number }) =>
      cli().withStorage(async (opened) => {
        const options = { ...optionsOf(cli(), flags), ...(flags.to ? { to: flags.to } : {}) };
        showApplied(cli(), await rollBack(depsOf(cli(), opened), options));
      }),
    );
}

function addHistory(plan: Command, cli: () => Cli): void {
  plan
    .command("history")
    .description("Plans that were in force, the newest first.")
    .option("--limit <number>", "at most so many", parseLimit, 50)
    .action(({ limit }: { limit: number }) =>
      cli().withStorage(async ({ storage }) => {
        const plans = await storage.store.listPlans({ limit });
        const views = plans.map(({ document: _, ...rest }) => rest);
        cli().print({ plans: views }, () => renderHistory(plans));
      }),
    );
}

interface ExplainOptions {
  readonly mailbox?: string;
  readonly message?: string;
  readonly account?: string;
  readonly direction: Direction;
  readonly service?: string;
}

function addExplain(plan: Command, cli: () => Cli): void {
  plan
    .command("explain")
    .description("Which rule decides for a mailbox or a letter, and why.")
    .option("--mailbox <id>", "our side's mailbox")
    .option("--account <name>", "account of the mailbox; not needed when there is only one")
    .option("--message <id>", "a letter")
    .option("--service <name>", "as if the letter named this administrative service")
    .addOption(
      new Option("--direction <direction>", "of the letter to be decided")
        .choices(["inbound", "outbound"])
        .default("inbound"),
    )
    .action((options: ExplainOptions) => explain(cli(), options));
}

function explain(cli: Cli, options: ExplainOptions): Promise<void> {
  const { mailbox, message, direction, service } = options;
  if ((mailbox === undefined) === (message === undefined))
    throw new UsageError("give either --mailbox or --message");
  return cli.withStorage(async ({ loaded, storage }) => {
    const { store } = storage;
    const newest = await store.newestPlan();
    if (!newest)
      throw new GatewayError("NOT_FOUND", "no plan is in force yet; `run` takes the first");
    const deps = {
      store,
      directory: createDirectory(loaded.config.accounts, store),
      active: activePlanOf(newest),
      clock: clockOptionsOf(loaded.config.transition),
      levelsOf: (name: string) => loaded.config.accounts.find((one) => one.name === name)?.levels,
      now: cli.now(),
    };
    const explanation =
      message === undefined
        ? await explainMailbox(deps, {
            account: options.account ?? onlyAccount(loaded),
            mailbox: mailbox ?? "",
            direction,
            ...(service === undefined ? {} : { service }),
          })
        : await explainLetter(deps, message);
    cli.print(explanation, () => renderExplanation(cli.style, explanation));
  });
}

function onlyAccount({ config }: LoadedConfig): string {
  const [account, ...others] = config.accounts;
  if (!account || others.length > 0) throw new UsageError("--mailbox needs --account here");
  return account.name;
}

function depsOf(cli: Cli, opened: { loaded: LoadedConfig; storage: Storage }): ReviewDeps {
  const { loaded, storage } = opened;
  const directory = createDirectory(loaded.config.accounts, storage.store);
  return { loaded, store: storage.store, directory, now: cli.now() };
}

function optionsOf(cli: Cli, { jump = false, moveConversations = false }: ApplyFlags) {
  return { by: cli.actor, jump, moveConversations };
}

function showApplied(cli: Cli, { review, stored }: Applied): void {
  const applied = stored && { seq: stored.seq, planId: stored.planId };
  cli.print({ applied: applied ?? false, ...reviewDocument(review) }, () =>
    lines([
      renderReview(cli.style, review).trimEnd(),
      stored
        ? cli.style.good(`plan ${stored.planId} is in force as number ${stored.seq}`)
        : "nothing to apply: the plan in force says the same",
      ...(stored && stored.fileId !== stored.planId
        ? [
            `${cli.style.warn("!")} the configuration says something else: change it, or the next \`plan apply\` undoes this`,
          ]
        : []),
    ]),
  );
}

function renderHistory(plans: readonly StoredPlan[]): string {
  if (plans.length === 0) return "no plan was in force yet\n";
  return table(
    ["NO", "TIME", "PLAN", "HOW", "BY", "ACCOUNTS"],
    plans.map(({ seq, appliedAt, planId, way, by, document }) => [
      seq,
      appliedAt.toISOString(),
      planId,
      way,
      by,
      phasesIn(document),
    ]),
  );
}

const MAX_NAMED_COHORTS = 5;
function phasesIn(document: string): string {
  const { accounts, cohorts } = readPlan(document);
  const shown = accounts.map(({ name, phase }) => `${name}=${phase}`).join(" ");
  if (cohorts.length === 0) return shown;
  const named = cohorts.slice(0, MAX_NAMED_COHORTS).map(({ name, phase }) => `${name}=${phase}`);
  const more = cohorts.length > named.length ? ` and ${cohorts.length - named.length} more` : "";
  return `${shown}; cohorts ${named.join(" ")}${more}`;
}
