#!/usr/bin/env node
/**
 * The command `postfach-bridge`, started by whatever Node a machine has (>= 20): built-ins only.
 * The gateway itself needs Node 24, which comes with the npm packages and is started from there.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const neededMajor = 24;
const unavailable = 69; // sysexits.h EX_UNAVAILABLE
const forwarded = ["SIGTERM", "SIGHUP", "SIGINT", "SIGUSR2"];
const signalExitBase = 128;
const projectRoot = fileURLToPath(new URL("..", import.meta.url));

/**
 * For the gateway. By itself V8 lets the young objects of a busy process take 16 MB and more per half space, three of
 * them, and keeps that: some 60 MB for nothing, as what is alive between two letters is small.
 */
export const gatewayFlags = ["--max-semi-space-size=8"];

/** The program of a Node that runs our TypeScript, or the reason why there is none. */
export function findNode24(root = projectRoot) {
  if (Number(process.versions.node.split(".")[0]) >= neededMajor) return { node: process.execPath };
  const node = path.join(root, "node_modules", ".bin", "node");
  if (fs.existsSync(node)) return { node };
  if (!fs.existsSync(path.join(root, "node_modules")))
    return { reason: `the npm packages are missing: run \`npm ci\` in ${root}` };
  const machine = `${process.platform} ${process.arch}`;
  return {
    reason: `no Node ${neededMajor} comes with the npm packages for ${machine}: install it`,
  };
}

/** Runs a script on Node 24 with our terminal and signals; resolves to the exit code to pass on. */
export function runOnNode24({
  root = projectRoot,
  script,
  args = [],
  flags = [],
  env = process.env,
}) {
  const found = findNode24(root);
  if (found.node === undefined) {
    process.stderr.write(`postfach-bridge: ${found.reason}\n`);
    return Promise.resolve(unavailable);
  }
  const child = spawn(found.node, [...flags, script, ...args], { stdio: "inherit", env });
  for (const signal of forwarded)
    process.on(signal, () => {
      if (signal !== "SIGINT" || !isForeground()) child.kill(signal);
    });
  return new Promise((resolve) => {
    child.once("error", (error) => {
      process.stderr.write(`postfach-bridge: cannot start ${found.node}: ${error.message}\n`);
      resolve(unavailable);
    });
    child.once("exit", (code, signal) => resolve(code ?? dieOf(signal)));
  });
}

// Ctrl-C reaches every process in the terminal's foreground group: passing it on would send it twice.
function isForeground() {
  try {
    const stat = fs.readFileSync("/proc/self/stat", "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [group, foregroundGroup] = [fields[2], fields[5]];
    return group === foregroundGroup;
  } catch {
    return process.stdin.isTTY === true;
  }
}

// Whoever waits for us shall see the child's end as ours, so a signal is taken, not translated.
function dieOf(signal) {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  return signalExitBase + os.constants.signals[signal];
}

async function launch() {
  const major = Number(process.versions.node.split(".")[0]);
  const script = path.join(projectRoot, "src", "main.ts");
  if (major >= neededMajor && fs.existsSync(path.join(projectRoot, "node_modules")))
    await import("./main.ts");
  else if (major >= neededMajor) {
    process.stderr.write(
      `postfach-bridge: the npm packages are missing: run \`npm ci\` in ${projectRoot}\n`,
    );
    process.exitCode = unavailable;
  } else
    process.exitCode = await runOnNode24({
      script,
      args: process.argv.slice(2),
      flags: gatewayFlags,
    });
}

if (
  process.argv[1] !== undefined &&
  fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)
)
  await launch();
