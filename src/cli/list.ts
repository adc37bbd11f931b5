import { Option } from "commander";
import { isHistory } from "../model/history.ts";
import { MESSAGE_STATES, type MessageState } from "../model/state.ts";
import { findLetters } from "../ops/find-letters.ts";
import { letterView } from "../ops/views.ts";
import type { StoredMessage } from "../store/store.ts";
import { MAX_LIMIT, parseLimit, parseSince } from "./options.ts";
import { table } from "./output.ts";
import type { AddCommand } from "./program.ts";

interface ListOptions {
  readonly account?: string;
  readonly state?: MessageState;
  readonly from?: "legacy" | "matrix";
  readonly conversation?: string;
  readonly since?: Date;
  readonly oldest?: boolean;
  readonly limit: number;
}

export const addList: AddCommand = (parent, cli) => {
  parent
    .command("list")
    .description("Letters, the newest first. Never shows content.")
    .option("--account <name>", "only of this account")
    .addOption(new Option("--state <state>", "only in this state").choices(MESSAGE_STATES))
    .addOption(new Option("--from <side>", "only from this side").choices(["legacy", "matrix"]))
    .option("--conversation <id>", "only of this conversation")
    .option("--since <time>", "only accepted since: a date, or a time span such as 24h", parseSince)
    .option("--oldest", "the oldest first")
    .option("--limit <number>", `at most so many, 1 to ${MAX_LIMIT}`, parseLimit, 50)
    .action((options: ListOptions) =>
      cli().withStorage(async ({ storage }) => {
        const { oldest = false, from: origin, ...rest } = options;
        const order = oldest ? "oldest" : "newest";
        const letters = await findLetters(storage.store, { ...rest, origin, order });
        cli().print({ letters: letters.map(letterView) }, () => render(letters));
      }),
    );
};

function render(letters: readonly StoredMessage[]): string {
  if (letters.length === 0) return "no letters\n";
  return table(
    ["ID", "ACCEPTED", "ACCOUNT", "FROM → TO", "PHASE", "STATE", "TRIES", "CODE"],
    letters.map((letter) => [
      letter.message.id,
      letter.acceptedAt.toISOString().slice(0, 19) + "Z",
      letter.message.account,
      `${letter.origin} → ${letter.destination}${letter.copyOf === undefined ? "" : ", copy"}`,
      isHistory(letter) ? "(history)" : (letter.phase ?? ""),
      letter.state,
      letter.attempts,
      letter.code ?? "",
    ]),
  );
}
