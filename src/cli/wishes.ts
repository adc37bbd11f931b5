import type { Command } from "commander";
import { GatewayError } from "../model/errors.ts";
import { declineWish, listWishes } from "../people/wishes.ts";
import type { Store } from "../store/store.ts";
import { activePlanOf } from "../transition/active.ts";
import type { Plan } from "../transition/plan.ts";
import type { Cli } from "./cli.ts";
import { lines, table } from "./output.ts";

/** `plan wishes` and `plan decline`. */
export function addWishes(plan: Command, cli: () => Cli): void {
  plan
    .command("wishes")
    .description("Accounts that wish to move with a cohort (onboarding), and what to do about it.")
    .action(() =>
      cli().withStorage(async ({ storage: { store } }) => {
        const newest = await store.newestPlan();
        if (!newest)
          throw new GatewayError("NOT_FOUND", "no plan is in force yet; `run` takes the first");
        const wishes = await listWishes(store, activePlanOf(newest).plan);
        cli().print({ wishes }, () =>
          wishes.length === 0
            ? "nobody wishes to move with a cohort\n"
            : table(
                ["ACCOUNT", "COHORT", "STATE", "BY", "AT", "NEXT"],
                wishes.map(({ account, cohort, state, by, at, next }) => [
                  ...[account, cohort, state, by, at.toISOString(), next],
                ]),
              ),
        );
      }),
    );
  plan
    .command("decline <account>")
    .description("Declines the wish of an account to move with a cohort.")
    .action((account: string) =>
      cli().withStorage(async ({ storage: { store } }) => {
        await declineWish(store, account, cli().actor, cli().now());
        cli().print({ account, declined: true }, () =>
          lines([`the wish of ${account} is declined`]),
        );
      }),
    );
}

/** What `plan` says about wishes that its plan does not fulfil; empty: nothing. */
export async function wishNote(store: Store, plan: Plan): Promise<string> {
  const open = (await listWishes(store, plan)).filter(({ state }) => state === "open");
  if (open.length === 0) return "";
  const named = open.map(({ account, cohort }) => `${account} → ${cohort}`).join(", ");
  return `wishes that this plan does not fulfil: ${named} (\`plan wishes\`)\n`;
}
