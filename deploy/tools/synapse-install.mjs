/** A real Synapse in a Python virtual environment under .cache/, from PyPI wheels; no root, no Docker. */
import fs from "node:fs";
import path from "node:path";
import { findOnPath, isExecutable, runCommand } from "./child.mjs";
import { withLock } from "./lock.mjs";
import { cacheFolder, logFolder } from "./paths.mjs";

export const synapseVersion = "1.163.2";
const home = path.join(cacheFolder, `synapse-${synapseVersion}`);
const python = path.join(home, "bin", "python");
const ready = path.join(home, ".ready");
const oldestPython = "3.10";
const installLimitMs = 12 * 60_000;
const stepLimitMs = 2 * 60_000;
const candidates = [
  "python3",
  "python3.14",
  "python3.13",
  "python3.12",
  "python3.11",
  "python3.10",
];

/** What is in place now; installs nothing. */
export function findSynapse() {
  if (fs.existsSync(ready) && isExecutable(python)) return { python };
  const given = process.env.POSTFACH_NO_SYNAPSE ?? "";
  if (given !== "") return { reason: given };
  return {
    reason: `Synapse ${synapseVersion} is not installed yet (\`npm test\` and \`npm run demo\` do)`,
  };
}

/** Installs Synapse when it is missing; a failure is a reason, not an exception. */
export async function ensureSynapse({ onLine } = {}) {
  if ("python" in findSynapse()) return { python };
  const onWait = (pid) => onLine?.(`waiting for another installation (${String(pid)})`);
  try {
    return await withLock(path.join(cacheFolder, "synapse.lock"), () => install(onLine), {
      onWait,
    });
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

async function install(onLine) {
  if ("python" in findSynapse()) return { python };
  const logFile = path.join(logFolder, "synapse-install.log");
  fs.rmSync(logFile, { force: true });
  const base = await findPython(logFile);
  if (base === undefined) return { reason: `no Python >= ${oldestPython} on this machine` };
  fs.rmSync(home, { recursive: true, force: true }); // half of an earlier attempt
  onLine?.("creating the virtual environment");
  const venv = { command: base, args: ["-m", "venv", home], logFile, timeoutMs: stepLimitMs };
  if (!(await runCommand(venv)).ok)
    return { reason: `${base} cannot make a virtual environment (Debian: package python3-venv)` };
  const failure = await installPackages(logFile, onLine);
  if (failure !== undefined) return { reason: failure };
  fs.writeFileSync(ready, `${synapseVersion}\n`);
  return { python };
}

async function installPackages(logFile, onLine) {
  const options = [
    "--disable-pip-version-check",
    "--no-input",
    "--prefer-binary",
    "--progress-bar=off",
  ];
  let collected = 0;
  const end = await runCommand({
    name: "pip",
    command: python,
    args: ["-m", "pip", "install", ...options, `matrix-synapse==${synapseVersion}`],
    logFile,
    timeoutMs: installLimitMs,
    onLine: (line) => {
      if (line.startsWith("Collecting ")) collected += 1;
      const phase = pipPhase(line, collected);
      if (phase !== undefined) onLine?.(phase);
    },
  });
  if (!end.ok) return `pip could not install Synapse: ${lastWords(end.tail)} (log: ${logFile})`;
  const load = { command: python, args: ["-c", "import synapse.app.homeserver"] };
  const loaded = await runCommand({ ...load, logFile, timeoutMs: stepLimitMs });
  return loaded.ok
    ? undefined
    : `Synapse does not load: ${lastWords(loaded.tail)} (log: ${logFile})`;
}

/** One short phase from a line of pip; `undefined` for lines that say nothing to a reader. */
export function pipPhase(line, collected) {
  const name = /^Collecting ([\w.-]+)/.exec(line)?.[1];
  if (name !== undefined) return `collecting packages, ${String(collected)} so far (${name})`;
  if (line.startsWith("Installing collected packages"))
    return `installing ${String(collected)} packages`;
  return undefined;
}

async function findPython(logFile) {
  const isNewEnough = `import sys; sys.exit(sys.version_info < (${oldestPython.replace(".", ", ")}))`;
  for (const name of candidates) {
    if (findOnPath(name) === undefined) continue;
    const end = await runCommand({
      command: name,
      args: ["-c", isNewEnough],
      logFile,
      timeoutMs: 20_000,
    });
    if (end.ok) return name;
  }
  return undefined;
}

function lastWords(tail) {
  const words = tail.filter((line) => line.trim() !== "");
  return words.findLast((line) => /error/i.test(line)) ?? words.at(-1) ?? "no output";
}
