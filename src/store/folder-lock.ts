import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { GatewayError } from "../model/errors.ts";

const FILE = "gateway.pid";
const TRIES = 3;

export interface FolderLock {
  release(): void;
}

/**
 * Makes sure that only one gateway works on a data folder: a file with the process id, taken over when that process is
 * gone. Commands of the command line may work beside it, a second gateway may not. Throws NOT_ALLOWED.
 */
export function lockFolder(dir: string): FolderLock {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, FILE);
  for (let n = 0; n < TRIES; n += 1) {
    if (tryToCreate(file)) return { release: () => rmSync(file, { force: true }) };
    const { holder, start } = holderOf(file);
    // Our own id: a former life in a container, where the first process always has the same one.
    if (holder !== process.pid && isAlive(holder) && startOf(holder) === start)
      throw new GatewayError(
        "NOT_ALLOWED",
        `another gateway (process ${holder}) runs on ${dir}; several nodes need store: postgres`,
      );
    rmSync(file, { force: true });
  }
  throw new GatewayError("NOT_ALLOWED", `${file} cannot be taken: several gateways start at once`);
}

function tryToCreate(file: string): boolean {
  try {
    const handle = openSync(file, "wx", 0o600);
    writeSync(handle, `${process.pid} ${startOf(process.pid)}`);
    closeSync(handle);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function holderOf(file: string): { holder: number; start: string } {
  try {
    const [pid, start] = readFileSync(file, "utf8").split(" ");
    return { holder: Number(pid), start: start ?? "" };
  } catch {
    return { holder: Number.NaN, start: "" };
  }
}

/** When a process began, as Linux counts it: a process id that was given out again is another process. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
