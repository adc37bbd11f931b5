import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockFolder } from "../../../src/store/folder-lock.ts";

let dir = "";
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "postfach-lock-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const file = () => join(dir, "gateway.pid");

describe("lock of the data folder", () => {
  it("is taken, released and taken again", () => {
    lockFolder(dir).release();
    expect(existsSync(file())).toBe(false);
    lockFolder(dir);
    expect(readFileSync(file(), "utf8")).toMatch(new RegExp(`^${process.pid} `));
  });

  it("refuses beside a living gateway and names it", async () => {
    const other = spawn(process.execPath, [
      "--input-type=module",
      "-e",
      `const { lockFolder } = await import(${JSON.stringify(new URL("../../../src/store/folder-lock.ts", import.meta.url).href)});
       lockFolder(${JSON.stringify(dir)}); console.log("held"); setInterval(() => {}, 1000);`,
    ]);
    await once(other.stdout, "data");
    expect(() => lockFolder(dir)).toThrow(`process ${other.pid}`);
    other.kill("SIGKILL");
    await once(other, "exit");
    expect(() => lockFolder(dir)).not.toThrow();
  });

  it("takes over when the process id belongs to somebody else by now", () => {
    writeFileSync(file(), `${process.ppid} 1`);
    expect(() => lockFolder(dir)).not.toThrow();
  });

  it("takes over a file that says nothing", () => {
    writeFileSync(file(), "");
    expect(() => lockFolder(dir)).not.toThrow();
  });
});
