import { Option } from "commander";
import { z } from "zod";
import { callAdmin } from "../ops/admin-client.ts";
import { parseLevel } from "./options.ts";
import type { AddCommand } from "./program.ts";

interface OpenOptions {
  readonly to: string;
  readonly name?: string;
  readonly role?: "citizen" | "authority" | "organisation";
  readonly subject: string;
  readonly reference?: string;
  readonly applicationId?: string;
  readonly level?: 1 | 2 | 3 | 4;
}
const opened = z.object({ conversation: z.string(), roomId: z.string() });

export const addOpen: AddCommand = (parent, cli) => {
  parent
    .command("open <account>")
    .description(
      "Opens the case room for letters to somebody in the old system. Needs the running gateway.",
    )
    .requiredOption("--to <address>", "mailbox in the old system")
    .requiredOption("--subject <text>", "what it is about; the name of the room")
    .option("--name <text>", "name of the recipient, as the clerks shall see it")
    .addOption(
      new Option("--role <role>", "what the recipient is").choices([
        "citizen",
        "authority",
        "organisation",
      ]),
    )
    .option("--reference <text>", "file number")
    .option("--application-id <text>", "id of the application in the portal")
    .option("--level <number>", "trust level 1 to 4 that the reader must have proved", parseLevel)
    .action(async (account: string, options: OpenOptions) => {
      const { config } = await cli().load();
      const { to: address, name, role, ...rest } = options;
      const body = { account, to: { address, name, role }, ...rest };
      const answer = await callAdmin(config, {
        role: "operator",
        method: "POST",
        path: "/api/v1/conversations",
        body,
      });
      const { conversation, roomId } = opened.parse(answer);
      cli().print(
        { conversation, room: roomId },
        () => `room ${roomId}\nconversation ${conversation}\n`,
      );
    });
};
