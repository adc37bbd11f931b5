/** One at a time across processes: a lock file that holds the owner's process id and dies with it. */
import fs from "node:fs";
import path from "node:path";

const pollMs = 500;

export async function withLock(file, task, { onWait, timeoutMs = 15 * 60_000 } = {}) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (tryLock(file)) break;
    const owner = readOwner(file);
    if (owner === undefined || !isAlive(owner)) {
      fs.rmSync(file, { force: true });
      continue;
    }
    if (Date.now() > deadline)
      throw new Error(`process ${String(owner)} has held ${file} for too long`);
    onWait?.(owner);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  try {
    return await task();
  } finally {
    fs.rmSync(file, { force: true });
  }
}

// The id must be in the file from its first moment: write aside, then link, which fails if the lock exists.
function tryLock(file) {
  const mine = `${file}.${String(process.pid)}`;
  fs.writeFileSync(mine, String(process.pid));
  try {
    fs.linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    fs.rmSync(mine, { force: true });
  }
}

function readOwner(file) {
  try {
    const pid = Number(fs.readFileSync(file, "utf8"));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
