import { Argument } from "commander";
import type { AddCommand } from "./program.ts";

export const addResolve: AddCommand = (parent, cli) => {
  parent
    .command("resolve")
    .description(
      "Says what became of a letter whose outcome is unknown, after asking the other side.",
    )
    .argument("<id>", "the letter")
    .addArgument(new Argument("<outcome>", "what is known").choices(["delivered", "failed"]))
    .action((id: string, outcome: "delivered" | "failed") =>
      cli().withStorage(async ({ storage }) => {
        await storage.store.resolveUnknown(id, outcome, cli().actor, cli().now());
        cli().print(
          { id, state: outcome },
          () => `letter ${id} is ${outcome}; its sender is told\n`,
        );
      }),
    );
};
