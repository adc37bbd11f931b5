/**
 * A record of every child process under .cache/run/, so that a later run can end what a crash left behind.
 * A record names boot, namespace and start time beside the process's id: a reused id is never killed.
 * Run as a script it ends all recorded processes: `node deploy/tools/leftovers.mjs`.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../.cache/run/", import.meta.url));
// proc(5), counted from 1: field 2 (the name) may hold spaces, 3 is the state (Z: dead, unread), 22 the start time.
const statStartField = 22;

export function record(pid, name, into = folder) {
  try {
    fs.mkdirSync(into, { recursive: true });
    const entry = { pid, name, started: startTime(pid), world: pidWorld() };
    fs.writeFileSync(path.join(into, `${String(pid)}.json`), JSON.stringify(entry));
  } catch {
    // A read-only project folder still runs its services: only the safety net is missing.
  }
}

export function forget(pid, from = folder) {
  fs.rmSync(path.join(from, `${String(pid)}.json`), { force: true });
}

/** Ends every recorded process that still lives, with its group; returns their names. */
export function endLeftovers(from = folder) {
  const ended = [];
  const files = fs.existsSync(from) ? fs.readdirSync(from) : [];
  for (const file of files.filter((name) => name.endsWith(".json"))) {
    const full = path.join(from, file);
    const entry = readRecord(full);
    if (entry !== undefined && isOurs(entry) && killGroup(entry.pid))
      ended.push(`${entry.name} (${String(entry.pid)})`);
    fs.rmSync(full, { force: true });
  }
  return ended;
}

function readRecord(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function startTime(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${String(pid)}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[statStartField - 3];
  } catch {
    return undefined;
  }
}

// A leader that is gone may have left its group, whose id the kernel does not give away meanwhile.
function isOurs({ pid, started, world }) {
  const now = startTime(pid);
  return world !== undefined && world === pidWorld() && (now === undefined || now === started);
}

// Where a process id means the same process: one boot of one machine, one namespace.
function pidWorld() {
  try {
    const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${fs.readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}

function killGroup(leader) {
  try {
    return process.kill(-leader, "SIGKILL");
  } catch {
    return false;
  }
}

if (
  process.argv[1] !== undefined &&
  fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)
)
  for (const name of endLeftovers()) console.log(`ended a process left by an earlier run: ${name}`);
