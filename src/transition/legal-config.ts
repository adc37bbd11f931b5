import type { TransitionConfig } from "../config/schema.ts";
import type { ClockOptions } from "./legal-clock.ts";
import { clockTable, OZG_QUESTION, type ClockRule } from "./legal-table.ts";

/** The built-in table with the rules of the configuration. Whatever number of days is set, the question stays open. */
export function tableOf({
  legalClock,
}: Pick<TransitionConfig, "legalClock">): readonly ClockRule[] {
  return clockTable(
    legalClock.map(({ watchdogDays, ...rule }) => ({
      ...rule,
      ...(watchdogDays === undefined ? {} : { watchdogDays }),
      ...(rule.basis === "ozg-9" ? { openQuestion: OZG_QUESTION } : {}),
    })),
  );
}

export function clockOptionsOf(
  config: Pick<TransitionConfig, "legalClock" | "holidays">,
): ClockOptions {
  return { table: tableOf(config), holidays: new Set(config.holidays) };
}
