import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { buildRegistration } from "../matrix/registration.ts";
import { GatewayError } from "../model/errors.ts";
import type { AddCommand } from "./program.ts";

export const addRegistration: AddCommand = (parent, cli) => {
  parent
    .command("registration")
    .description(
      "Writes the registration file for the homeserver. It holds both tokens: keep it secret.",
    )
    .option("-o, --out <file>", "write it there, readable for this user only; default: print it")
    .option("--force", "replace an existing file")
    .action(async ({ out, force = false }: { out?: string; force?: boolean }) => {
      const { config } = await cli().load();
      const bridges = config.accounts.filter(({ phase }) => phase !== "off");
      const registration = buildRegistration(
        config.homeserver,
        config.appservice,
        bridges.map(({ bridge }) => bridge),
      );
      const text = stringify(registration, { lineWidth: 0 });
      if (out === undefined) return cli().print(registration, () => text);
      if (existsSync(out) && !force)
        throw new GatewayError("NOT_ALLOWED", `${out} exists already; --force replaces it`);
      writeFileSync(out, text, { mode: 0o600 });
      chmodSync(out, 0o600); // the mode above is only for a new file
      cli().print({ file: out, id: registration.id }, () => `${written(out)}\n`);
    });
};

function written(file: string): string {
  return `wrote ${file}; name it under app_service_config_files of the homeserver and restart that`;
}
