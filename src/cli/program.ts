import { Command, CommanderError } from "commander";
import { ConfigError, formatProblem, type LoadOptions } from "../config/load.ts";
import { DeliveryError, describeError, ERRORS, GatewayError } from "../model/errors.ts";
import { addAudit } from "./audit.ts";
import { addBridgeCommands, BRIDGE_COMMANDS_HELP } from "./bridge-command.ts";
import { addCheck } from "./check.ts";
import { addCompare } from "./compare.ts";
import { addDecommission } from "./decommission.ts";
import { createCli, type Cli } from "./cli.ts";
import { EXIT, exitCodeOf, exitHelp, Interrupted, UsageError } from "./exit.ts";
import { addInspect } from "./inspect.ts";
import { addLinks } from "./links.ts";
import { addList } from "./list.ts";
import { addMigrate } from "./migrate.ts";
import { addOpen } from "./open.ts";
import type { Terminal } from "./output.ts";
import { addPing } from "./ping.ts";
import { addPlan } from "./plan.ts";
import { addQuarantine } from "./quarantine.ts";
import { addRegistration } from "./registration.ts";
import { addResend } from "./resend.ts";
import { addResolve } from "./resolve.ts";
import { addRun } from "./run.ts";
import { addShow } from "./show.ts";
import { addTrace } from "./trace.ts";

const COMMANDS = [
  addRun,
  addCheck,
  addRegistration,
  addPing,
  addList,
  addShow,
  addTrace,
  addResend,
  addResolve,
  addQuarantine,
  addLinks,
  addOpen,
  addInspect,
  addAudit,
  addPlan,
  addCompare,
  addDecommission,
  addMigrate,
];

const SEE_HELP = "see postfach-bridge --help";

/** Gives a command to its group; `cli` is asked for when the command runs, because the options are known only then. */
export type AddCommand = (parent: Command, cli: () => Cli) => void;

/** Runs one command line (without program and script). Resolves to the exit code; never throws. */
export async function runCommandLine(
  args: readonly string[],
  terminal: Terminal,
  loadOptions: LoadOptions = {},
): Promise<number> {
  const json = args.includes("--json");
  let exit: number = EXIT.ok.code;
  const program = createProgram(terminal, json);
  const cli = () => {
    const given: unknown = program.opts()["config"];
    const configFile =
      typeof given === "string"
        ? given
        : (terminal.environment["POSTFACH_CONFIG"] ?? "config.yaml");
    const exitWith = (code: number) => (exit = code);
    return createCli({ terminal, json, configFile, loadOptions, exitWith });
  };
  for (const add of COMMANDS) add(program, cli);
  try {
    await addBridgeCommands(program, cli, args, loadOptions);
    await program.parseAsync([...args], { from: "user" });
    return exit;
  } catch (error) {
    report(error, json, terminal);
    return exitCodeOf(error);
  }
}

function createProgram(terminal: Terminal, json: boolean): Command {
  const program = new Command("postfach-bridge")
    .description("Brings letters between the mailboxes of German administrations and Matrix rooms.")
    .option("-c, --config <file>", "configuration; default: $POSTFACH_CONFIG or ./config.yaml")
    .option("--json", "print one JSON document instead of text; errors too (on standard error)")
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .addHelpText("after", BRIDGE_COMMANDS_HELP)
    .addHelpText("afterAll", exitHelp())
    .exitOverride();
  program.configureOutput({
    writeOut: (text) => terminal.write(text),
    // With --json the error comes as JSON, from `report`.
    writeErr: (text) => (json ? undefined : terminal.writeError(text)),
  });
  return program;
}

function report(error: unknown, json: boolean, terminal: Terminal): void {
  if (error instanceof CommanderError) {
    const isHelp = error.exitCode === 0 || error.code === "commander.help";
    if (json && !isHelp) terminal.writeError(jsonError("USAGE", error.message, SEE_HELP));
    return;
  }
  if (error instanceof UsageError) {
    const { message } = error;
    const text = json ? jsonError("USAGE", message, SEE_HELP) : `error: ${message}\n`;
    return terminal.writeError(text);
  }
  if (error instanceof Interrupted) return terminal.writeError(`\n${error.message}\n`);
  const code = codeOf(error);
  const next = adviceFor(error) ?? ERRORS[code].next;
  if (json) {
    const { problems } = error instanceof ConfigError ? error : { problems: undefined };
    const message = problems ? countText(problems.length) : describeError(error);
    terminal.writeError(jsonError(code, message, next, problems ? { problems } : {}));
    return;
  }
  if (error instanceof ConfigError) {
    const shown = error.problems.map((problem) => `✗ ${formatProblem(problem)}\n`).join("");
    terminal.writeError(`${shown}${countText(error.problems.length)}\n`);
    return;
  }
  terminal.writeError(`postfach-bridge: ${describeError(error)}\n  ${code}: ${next}\n`);
}

function countText(count: number): string {
  return `${count} ${count === 1 ? "problem" : "problems"}`;
}

function codeOf(error: unknown): keyof typeof ERRORS {
  if (error instanceof GatewayError || error instanceof DeliveryError) return error.code;
  return "INTERNAL";
}

/** Faults of the machine, which the list of our own codes does not know. */
function adviceFor(error: unknown): string | undefined {
  if (error instanceof ConfigError) return "correct the lines that are named";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "EADDRINUSE")
    return "another program, or another gateway, uses this port: end it, or change `listen`";
  if (code === "EADDRNOTAVAIL") return "this machine does not have this address: change `listen`";
  if (code === "EACCES" || code === "EPERM") return "check the owner and the permissions";
  return undefined;
}

function jsonError(code: string, message: string, next: string, more: object = {}): string {
  return `${JSON.stringify({ error: { code, message, next, ...more } }, null, 2)}\n`;
}
