/**
 * Redis, PostgreSQL, xmlsec1 and xmllint programs without root and without touching the machine: the machine's own when it has
 * them, else Debian packages fetched and checked by apt-get in a state of its own, unpacked under .cache/debian/.
 */
import fs from "node:fs";
import path from "node:path";
import { findOnPath, isExecutable, runCommand } from "./child.mjs";
import { withLock } from "./lock.mjs";
import { cacheFolder, logFolder } from "./paths.mjs";

const home = path.join(cacheFolder, "debian");
const logFile = path.join(logFolder, "debian.log");
const stepLimitMs = 5 * 60_000;
const systemPostgres = "/usr/lib/postgresql";
const postgresPrograms = ["postgres", "initdb", "psql"];

const programs = {
  redis: { package: "redis-server", system: findSystemRedis, locate: locateRedis },
  postgres: { package: "postgresql", system: findSystemPostgres, locate: locatePostgres },
  xmlsec1: toolOf("xmlsec1", "xmlsec1"),
  xmllint: toolOf("xmllint", "libxml2-utils"),
};

/** What is in place now; fetches nothing. `program` is "redis", "postgres", "xmlsec1" or "xmllint". */
export function findProgram(program) {
  const { system, locate } = programs[program];
  const own = system();
  if (own !== undefined) return { bin: own, env: {} };
  const root = path.join(home, program);
  const bin = fs.existsSync(path.join(root, ".ready")) ? locate(root) : undefined;
  if (bin !== undefined) return { bin, root, env: { LD_LIBRARY_PATH: libraryPath(root) } };
  const given = process.env[`POSTFACH_NO_${program.toUpperCase()}`] ?? "";
  return { reason: given === "" ? `${program} is not here yet (\`npm test\` fetches it)` : given };
}

/** Fetches what is missing; a failure is a reason, not an exception. */
export async function ensureProgram(program, { onLine } = {}) {
  const found = findProgram(program);
  if ("bin" in found) return found;
  const onWait = (pid) => onLine?.(`waiting for another installation (${String(pid)})`);
  try {
    const lock = path.join(cacheFolder, "debian.lock");
    await withLock(lock, () => fetchProgram(program, onLine), { onWait });
    return findProgram(program);
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

async function fetchProgram(program, onLine) {
  if ("bin" in findProgram(program)) return;
  for (const tool of ["apt-get", "dpkg-deb"])
    if (findOnPath(tool) === undefined)
      throw new Error(`${program} is not installed, and there is no ${tool} to fetch it with`);
  const name = programs[program].package;
  onLine?.("reading the package lists");
  await updateLists();
  const wanted = choosePackages((await apt(["-s", "install", name])).lines);
  if (wanted.length === 0)
    throw new Error(`the machine's Debian sources offer no package '${name}' (log: ${logFile})`);
  const archives = path.join(home, `${program}-archives`);
  fs.mkdirSync(archives, { recursive: true });
  onLine?.(`fetching ${String(wanted.length)} packages`);
  const download = await apt(["download", ...wanted], archives);
  if (!download.ok) throw new Error(`apt-get could not fetch '${name}' (log: ${logFile})`);
  await unpack(archives, path.join(home, program), onLine);
  fs.rmSync(archives, { recursive: true, force: true });
}

async function unpack(archives, root, onLine) {
  fs.rmSync(root, { recursive: true, force: true });
  fs.mkdirSync(root, { recursive: true });
  for (const file of fs.readdirSync(archives)) {
    onLine?.(`unpacking ${file.split("_")[0]}`);
    const args = ["-x", path.join(archives, file), root];
    const end = await runCommand({ command: "dpkg-deb", args, logFile, timeoutMs: stepLimitMs });
    if (!end.ok) throw new Error(`dpkg-deb could not unpack ${file} (log: ${logFile})`);
  }
  fs.writeFileSync(path.join(root, ".ready"), "");
}

/**
 * The packages to unpack, as name=version, from the "Inst" lines of a simulated installation: the programs and
 * their libraries. Left out: the C library (it must fit the machine's loader), scripts, and LLVM (100 MB, only for JIT).
 */
export function choosePackages(lines) {
  const chosen = [];
  for (const line of lines) {
    const [, name, version] = /^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)/.exec(line) ?? [];
    if (name === undefined) continue;
    const program = /^(redis-server|redis-tools|postgresql(-client)?-\d+|xmlsec1)$/.test(name);
    const library = name.startsWith("lib") && !/^lib(c6|c-|llvm|z3|perl|.*-perl$)/.test(name);
    if (program || library) chosen.push(`${name}=${version}`);
  }
  return chosen;
}

// A broken third-party source must not stop us: whether the lists suffice shows in the next step.
async function updateLists() {
  for (const folder of ["lists/partial", "cache/archives/partial"])
    fs.mkdirSync(path.join(home, folder), { recursive: true });
  const settings = [
    `Dir::State::lists "${home}/lists";`,
    `Dir::Cache "${home}/cache";`,
    'Dir::Log "/dev/null";',
    'Debug::NoLocking "1";',
    'APT::Sandbox::User "root";',
    'APT::Install-Recommends "0";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    "#clear APT::Update::Pre-Invoke;",
    "#clear APT::Update::Post-Invoke;",
    "#clear APT::Update::Post-Invoke-Success;",
    "#clear DPkg::Post-Invoke;",
  ];
  fs.writeFileSync(path.join(home, "apt.conf"), settings.join("\n") + "\n");
  await apt(["update"]);
}

async function apt(args, cwd = home) {
  const lines = [];
  const options = ["-q", "-c", path.join(home, "apt.conf")];
  const end = await runCommand({
    command: "apt-get",
    args: [...options, ...args],
    cwd,
    env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    logFile,
    timeoutMs: stepLimitMs,
    onLine: (line) => lines.push(line),
  });
  return { ok: end.ok, lines };
}

function findSystemRedis() {
  return findOnPath("redis-server");
}

function findSystemPostgres() {
  const versions = fs.existsSync(systemPostgres) ? fs.readdirSync(systemPostgres) : [];
  const folders = versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => path.join(systemPostgres, version, "bin"));
  const onPath = findOnPath("postgres");
  if (onPath !== undefined) folders.push(path.dirname(fs.realpathSync(onPath)));
  return folders.find(hasPostgres);
}

function hasPostgres(folder) {
  return postgresPrograms.every((program) => isExecutable(path.join(folder, program)));
}

function locateRedis(root) {
  const file = path.join(root, "usr/bin/redis-server");
  return isExecutable(file) ? file : undefined;
}

function locatePostgres(root) {
  const versions = path.join(root, systemPostgres);
  const names = fs.existsSync(versions) ? fs.readdirSync(versions) : [];
  return names.map((name) => path.join(versions, name, "bin")).find(hasPostgres);
}

/** A program of one file. */
function toolOf(name, packageName) {
  return {
    package: packageName,
    system: () => findOnPath(name),
    locate(root) {
      const file = path.join(root, "usr/bin", name);
      return isExecutable(file) ? file : undefined;
    },
  };
}

function libraryPath(root) {
  const folders = ["usr/lib", "lib"].map((folder) => path.join(root, folder));
  const multiarch = folders
    .filter((folder) => fs.existsSync(folder))
    .flatMap((folder) => fs.readdirSync(folder).map((name) => path.join(folder, name)))
    .filter((folder) => folder.includes("-linux-gnu"));
  return [...multiarch, ...folders].join(":");
}
