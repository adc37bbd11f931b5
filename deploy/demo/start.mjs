/** `npm run demo` in a fresh clone, on the machine's own Node (>= 20): built-ins only until the packages are there. */
import path from "node:path";
import { ensureDependencies } from "../tools/install.mjs";
import { projectRoot } from "../tools/paths.mjs";
import { showProgress } from "../tools/progress.mjs";
import { provision } from "../tools/provision.mjs";
import { runOnNode24 } from "../../src/launch.mjs";

process.stdout.write(`
  Postfachbrücke: a demo on this machine only
  Letters travel between a mailbox of the administration and Matrix rooms, both ways.
  The first start fetches the npm packages and a Matrix homeserver (one to three minutes).

`);

try {
  const progress = showProgress();
  await installPackages(progress);
  const env = { ...process.env, ...(await chooseHomeserver(progress)) };
  const script = path.join(projectRoot, "deploy", "demo", "demo.ts");
  process.exitCode = await runOnNode24({ script, args: process.argv.slice(2), env });
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function installPackages(progress) {
  const task = progress.start("npm packages");
  try {
    await ensureDependencies({ root: projectRoot, onLine: (line) => task.phase(line) });
    task.done("ready");
  } catch (error) {
    task.done("failed");
    throw error;
  }
}

async function chooseHomeserver(progress) {
  const reason = (await provision(["synapse"], progress)).get("synapse");
  if (reason === undefined) return { POSTFACH_DEMO_HOMESERVER: "synapse" };
  return { POSTFACH_DEMO_HOMESERVER: "simulated", POSTFACH_DEMO_REASON: reason };
}
