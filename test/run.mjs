/**
 * `npm test`: from a fresh clone to a verdict, on the machine's own Node (>= 20), built-ins only until the packages
 * are there. The last line of its output is "N passed, N failed, N skipped"; it exits 0 only if nothing failed.
 */
import fs from "node:fs";
import path from "node:path";
import { killAllChildren, runCommand } from "../deploy/tools/child.mjs";
import { containerEngine } from "../deploy/tools/container.mjs";
import { ensureDependencies } from "../deploy/tools/install.mjs";
import { cacheFolder, projectRoot } from "../deploy/tools/paths.mjs";
import { showProgress } from "../deploy/tools/progress.mjs";
import { describeReasons, provision } from "../deploy/tools/provision.mjs";
import { findNode24 } from "../src/launch.mjs";
import { lanes } from "./lanes.mjs";
import * as summary from "./summary.mjs";

const limitMs = 25 * 60_000;
const stopGraceMs = 10_000;
const usageError = 64; // sysexits.h EX_USAGE
const reportFile = path.join(cacheFolder, "test-report.json");
const skipsFile = path.join(cacheFolder, "test-skips.jsonl");
const checks = [
  { name: "type check", args: ["typescript/bin/tsc", "--noEmit"] },
  { name: "lint", args: ["eslint/bin/eslint.js", "-c", ".ci/eslint.config.js", "."] },
  { name: "format", args: ["prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."] },
];
const requirements = [
  { variable: "REQUIRE_SYNAPSE", names: ["synapse"] },
  { variable: "REQUIRE_SERVICES", names: ["redis", "postgres", "xmlsec1", "xmllint"] },
];
const troubles = [];
const stopped = new AbortController();

process.on("SIGINT", () => stop("interrupted"));
process.on("SIGTERM", () => stop("terminated"));
setTimeout(() => stop(`over the limit of ${String(limitMs / 60_000)} minutes`), limitMs).unref();

const options = readArguments();
const chosen = summary.chooseLanes(options, lanes);
const say = (text) => process.stdout.write(`${text}\n`);
const progress = showProgress(process.stdout);
await main();

async function main() {
  const result = { skips: new Map(), report: undefined, exitCode: 1 };
  try {
    cleanUp();
    await installPackages();
    stopped.signal.throwIfAborted();
    const reasons = await provision([...new Set(chosen.flatMap((lane) => lane.needs))], progress);
    stopped.signal.throwIfAborted();
    result.skips = await dropWhatContainersGive(reasons);
    demandRequired(result.skips);
    const env = describeEnvironment(reasons);
    if (!summary.isFocused(options)) await Promise.all(checks.map((check) => runCheck(check, env)));
    stopped.signal.throwIfAborted();
    result.exitCode = await runTests(env);
    result.report = readReport();
  } catch (error) {
    if (!stopped.signal.aborted)
      troubles.push(error instanceof Error ? error.message : String(error));
  }
  conclude(result);
}

function readArguments() {
  const names = lanes.map((lane) => lane.name);
  try {
    const parsed = summary.parseArguments(process.argv.slice(2), names);
    if (!parsed.help) return parsed;
    process.stdout.write(`${summary.usage}\nlanes: ${names.join(", ")}\n`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(usageError);
  }
}

function cleanUp() {
  fs.mkdirSync(cacheFolder, { recursive: true });
  for (const name of fs.readdirSync(cacheFolder))
    if (name.startsWith("test-"))
      fs.rmSync(path.join(cacheFolder, name), { recursive: true, force: true });
}

async function installPackages() {
  const task = progress.start("npm packages");
  try {
    await ensureDependencies({ root: projectRoot, onLine: (line) => task.phase(line) });
    task.done("ready");
  } catch (error) {
    task.done("failed");
    throw error;
  }
}

// With a container engine the tests try images first, and say themselves what they then do without.
async function dropWhatContainersGive(reasons) {
  const skips = new Map(reasons);
  if ((await containerEngine()).address !== undefined)
    for (const name of ["redis", "postgres"]) skips.delete(name);
  return skips;
}

// What is demanded and missing is a failure, so it no longer counts among the skips.
function demandRequired(skips) {
  for (const { variable, names } of requirements)
    for (const name of names.filter((one) => process.env[variable] === "1" && skips.has(one))) {
      troubles.push(`${variable}=1, but ${name} is not available: ${skips.get(name)}`);
      skips.delete(name);
    }
}

function describeEnvironment(reasons) {
  const bin = path.join(projectRoot, "node_modules", ".bin");
  return {
    ...process.env,
    ...describeReasons(reasons),
    PATH: [bin, process.env.PATH ?? ""].join(path.delimiter),
    POSTFACH_TEST_SKIPS: skipsFile,
  };
}

function nodeProgram() {
  const found = findNode24(projectRoot);
  if (found.node === undefined) throw new Error(found.reason);
  return found.node;
}

async function runCheck({ name, args: [script, ...rest] }, env) {
  const task = progress.start(name);
  const lines = [];
  const end = await runCommand({
    name,
    command: nodeProgram(),
    args: [path.join(projectRoot, "node_modules", script), ...rest],
    cwd: projectRoot,
    env,
    onLine: (line) => lines.push(line),
  });
  task.done(end.ok ? "clean" : "FAILED");
  if (end.ok) return;
  say(lines.join("\n"));
  troubles.push(`${name} failed`);
}

async function runTests(env) {
  const args = [path.join(projectRoot, "node_modules", "vitest", "vitest.mjs"), "run"];
  args.push("--config", "test/vitest.config.ts", "--reporter=default", "--reporter=json");
  args.push(`--outputFile.json=${reportFile}`);
  for (const lane of chosen) args.push("--project", lane.name);
  if (options.pattern !== undefined) args.push("-t", options.pattern);
  args.push(...options.files);
  const run = { name: "vitest", command: nodeProgram(), args, cwd: projectRoot, env };
  return (await runCommand({ ...run, inherit: true })).code;
}

function readReport() {
  return fs.existsSync(reportFile) ? JSON.parse(fs.readFileSync(reportFile, "utf8")) : undefined;
}

// The commands under way end with their group; main() then comes to its end and counts this as a failure.
function stop(reason) {
  if (stopped.signal.aborted) return;
  troubles.push(reason);
  stopped.abort(new Error("stopped before its end"));
  killAllChildren();
  setTimeout(() => conclude({ skips: new Map(), exitCode: 1 }, process.exit), stopGraceMs).unref();
}

function conclude({ skips, report, exitCode }, exit = (code) => (process.exitCode = code)) {
  const result = summary.countResults(report, exitCode, troubles);
  const recorded = fs.existsSync(skipsFile) ? fs.readFileSync(skipsFile, "utf8") : "";
  say("");
  for (const line of summary.listSkips(skips, recorded)) say(line);
  for (const failure of result.failures) say(`FAILED ${failure}`);
  say(summary.formatSummary(result));
  exit(result.failed === 0 ? 0 : 1);
}
