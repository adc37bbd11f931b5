import type { AddCommand } from "./program.ts";

export const addResend: AddCommand = (parent, cli) => {
  parent
    .command("resend <id>")
    .description(
      "Sends a failed or undecided letter again; a running gateway begins within a second.",
    )
    .option("--as-new", "with a new delivery id: the other side takes it for another letter")
    .action((id: string, { asNew = false }: { asNew?: boolean }) =>
      cli().withStorage(async ({ storage }) => {
        await storage.store.resend(id, { asNew, by: cli().actor }, cli().now());
        const note = asNew ? " with a new delivery id" : "";
        cli().print(
          { id, state: "pending", asNew },
          () => `letter ${id} will be sent again${note}\n`,
        );
      }),
    );
};
