import { GatewayError } from "../model/errors.ts";
import { isRunning } from "../ops/admin-client.ts";
import { showLines } from "./check.ts";
import { checkHomeserver, pingAccount } from "./checks.ts";
import type { AddCommand } from "./program.ts";

export const addPing: AddCommand = (parent, cli) => {
  parent
    .command("ping [account]")
    .description(
      "Reaches the old system of an account with its certificate; without account: all of them and the homeserver.",
    )
    .action(async (name: string | undefined) => {
      const loaded = await cli().load();
      const { accounts } = loaded.config;
      const chosen = accounts.filter((account) => name === undefined || account.name === name);
      if (chosen.length === 0)
        throw new GatewayError(
          "NOT_FOUND",
          `there is no account ${String(name)}; known: ${accounts.map((it) => it.name).join(", ")}`,
        );
      const homeserver =
        name === undefined
          ? await checkHomeserver(loaded.config, await isRunning(loaded.config))
          : [];
      const pings = chosen
        .filter(({ phase }) => name !== undefined || phase !== "off")
        .map((account) => pingAccount(loaded, account));
      showLines(cli(), [...homeserver, ...(await Promise.all(pings))]);
    });
};
