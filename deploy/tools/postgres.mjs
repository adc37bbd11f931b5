/** Runs a PostgreSQL for tests: own data folder, free port of 127.0.0.1, fsync on, C locale, trust log-in. */
import fs from "node:fs";
import path from "node:path";
import { runCommand, startChild, waitUntilReady } from "./child.mjs";
import { findProgram } from "./debian.mjs";
import { findFreePort } from "./freeport.mjs";
import { makeTemporaryFolder } from "./paths.mjs";

const superuser = "postgres";
const unprivileged = { uid: 65_534, gid: 65_534 }; // nobody: PostgreSQL refuses to run as root
const limitMs = 60_000;
const sessionsEndMs = 20_000;
const relaunchEveryMs = 250;
const databaseName = /^[a-z][a-z0-9_]{0,62}$/;
let reachableBin;

export async function startPostgres({ dir, args = [] } = {}) {
  const found = findProgram("postgres");
  if (!("bin" in found)) throw new Error(found.reason);
  const folder = dir ?? makeTemporaryFolder("postgres");
  fs.mkdirSync(folder, { recursive: true });
  const setup = { ...prepareUser(found, folder), folder, port: await findFreePort() };
  await initialise(setup);
  let child = await launch(setup, args);
  const base = `postgres://${superuser}@127.0.0.1:${String(setup.port)}`;
  return {
    url: `${base}/postgres`,
    port: setup.port,
    get pid() {
      return child.pid;
    },
    async createDatabase(name) {
      if (!databaseName.test(name)) throw new Error(`'${name}' is no plain database name`);
      const end = await query(setup, `CREATE DATABASE ${name} TEMPLATE template0`);
      if (!end.ok) throw new Error(`cannot create database ${name}: ${end.tail.join(" ")}`);
      return `${base}/${name}`;
    },
    kill: (signal) => killServer(child, signal),
    async stop() {
      child.signal("SIGINT"); // "fast": does not wait for sessions that tests left open
      await child.stop();
      if (dir === undefined) fs.rmSync(folder, { recursive: true, force: true });
    },
    async restart() {
      child.signal("SIGINT");
      await child.stop();
      child = await relaunch(setup, args);
    },
  };
}

async function launch({ bin, env, user, folder, port }, args) {
  const settings = { listen_addresses: "127.0.0.1", port, unix_socket_directories: "", jit: "off" };
  const options = Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  const child = startChild({
    name: "postgres",
    command: path.join(bin, "postgres"),
    args: ["-D", path.join(folder, "data"), ...options, ...args],
    env,
    user,
    cwd: folder,
    logFile: path.join(folder, "postgres.log"),
    deathSignal: "SIGQUIT", // "immediate": also ends the sessions
  });
  const isReady = async () => (await query({ bin, env, user, folder, port }, "SELECT 1")).ok;
  await waitUntilReady(child, "PostgreSQL", isReady, limitMs);
  return child;
}

// A session that computes outlives its server's SIGKILL for minutes and blocks the next start: end it as well.
async function killServer(child, signal = "SIGKILL") {
  const sessions = signal === "SIGKILL" && !child.hasEnded() ? childrenOf(child.pid) : [];
  await child.kill(signal);
  for (const pid of sessions)
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone with its server.
    }
}

function childrenOf(pid) {
  try {
    const list = fs.readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8");
    return list.trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

// After a SIGKILL the sessions hold the shared memory until they notice that their parent is gone.
async function relaunch(setup, args) {
  const deadline = Date.now() + sessionsEndMs;
  for (;;) {
    try {
      return await launch(setup, args);
    } catch (error) {
      if (Date.now() > deadline || !String(error).includes("shared memory block")) throw error;
      await new Promise((resolve) => setTimeout(resolve, relaunchEveryMs));
    }
  }
}

async function initialise({ bin, env, user, folder }) {
  const data = path.join(folder, "data");
  if (fs.existsSync(path.join(data, "PG_VERSION"))) return;
  const options = ["--no-locale", "--encoding=UTF8", "--auth=trust", "--no-sync"];
  const end = await runCommand({
    command: path.join(bin, "initdb"),
    args: ["-D", data, "-U", superuser, ...options],
    env,
    user,
    cwd: folder,
    timeoutMs: limitMs,
  });
  if (!end.ok) throw new Error(`initdb failed: ${end.tail.join("\n")}`);
}

function query({ bin, env, user, folder, port }, sql) {
  const address = `postgres://${superuser}@127.0.0.1:${String(port)}/postgres?connect_timeout=5`;
  const args = ["-X", "-q", "-t", "-v", "ON_ERROR_STOP=1", "-d", address, "-c", sql];
  return runCommand({
    command: path.join(bin, "psql"),
    args,
    env,
    user,
    cwd: folder,
    timeoutMs: limitMs,
  });
}

function prepareUser(found, folder) {
  const env = { ...process.env, ...found.env, HOME: folder, TZ: "UTC", PSQLRC: "/dev/null" };
  for (const name of Object.keys(env)) if (name.startsWith("PG")) delete env[name];
  if (process.getuid?.() !== 0) return { bin: found.bin, env };
  fs.chownSync(folder, unprivileged.uid, unprivileged.gid);
  if (!isReachable(folder))
    throw new Error(`root starts PostgreSQL as another user, who cannot reach ${folder}`);
  if (found.root === undefined || isReachable(found.bin))
    return { bin: found.bin, env, user: unprivileged };
  reachableBin ??= copyPrograms(found);
  return { bin: reachableBin.bin, env: { ...env, ...reachableBin.env }, user: unprivileged };
}

/** Whether any user may enter every folder on the way to `target` (the last one may belong to that user). */
function isReachable(target) {
  for (let folder = path.dirname(target); ; folder = path.dirname(folder)) {
    if ((fs.statSync(folder).mode & 0o001) === 0) return false;
    if (folder === path.dirname(folder)) return true;
  }
}

// A project in root's own home is closed to every other user: its unpacked programs are lent from the temporary folder.
function copyPrograms({ bin, root, env }) {
  const copy = makeTemporaryFolder("postgres-programs");
  fs.chmodSync(copy, 0o755);
  fs.cpSync(root, copy, { recursive: true, verbatimSymlinks: true });
  process.once("exit", () => fs.rmSync(copy, { recursive: true, force: true }));
  const moved = (text) => text.replaceAll(root, copy);
  return { bin: moved(bin), env: { LD_LIBRARY_PATH: moved(env.LD_LIBRARY_PATH) } };
}
