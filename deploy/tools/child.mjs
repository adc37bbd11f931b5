/**
 * Child processes that never outlive us: services with a log file, and commands whose lines are read.
 * Every child leads its own process group (Ctrl-C reaches us, not it), is killed by the kernel when we die
 * (setpriv --pdeathsig, where there is one), and leaves a record in .cache/run/ for leftovers.mjs.
 */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { forget, record } from "./leftovers.mjs";

const tailLines = 30;
const maxLineLength = 2_000;
const pollMs = 100;
const alive = new Set();
let deathSignalWorks;

process.on("exit", () => {
  for (const pid of alive) signalGroup(pid, "SIGKILL");
});

/** Kills everything this process started: for a time limit or an interrupt. */
export function killAllChildren() {
  for (const pid of alive) signalGroup(pid, "SIGKILL");
}

export function findOnPath(command, search = process.env.PATH ?? "") {
  for (const folder of search.split(path.delimiter)) {
    const candidate = path.join(folder, command);
    if (folder !== "" && isExecutable(candidate)) return candidate;
  }
  return undefined;
}

export function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** A long-running service; stdout and stderr go to `logFile` directly, so they survive our own death. */
export function startChild({ name, command, args = [], env, cwd, logFile, user, deathSignal }) {
  fs.mkdirSync(path.dirname(logFile), { recursive: true });
  const log = fs.openSync(logFile, "a");
  const child = launch({ command, args, env, cwd, user, deathSignal, stdio: ["ignore", log, log] });
  fs.closeSync(log);
  const exited = follow(child, name);
  let ended = false;
  void exited.then(() => (ended = true));
  return {
    pid: child.pid ?? 0,
    logFile,
    exited,
    hasEnded: () => ended,
    signal: (signal) => !ended && signalGroup(child.pid, signal),
    async kill(signal = "SIGKILL") {
      if (!ended) signalGroup(child.pid, signal);
      if (signal === "SIGKILL") await exited;
    },
    async stop(graceMs = 10_000) {
      if (!ended) signalGroup(child.pid, "SIGTERM");
      const timer = setTimeout(() => signalGroup(child.pid, "SIGKILL"), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Runs a command to its end; `onLine` sees every line, `logFile` keeps them all, `tail` the last ones. */
export async function runCommand({ name, command, args = [], env, cwd, user, logFile, ...limits }) {
  const { onLine, timeoutMs, inherit = false } = limits;
  const output = inherit ? "inherit" : "pipe";
  const child = launch({ command, args, env, cwd, user, stdio: ["ignore", output, output] });
  if (logFile !== undefined) fs.mkdirSync(path.dirname(logFile), { recursive: true });
  const log = logFile === undefined ? undefined : fs.openSync(logFile, "a");
  const tail = [];
  const take = (text) => {
    const line = text.slice(0, maxLineLength);
    if (log !== undefined) fs.writeSync(log, line + "\n");
    tail.push(line);
    if (tail.length > tailLines) tail.shift();
    onLine?.(line);
  };
  const drained = [child.stdout, child.stderr].map((input) => input && readLines(input, take));
  let timedOut = false;
  const expire = () => {
    timedOut = true;
    signalGroup(child.pid, "SIGKILL");
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
  const end = await follow(child, name ?? path.basename(command));
  clearTimeout(timer);
  if (end.error !== undefined) take(end.error.message);
  if (timedOut) take(`stopped after ${String(timeoutMs / 1000)} s`);
  if (end.error === undefined) await Promise.all(drained);
  if (log !== undefined) fs.closeSync(log);
  return { ok: end.code === 0, code: end.code, signal: end.signal, tail };
}

/** Waits until `check` answers true; fails when the service ends first or the time is over, and shows its log. */
export async function waitUntilReady(child, what, check, timeoutMs = 30_000) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (child.hasEnded()) throw new Error(`${what} ended while starting${showTail(child.logFile)}`);
    if (await check().catch(() => false)) return;
    if (Date.now() > deadline) {
      await child.kill();
      const seconds = String(timeoutMs / 1000);
      throw new Error(`${what} did not answer within ${seconds} s${showTail(child.logFile)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

export function showTail(logFile) {
  try {
    const lines = fs.readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-tailLines);
    return `; the end of its log (${logFile}):\n${lines.join("\n")}`;
  } catch {
    return "";
  }
}

function launch({ command, args, env, cwd, user, stdio, deathSignal = "SIGKILL" }) {
  const options = { env: env ?? process.env, cwd, stdio, detached: true, ...user };
  if (!canSetDeathSignal()) return spawn(command, args, options);
  const wrapped = ["--pdeathsig", deathSignal.replace(/^SIG/, ""), "--", command, ...args];
  return spawn("setpriv", wrapped, options);
}

// BusyBox has a setpriv without --pdeathsig, and other systems have none: only trying tells.
function canSetDeathSignal() {
  deathSignalWorks ??= spawnSync("setpriv", ["--pdeathsig", "KILL", "--", "true"]).status === 0;
  return deathSignalWorks;
}

function follow(child, name) {
  if (child.pid !== undefined) {
    alive.add(child.pid);
    record(child.pid, name);
  }
  return new Promise((resolve) => {
    const end = (result) => {
      alive.delete(child.pid);
      forget(child.pid);
      resolve(result);
    };
    child.once("error", (error) => end({ code: null, signal: null, error }));
    child.once("exit", (code, signal) => end({ code, signal }));
  });
}

async function readLines(input, take) {
  for await (const line of createInterface({ input })) take(line);
}

function signalGroup(pid, signal) {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
