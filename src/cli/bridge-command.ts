import type { Command } from "commander";
import { createAccountEgress } from "../bridge/accounts.ts";
import { recordsOf } from "../bridge/context.ts";
import type {
  BridgeCommand,
  BridgeContext,
  BridgeDefinition,
  CommandInput,
  CommandResult,
} from "../bridge/contract.ts";
import { builtInBridges, loadBridge } from "../bridge/registry.ts";
import type { LoadedConfig, LoadOptions } from "../config/load.ts";
import type { AccountConfig } from "../config/schema.ts";
import { GatewayError } from "../model/errors.ts";
import type { Storage } from "../store/open.ts";
import type { Cli } from "./cli.ts";
import { EXIT, UsageError } from "./exit.ts";
import { lines, safeText, table } from "./output.ts";
import { createQuietContext } from "./quiet-context.ts";

/** A command of a bridge ends after so long, milliseconds. */
const LIMIT_MS = 120_000;

export const BRIDGE_COMMANDS_HELP =
  "\nA bridge may have commands of its own: `postfach-bridge <bridge> --help` lists them.";

/**
 * When the command line begins with the name of a bridge instead of a command: adds that bridge with its commands. Only
 * this one is loaded; a word that is neither is left to the parser.
 */
export async function addBridgeCommands(
  program: Command,
  cli: () => Cli,
  args: readonly string[],
  { bridges }: LoadOptions,
): Promise<void> {
  const name = firstOperand(args);
  const known = program.commands.some((command) => command.name() === name);
  const available = (bridges?.available ?? builtInBridges)();
  if (name === undefined || known || !available.includes(name)) return;
  const definition = await (bridges?.load ?? loadBridge)(name);
  const parent = program.command(name).description(definition.title);
  for (const command of definition.commands ?? []) addCommand(parent, cli, definition, command);
  if ((definition.commands ?? []).length === 0)
    parent.action(() => {
      throw new UsageError(`bridge ${name} has no commands of its own.`);
    });
}

/** The first word that is no option and no value of `--config`. */
function firstOperand(args: readonly string[]): string | undefined {
  for (let n = 0; n < args.length; n += 1) {
    const word = args[n] ?? "";
    if (word === "-c" || word === "--config") n += 1;
    else if (!word.startsWith("-")) return word;
  }
  return undefined;
}

function addCommand(
  parent: Command,
  cli: () => Cli,
  definition: BridgeDefinition,
  command: BridgeCommand,
): void {
  const { name, description, arguments: operands = [], options = [] } = command;
  const added = parent.command(name).description(description);
  for (const operand of operands) {
    const shown = operand.optional === true ? `[${operand.name}]` : `<${operand.name}>`;
    added.argument(shown, operand.description);
  }
  added.option("--account <name>", "which account; needed when several speak this system");
  for (const option of options) {
    const value = option.value === undefined ? "" : ` <${option.value}>`;
    added.option(`--${option.name}${value}`, option.description);
  }
  added.action(async () => {
    const loaded = await cli().load();
    const given = added.opts<Record<string, string | boolean | undefined>>();
    const account = accountOf(loaded, definition.name, given["account"]);
    const input: CommandInput = {
      arguments: Object.fromEntries(operands.map((it, n) => [it.name, added.args[n]])),
      options: Object.fromEntries(
        options.map((it) => [it.name, textOf(given[camelCase(it.name)])]),
      ),
      now: cli().now(),
      signal: AbortSignal.timeout(LIMIT_MS),
    };
    show(cli(), await runIn(cli(), loaded, account, definition, (it) => command.run(it, input)));
  });
}

function textOf(value: string | boolean | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

/** The way commander names an option. */
function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function accountOf({ config }: LoadedConfig, bridge: string, wanted: unknown): AccountConfig {
  const own = config.accounts.filter((account) => account.bridge === bridge);
  const names = own.map(({ name }) => name).join(", ") || "none";
  if (wanted === undefined && own.length > 1)
    throw new UsageError(`several accounts speak ${bridge}; say --account, one of: ${names}.`);
  const found = wanted === undefined ? own[0] : own.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  throw new GatewayError("NOT_FOUND", `no such account of bridge ${bridge}; there are: ${names}`);
}

async function runIn(
  cli: Cli,
  loaded: LoadedConfig,
  account: AccountConfig,
  definition: BridgeDefinition,
  work: (context: BridgeContext<unknown>) => Promise<CommandResult>,
): Promise<CommandResult> {
  const egress = createAccountEgress(account, definition);
  const quiet = createQuietContext(account, (url, init) => egress.fetch(url, init));
  let opened = false;
  try {
    return await cli.withStorage(({ storage }) => {
      opened = true;
      return work(withStore(cli, loaded, quiet, storage));
    });
  } catch (error) {
    // Before the first `run` there is no database; what needs none works all the same.
    const none = !opened && error instanceof GatewayError && error.code === "NOT_FOUND";
    if (!none) throw error;
    const refuse = () => Promise.reject(error);
    const records = { ...quiet.records, put: refuse, remove: refuse };
    return await work({ ...quiet, records, store: refuse, open: refuse, audit: refuse });
  } finally {
    await egress.close();
  }
}

/** What the account keeps, and the audit log under the name of who runs the command. No letters. */
function withStore(
  cli: Cli,
  { config }: LoadedConfig,
  quiet: BridgeContext<unknown>,
  { store, blobs }: Storage,
): BridgeContext<unknown> {
  return {
    ...quiet,
    records: recordsOf(store, quiet.account),
    store: (_name, body) => blobs.put(body, config.limits.attachmentBytes),
    open: (blob) => blobs.open(blob),
    audit: (action, subject, detail = {}) =>
      store.appendAudit({ actor: cli.actor, action, subject, detail }, cli.now()),
  };
}

function show(
  cli: Cli,
  { document, lines: head = [], table: grid, notes = [], ok }: CommandResult,
) {
  if (ok === false) cli.exitWith(EXIT.failed.code);
  cli.print(document, () =>
    [
      lines(head.map(safeText)),
      grid === undefined ? "" : table(grid.head, grid.rows),
      lines(notes.map(safeText)),
    ].join(""),
  );
}
