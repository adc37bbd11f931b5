/**
 * The npm packages of the project, installed on demand by the machine's own Node and npm (>= 20, built-ins only).
 * Whether they are current is decided by what the lock file asks for, never by file times: a clone has none.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { runCommand } from "./child.mjs";
import { withLock } from "./lock.mjs";

const limitMs = 15 * 60_000;
const logTail = 15;

/** Runs `npm ci --ignore-scripts` when node_modules is missing or is not what package-lock.json asks for. */
export async function ensureDependencies({ root, onLine }) {
  if (dependenciesAreCurrent(root)) return { installed: false };
  const options = {
    onWait: (pid) => onLine?.(`waiting for another installation (${String(pid)})`),
  };
  return withLock(
    path.join(root, ".cache", "npm-ci.lock"),
    async () => {
      if (dependenciesAreCurrent(root)) return { installed: false };
      await install(root, onLine);
      return { installed: true };
    },
    options,
  );
}

async function install(root, onLine) {
  const logFile = path.join(root, ".cache", "logs", "npm-ci.log");
  fs.rmSync(logFile, { force: true });
  const total = countPackages(root);
  let fetched = 0;
  onLine?.(`npm ci, ${String(total)} packages`);
  const end = await runCommand({
    ...npmCommand(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=http"]),
    name: "npm ci",
    cwd: root,
    logFile,
    timeoutMs: limitMs,
    onLine: (line) => {
      if (/http fetch GET 200 .*\.tgz/.test(line)) fetched += 1;
      onLine?.(`npm ci, ${String(fetched)} of ${String(total)} packages fetched`);
    },
  });
  if (!end.ok) {
    const tail = end.tail.filter((line) => !line.includes("http fetch")).slice(-logTail);
    throw new Error(`npm ci failed (full log: ${logFile})\n${tail.join("\n")}`);
  }
  fs.writeFileSync(stampFile(root), lockDigest(root));
}

/** Without a stamp (somebody ran `npm ci` by hand) npm's own record of what it installed is compared. */
export function dependenciesAreCurrent(root) {
  const installed = readJson(path.join(root, "node_modules", ".package-lock.json"))?.packages;
  if (installed === undefined) return false;
  const digest = lockDigest(root);
  if (readText(stampFile(root)) === digest) return true;
  const wanted = readJson(path.join(root, "package-lock.json"))?.packages;
  if (wanted === undefined || !isSatisfied(wanted, installed)) return false;
  fs.writeFileSync(stampFile(root), digest);
  return true;
}

/** Packages of the lock file against packages in place; only optional ones may be absent. */
export function isSatisfied(wanted, installed) {
  const current = (entry, found) =>
    found === undefined
      ? entry.optional === true || entry.devOptional === true
      : found.version === entry.version && found.resolved === entry.resolved;
  return (
    Object.entries(wanted).every(
      ([name, entry]) => name === "" || current(entry, installed[name]),
    ) && Object.keys(installed).every((name) => wanted[name] !== undefined)
  );
}

// Started by npm, we use that very npm: the one on the PATH may be another or missing.
function npmCommand(args) {
  const cli = process.env.npm_execpath ?? "";
  if (path.basename(cli) === "npm-cli.js")
    return { command: process.execPath, args: [cli, ...args] };
  return { command: "npm", args };
}

function countPackages(root) {
  const packages = readJson(path.join(root, "package-lock.json"))?.packages ?? {};
  return Math.max(0, Object.keys(packages).length - 1);
}

function stampFile(root) {
  return path.join(root, "node_modules", ".postfach-lock");
}

export function lockDigest(root) {
  const text = readText(path.join(root, "package-lock.json")) ?? "";
  return createHash("sha256").update(text).digest("hex");
}

function readText(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
