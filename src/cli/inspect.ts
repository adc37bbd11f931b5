import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { BridgeDefinition, Check, Inspection } from "../bridge/contract.ts";
import { builtInBridges, loadBridge } from "../bridge/registry.ts";
import { nearest } from "../config/nearest.ts";
import { ERRORS, GatewayError } from "../model/errors.ts";
import type { Cli } from "./cli.ts";
import { EXIT, UsageError } from "./exit.ts";
import { facts, lines, safeText, table } from "./output.ts";
import type { AddCommand } from "./program.ts";

export const addInspect: AddCommand = (parent, cli) => {
  parent
    .command("inspect")
    .argument("<bridge>", "which bridge reads it")
    .argument(
      "[file]",
      "one message as it stands on the wire or on disk; without it: the options of the bridge",
    )
    .description(
      "Reads one message offline, verifies it and shows the canonical message. No network, no store.",
    )
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText("after", "\nEvery bridge has further options: `inspect <bridge>` lists them.")
    .action(
      async (bridge: string, file: string | undefined, _options: object, command: Command) => {
        const definition = await definitionOf(bridge, cli());
        if (definition.inspect === undefined)
          throw new GatewayError("NOT_ALLOWED", `bridge ${bridge} cannot inspect files`);
        const known = definition.inspectOptions ?? {};
        if (file === undefined) return showOptions(cli(), bridge, known);
        const options = readOptions(command.args.slice(1), known);
        if (!existsSync(options.file))
          throw new GatewayError("NOT_FOUND", `${options.file} does not exist`);
        const found = await definition.inspect(options.file, {
          options: options.given,
          now: cli().now(),
        });
        if (isRefused(found)) cli().exitWith(EXIT.refused.code);
        cli().print(asDocument(found), () => render(cli(), found));
      },
    );
};

async function definitionOf(name: string, { loadOptions }: Cli): Promise<BridgeDefinition> {
  try {
    return await (loadOptions.bridges ?? { load: loadBridge }).load(name);
  } catch (cause) {
    const available = (loadOptions.bridges?.available ?? builtInBridges)();
    if (available.includes(name)) throw cause;
    const message = `there is no bridge ${name}; available: ${available.join(", ")}`;
    throw new GatewayError("NOT_FOUND", message, { cause });
  }
}

function isRefused({ code, checks }: Inspection): boolean {
  return code !== undefined || checks.some(({ ok }) => !ok);
}

/** Commander hands everything it does not know over as it is: the file and `--name value` or `--name=value`. */
function readOptions(
  args: readonly string[],
  known: Readonly<Record<string, string>>,
): { file: string; given: Readonly<Record<string, string>> } {
  const given: Record<string, string> = {};
  const files: string[] = [];
  for (let n = 0; n < args.length; n += 1) {
    const [, name, inline] = /^--([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(args[n] ?? "") ?? [];
    if (name === undefined) {
      files.push(args[n] ?? "");
      continue;
    }
    if (!Object.hasOwn(known, name)) throw unknownOption(name, Object.keys(known));
    const value = inline ?? args[(n += 1)];
    if (value === undefined) throw new UsageError(`option --${name} needs a value.`);
    given[name] = value;
  }
  const [file] = files;
  if (file === undefined || files.length > 1)
    throw new UsageError(`exactly one file is needed, found ${files.length}.`);
  return { file, given };
}

function unknownOption(name: string, known: readonly string[]): UsageError {
  const meant = nearest(name, known);
  const hint = meant === undefined ? "" : ` Did you mean --${meant}?`;
  const list = known.map((it) => `--${it}`).join(", ") || "none";
  return new UsageError(`unknown option --${name}.${hint} This bridge has: ${list}.`);
}

function showOptions(cli: Cli, bridge: string, known: Readonly<Record<string, string>>): void {
  cli.exitWith(EXIT.usage.code);
  cli.print({ bridge, options: known }, () =>
    Object.keys(known).length === 0
      ? `bridge ${bridge} has no options; give it a file\n`
      : `Options of bridge ${bridge}:\n${facts(Object.fromEntries(Object.entries(known).map(([name, help]) => [`  --${name}`, help])))}`,
  );
}

function asDocument(found: Inspection): Record<string, unknown> {
  const { code } = found;
  return {
    accepted: !isRefused(found),
    ...found,
    ...(code === undefined ? {} : { meaning: ERRORS[code].meaning }),
  };
}

function render({ style }: Cli, found: Inspection): string {
  const mark = ({ ok }: Check) => (ok ? style.good("✓") : style.bad("✗"));
  const checks = table(
    ["", "CHECK", "DETAIL"],
    found.checks.map((check) => [check.ok ? "✓" : "✗", check.name, check.detail ?? ""]),
  ).replaceAll(/^[✓✗]/gm, (sign) => mark({ name: "", ok: sign === "✓" }));
  const { message, code } = found;
  const verdict =
    code !== undefined
      ? style.bad(`refused: ${code}: ${ERRORS[code].meaning}`)
      : isRefused(found)
        ? style.bad("refused: a check failed")
        : style.good("accepted");
  const parts = [lines([style.bold(safeText(found.kind)), ""]), checks];
  if (message) parts.push(`\n${style.bold("canonical message")}\n`, facts(flatten(message)));
  if (found.facts) parts.push(`\n${style.bold("facts")}\n`, facts(flatten(found.facts)));
  return [...parts, `\n${verdict}\n`].join("");
}

/** Nested values as `to[0].address`, so that every one has a line. */
function flatten(value: object, path = ""): Record<string, unknown> {
  const flat: Record<string, unknown> = {};
  for (const [key, below] of Object.entries(value)) {
    const name = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    if (below instanceof Date) flat[name] = below.toISOString();
    else if (typeof below === "object" && below !== null)
      Object.assign(flat, flatten(below as object, name));
    else flat[name] = below;
  }
  return flat;
}
