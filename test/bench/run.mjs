/** `npm run bench` in a fresh clone, on the machine's own Node (>= 20): built-ins only until the packages are there. */
import path from "node:path";
import { ensureDependencies } from "../../deploy/tools/install.mjs";
import { projectRoot } from "../../deploy/tools/paths.mjs";
import { showProgress } from "../../deploy/tools/progress.mjs";
import { describeReasons, provision } from "../../deploy/tools/provision.mjs";
import { runOnNode24 } from "../../src/launch.mjs";

process.stdout.write(`
  Postfachbrücke: measurements on this machine only
  Letters travel both ways through a running gateway; at the end stands a table with the aims.
  The first start fetches the npm packages and a Matrix homeserver (one to three minutes).

`);

try {
  const progress = showProgress();
  await installPackages(progress);
  const reasons = await provision(["synapse"], progress);
  const env = { ...process.env, ...describeReasons(reasons) };
  const script = path.join(projectRoot, "test", "bench", "bench.ts");
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
