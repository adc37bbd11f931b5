import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findProgram } from "../../../deploy/tools/debian.mjs";
import type { Availability } from "./availability.ts";
import { demandProgram } from "./programs.ts";

const run = promisify(execFile);
const limitMs = 30_000;
const maxOutputBytes = 64 * 1024 * 1024;

export interface Xmlsec {
  /** Resolves to what was written on standard output; rejects when the program refuses. */
  run(...args: readonly string[]): Promise<string>;
}

/** The XML security program of Debian: an implementation that shares nothing with ours. */
export async function useXmlsec(): Promise<Availability<Xmlsec>> {
  const missing = await demandProgram("xmlsec1");
  if (missing !== undefined) return missing;
  const found = findProgram("xmlsec1");
  if ("reason" in found) return { available: false, reason: found.reason };
  return {
    available: true,
    run: async (...args) => {
      const options = {
        env: { ...process.env, ...found.env },
        timeout: limitMs,
        maxBuffer: maxOutputBytes,
      };
      return (await run(found.bin, [...args], options)).stdout;
    },
  };
}
