/** Runs a Redis for tests: free port of 127.0.0.1, nothing kept on disk unless asked, `noeviction`. */
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { startChild, waitUntilReady } from "./child.mjs";
import { findProgram } from "./debian.mjs";
import { findFreePort } from "./freeport.mjs";
import { makeTemporaryFolder } from "./paths.mjs";

export async function startRedis({ dir, args = [], appendOnly = false } = {}) {
  const found = findProgram("redis");
  if (!("bin" in found)) throw new Error(found.reason);
  const folder = dir ?? makeTemporaryFolder("redis");
  fs.mkdirSync(folder, { recursive: true });
  const port = await findFreePort();
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  options.push("--maxmemory-policy", "noeviction", "--appendonly", appendOnly ? "yes" : "no");
  const launch = async () => {
    const child = startChild({
      name: "redis",
      command: found.bin,
      args: [...options, ...args],
      env: { ...process.env, ...found.env },
      logFile: path.join(folder, "redis.log"),
    });
    await waitUntilReady(child, "Redis", () => answersPing(port));
    return child;
  };
  let child = await launch();
  return {
    url: `redis://127.0.0.1:${String(port)}`,
    port,
    get pid() {
      return child.pid;
    },
    kill: (signal) => child.kill(signal),
    async stop() {
      await child.stop();
      if (dir === undefined) fs.rmSync(folder, { recursive: true, force: true });
    },
    async restart() {
      await child.stop();
      child = await launch();
    },
  };
}

function answersPing(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1", timeout: 2_000 }, () => {
      socket.write("PING\r\n");
    });
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("data", (bytes) => end(bytes.toString().startsWith("+PONG")));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
    socket.once("close", () => end(false));
  });
}
