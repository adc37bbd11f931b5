import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));
export const cacheFolder = path.join(projectRoot, ".cache");
export const logFolder = path.join(cacheFolder, "logs");

/** A new folder for one run of a service, outside the project: a service may run as another user. */
export function makeTemporaryFolder(name) {
  return fs.mkdtempSync(path.join(os.tmpdir(), `postfach-${name}-`));
}
