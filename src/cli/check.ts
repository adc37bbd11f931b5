import type { LoadedConfig } from "../config/load.ts";
import { checkAll, type CheckLine } from "./checks.ts";
import type { Cli } from "./cli.ts";
import { EXIT } from "./exit.ts";
import { lines, safeText, type Style } from "./output.ts";
import type { AddCommand } from "./program.ts";

export const addCheck: AddCommand = (parent, cli) => {
  parent
    .command("check")
    .description(
      "Validates the configuration, reads keys and certificates, asks everything that is needed. Changes nothing.",
    )
    .action(async () => {
      const loaded = await cli().load();
      showLines(cli(), [...summary(loaded), ...(await checkAll(loaded, cli().now()))]);
    });
};

function summary({ file, config }: LoadedConfig): CheckLine[] {
  const accounts = `${config.accounts.length} ${config.accounts.length === 1 ? "account" : "accounts"}`;
  const [sealing, ...opening] = config.keys;
  const more = opening.length === 0 ? "" : `; opens too: ${opening.map(({ id }) => id).join(", ")}`;
  const good = (name: string, detail: string) =>
    ({ name, result: "ok", detail, remedy: "" }) satisfies CheckLine;
  return [
    good("configuration", `${file}, ${accounts}`),
    good("keys", `seals with ${sealing?.id ?? "none"}${more}`),
  ];
}

/** The table of `check` and `ping`; exit 1 when a line failed. */
export function showLines(cli: Cli, found: readonly CheckLine[]): void {
  const faults = found.filter(({ result }) => result === "fail").length;
  if (faults > 0) cli.exitWith(EXIT.failed.code);
  cli.print({ ok: faults === 0, checks: found }, () => render(cli.style, found, faults));
}

function render(style: Style, found: readonly CheckLine[], faults: number): string {
  const width = Math.max(...found.map(({ name }) => safeText(name).length));
  const marks = { ok: style.good("✓"), warn: style.warn("!"), fail: style.bad("✗") };
  const shown = found.flatMap(({ name, result, detail, remedy }) => [
    `${marks[result]} ${safeText(name).padEnd(width)}  ${safeText(detail)}`,
    ...(remedy === "" ? [] : [`  ${"".padEnd(width)}  → ${safeText(remedy)}`]),
  ]);
  const verdict = faults === 0 ? "ready" : `${faults} ${faults === 1 ? "problem" : "problems"}`;
  return lines([...shown, "", faults === 0 ? style.good(verdict) : style.bad(verdict)]);
}
