import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dependenciesAreCurrent, isSatisfied, lockDigest } from "../../../deploy/tools/install.mjs";

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "install-"));
});
afterEach(() => {
  fs.rmSync(root, { recursive: true });
});

const zod = {
  "node_modules/zod": { version: "4.6.7", resolved: "https://registry/zod-4.6.7.tgz" },
};
const write = (file: string, packages: object) => {
  fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  fs.writeFileSync(path.join(root, file), JSON.stringify({ packages }));
};
const writeLock = (packages: object) => write("package-lock.json", { "": {}, ...packages });
const writeInstalled = (packages: object) => write("node_modules/.package-lock.json", packages);
const readStamp = () => fs.readFileSync(path.join(root, "node_modules/.postfach-lock"), "utf8");

describe("dependenciesAreCurrent", () => {
  test("not in a fresh clone", () => {
    writeLock(zod);
    expect(dependenciesAreCurrent(root)).toBe(false);
  });

  test("after a plain `npm ci`, which is stamped", () => {
    writeLock(zod);
    writeInstalled(zod);
    expect(dependenciesAreCurrent(root)).toBe(true);
    expect(readStamp()).toBe(lockDigest(root));
  });

  test("no more when the lock file asks for another version", () => {
    writeLock(zod);
    writeInstalled(zod);
    dependenciesAreCurrent(root);
    writeLock({ "node_modules/zod": { version: "4.6.8" } });
    expect(dependenciesAreCurrent(root)).toBe(false);
  });

  test("not when npm was cut off before its record", () => {
    writeLock(zod);
    fs.mkdirSync(path.join(root, "node_modules"));
    fs.writeFileSync(path.join(root, "node_modules/.postfach-lock"), lockDigest(root));
    expect(dependenciesAreCurrent(root)).toBe(false);
  });
});

describe("isSatisfied", () => {
  test("an optional package may be absent, another may not", () => {
    expect(isSatisfied({ a: { version: "1", optional: true } }, {})).toBe(true);
    expect(isSatisfied({ a: { version: "1" } }, {})).toBe(false);
  });

  test("a package that nobody asks for is a difference", () => {
    expect(isSatisfied({}, { a: { version: "1" } })).toBe(false);
  });
});
