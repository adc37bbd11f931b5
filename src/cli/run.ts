import { once } from "node:events";
import { describeError, GatewayError } from "../model/errors.ts";
import { createLog } from "../ops/log.ts";
import type { AddCommand } from "./program.ts";

/** After this time a stop that hangs is ended by force, milliseconds. The database is the truth: nothing is lost. */
const STOP_MS = 30_000;

export const addRun: AddCommand = (parent, cli) => {
  parent
    .command("run")
    .description("Runs the gateway until SIGTERM or Ctrl-C; a second one ends it at once.")
    .action(async () => {
      const loaded = await cli().load();
      const { terminal } = cli();
      const log = createLog(loaded.config.log.level, { write: (line) => terminal.write(line) });
      const onFault = (event: string) => (fault: unknown) => {
        log.error({ error: describeError(fault) }, event);
        process.exit(1); // a state that nobody thought of: begin anew from the database
      };
      process.once("uncaughtException", onFault("uncaught-exception"));
      process.once("unhandledRejection", onFault("unhandled-rejection"));
      const asked = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
      // Loaded only here: the other commands are quick, and a library's deprecation is no matter for operators.
      process.noDeprecation = true;
      const { startGateway } = await import("../gateway.ts");
      // Until it runs there is nothing to do: the start reads the file anyway.
      let applyPlan = () => Promise.resolve();
      process.on("SIGHUP", () => {
        // A file that is refused changes nothing; the gateway goes on with the plan in force.
        applyPlan().catch((error: unknown) => {
          const code = error instanceof GatewayError ? { code: error.code } : {};
          log.error({ ...code, error: describeError(error) }, "plan-refused");
        });
      });
      const gateway = await startGateway(loaded, log, { reload: () => cli().load() });
      applyPlan = () => gateway.applyPlan("signal");
      await asked;
      for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => process.exit(1));
      const limit = setTimeout(() => {
        log.error({ milliseconds: STOP_MS }, "stop-took-too-long");
        process.exit(1);
      }, STOP_MS);
      await gateway.stop();
      clearTimeout(limit);
    });
};
