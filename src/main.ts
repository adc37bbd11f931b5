import { EXIT } from "./cli/exit.ts";
import { processTerminal } from "./cli/output.ts";
import { runCommandLine } from "./cli/program.ts";

/** A command that failed half-way may leave connections open; they get so long to end by themselves, milliseconds. */
const LINGER_MS = 1_000;

// Whoever reads our output has gone (`list | head`): there is nobody left to tell.
process.stdout.on("error", () => process.exit(EXIT.failed.code));

/** argv → command; its exit code is ours. */
process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal);
setTimeout(() => process.exit(), LINGER_MS).unref();
