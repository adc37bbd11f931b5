import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { findProgram } from "../../../deploy/tools/debian.mjs";
import type { Availability } from "./availability.ts";
import { demandProgram } from "./programs.ts";

const run = promisify(execFile);
const limitMs = 30_000;
const maxOutputBytes = 64 * 1024 * 1024;

/** A program of Debian that judges XML and shares nothing with ours. */
export interface XmlTool {
  /** Resolves to what was written on standard output; rejects when the program refuses. */
  run(...args: readonly string[]): Promise<string>;
  /** Resolves to what it said beside its output. */
  verdict(...args: readonly string[]): Promise<string>;
  /** `run` over a text: its file comes last. */
  runOn(text: string | Buffer, ...args: readonly string[]): Promise<string>;
}

/** XML signatures (xmlsec1). */
export const useXmlsec = () => useXmlTool("xmlsec1");
/** Schemas and canonical forms (libxml2). */
export const useXmllint = () => useXmlTool("xmllint");

async function useXmlTool(name: "xmlsec1" | "xmllint"): Promise<Availability<XmlTool>> {
  const missing = await demandProgram(name);
  if (missing !== undefined) return missing;
  const found = findProgram(name);
  if ("reason" in found) return { available: false, reason: found.reason };
  const env = { ...process.env, ...found.env };
  const options = { env, timeout: limitMs, maxBuffer: maxOutputBytes };
  const runTool = async (...args: readonly string[]) =>
    (await run(found.bin, [...args], options)).stdout;
  return {
    available: true,
    run: runTool,
    verdict: async (...args) => (await run(found.bin, [...args], options)).stderr,
    async runOn(text, ...args) {
      const folder = await mkdtemp(path.join(tmpdir(), "postfach-xml-"));
      try {
        const file = path.join(folder, "document.xml");
        await writeFile(file, text);
        return await runTool(...args, file);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}
