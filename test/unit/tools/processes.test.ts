import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommand, startChild, waitUntilReady } from "../../../deploy/tools/child.mjs";
import { endLeftovers, record } from "../../../deploy/tools/leftovers.mjs";
import { withLock } from "../../../deploy/tools/lock.mjs";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "processes-"));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

const node = (script: string) => ({ command: process.execPath, args: ["-e", script] });

describe("runCommand", () => {
  test("gives every line, the tail and the verdict", async () => {
    const lines: string[] = [];
    const logFile = path.join(folder, "log", "a.log");
    const script = "console.log('one'); console.error('two'); process.exitCode = 3";
    const end = await runCommand({ ...node(script), logFile, onLine: (line) => lines.push(line) });
    expect(end).toMatchObject({ ok: false, code: 3 });
    expect(lines.sort()).toEqual(["one", "two"]);
    expect(fs.readFileSync(logFile, "utf8")).toContain("two");
  });

  test("kills what exceeds its time", async () => {
    const end = await runCommand({ ...node("setInterval(() => {}, 1000)"), timeoutMs: 50 });
    expect(end).toMatchObject({ ok: false, signal: "SIGKILL" });
    expect(end.tail.at(-1)).toContain("stopped after");
  });

  test("a program that is not there is no success", async () => {
    expect((await runCommand({ command: path.join(folder, "none") })).ok).toBe(false);
  });
});

describe("startChild", () => {
  const logFile = () => path.join(folder, "child.log");

  test("stops with SIGTERM, and with SIGKILL what ignores it", async () => {
    const stubborn =
      "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)";
    const child = startChild({ name: "stubborn", ...node(stubborn), logFile: logFile() });
    await waitUntilReady(child, "it", () =>
      Promise.resolve(fs.readFileSync(logFile(), "utf8").includes("up")),
    );
    await child.stop(20);
    expect(await child.exited).toMatchObject({ signal: "SIGKILL" });
  });

  test("one that ends while starting shows its log", async () => {
    const child = startChild({ name: "short", ...node("console.log('why')"), logFile: logFile() });
    const waiting = waitUntilReady(child, "the service", () => Promise.resolve(false));
    await expect(waiting).rejects.toThrow(/the service ended while starting.*\nwhy/s);
  });
});

describe("leftovers", () => {
  test("ends a recorded process and forgets it", async () => {
    const script = "setInterval(() => {}, 1000)";
    const child = spawn(process.execPath, ["-e", script], { detached: true, stdio: "ignore" });
    const ended = once(child, "exit");
    record(child.pid ?? 0, "sleeper", folder);
    expect(endLeftovers(folder)).toEqual([`sleeper (${String(child.pid)})`]);
    expect((await ended)[1]).toBe("SIGKILL");
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test("never ends a process that only has the recorded id", () => {
    record(process.pid, "us", folder);
    const file = path.join(folder, `${String(process.pid)}.json`);
    const text = fs.readFileSync(file, "utf8").replace(/"started":"\d+"/, '"started":"1"');
    fs.writeFileSync(file, text);
    expect(endLeftovers(folder)).toEqual([]);
  });
});

describe("withLock", () => {
  test("one at a time", async () => {
    const lock = path.join(folder, "a.lock");
    const steps: string[] = [];
    const release = Promise.withResolvers<undefined>();
    const waits = Promise.withResolvers<undefined>();
    const first = withLock(lock, async () => {
      await release.promise;
      steps.push("first ends");
    });
    const second = withLock(lock, () => Promise.resolve(steps.push("second")), {
      onWait: () => waits.resolve(undefined),
    });
    await waits.promise;
    release.resolve(undefined);
    await Promise.all([first, second]);
    expect(steps).toEqual(["first ends", "second"]);
    expect(fs.existsSync(lock)).toBe(false);
  });

  test("takes over from an owner that is gone", async () => {
    const lock = path.join(folder, "a.lock");
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    fs.writeFileSync(lock, String(child.pid));
    await expect(withLock(lock, () => Promise.resolve("mine"))).resolves.toBe("mine");
  });
});
