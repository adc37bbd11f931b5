import { Option } from "commander";
import { GatewayError } from "../model/errors.ts";
import { callAdmin } from "../ops/admin-client.ts";
import type { QuarantineItem } from "../store/store.ts";
import type { Cli } from "./cli.ts";
import { parseLimit } from "./options.ts";
import { table } from "./output.ts";
import type { AddCommand } from "./program.ts";

type Verdict = "released" | "rejected";
interface ListOptions {
  readonly account?: string;
  readonly state: "open" | Verdict;
  readonly limit: number;
}

export const addQuarantine: AddCommand = (parent, cli) => {
  const quarantine = parent
    .command("quarantine")
    .description("What was not taken in, or is held until somebody looks at it.");
  quarantine
    .command("list")
    .description("What is in quarantine, the oldest first.")
    .option("--account <name>", "only of this account")
    .addOption(
      new Option("--state <state>", "in which state")
        .choices(["open", "released", "rejected"])
        .default("open"),
    )
    .option("--limit <number>", "at most so many", parseLimit, 50)
    .action((options: ListOptions) =>
      cli().withStorage(async ({ storage }) => {
        const items = await storage.store.listQuarantine(options);
        cli().print({ items }, () => render(items));
      }),
    );
  quarantine
    .command("release <id>")
    .description("Lets it go on: a held letter is delivered, other input is taken in once more.")
    .action((id: string) => close(cli(), id, "released"));
  quarantine
    .command("reject <id>")
    .description("Ends it: a held letter is refused and its sender told. The bytes stay kept.")
    .action((id: string) => close(cli(), id, "rejected"));
};

async function close(cli: Cli, id: string, to: Verdict): Promise<void> {
  await cli.withStorage(async ({ loaded, storage }) => {
    const item = await storage.store.quarantineItem(id);
    if (!item) throw new GatewayError("NOT_FOUND", `there is nothing in quarantine with id ${id}`);
    if (item.state !== "open")
      throw new GatewayError("NOT_ALLOWED", `${id} is already ${item.state}`);
    // What never became a letter is taken in by its bridge, and bridges live in the running gateway.
    if (to === "released" && item.messageId === undefined) {
      const path = `/api/v1/quarantine/${encodeURIComponent(id)}/release`;
      await callAdmin(loaded.config, { role: "operator", method: "POST", path });
    } else if (!(await storage.store.closeQuarantine(id, to, cli.actor, cli.now())))
      throw new GatewayError("NOT_ALLOWED", `${id} was closed by somebody else just now`);
    const letter = item.messageId === undefined ? {} : { letter: item.messageId };
    cli.print({ id, state: to, ...letter }, () => `${id} is ${to}\n`);
  });
}

function render(items: readonly QuarantineItem[]): string {
  if (items.length === 0) return "nothing in quarantine\n";
  return table(
    ["ID", "SINCE", "ACCOUNT", "SIDE", "CODE", "LETTER", "DETAIL"],
    items.map((item) => [
      item.id,
      `${item.createdAt.toISOString().slice(0, 19)}Z`,
      item.account,
      item.side,
      item.code,
      item.messageId ?? "-",
      item.detail,
    ]),
  );
}
