import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { declareUnavailable } from "../../support/services/availability.ts";
import type { Availability } from "../../support/services/availability.ts";

/** Python's zeep, installed from PyPI into `.cache/zeep`: the independent judge of our WSDL and of what we answer. */
export interface Zeep {
  call(request: ZeepRequest): Promise<readonly { result?: string; fault?: string }[]>;
}
export interface ZeepRequest {
  readonly wsdl: string;
  readonly endpoint: string;
  /** Paths of PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly calls: readonly { operation: string; child: string; payload: string }[];
}

const run = promisify(execFile);
const VERSION = "zeep==4.3.3";
const HOME = fileURLToPath(new URL("../../../.cache/zeep", import.meta.url));
const PYTHON = `${HOME}/bin/python`;
const SCRIPT = fileURLToPath(new URL("soap_client.py", import.meta.url));
const INSTALL_MS = 120_000;
const CALL_MS = 30_000;

export async function useZeep(): Promise<Availability<Zeep>> {
  try {
    if (!existsSync(PYTHON)) await run("python3", ["-m", "venv", HOME], { timeout: INSTALL_MS });
    const loads = () => run(PYTHON, ["-c", "import zeep"], { timeout: CALL_MS });
    await loads().catch(async () => {
      await run(PYTHON, ["-m", "pip", "install", "-q", VERSION], { timeout: INSTALL_MS });
      await loads();
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return declareUnavailable("zeep", `it cannot be installed with Python: ${reason}`);
  }
  return { available: true, call };
}

async function call(request: ZeepRequest): ReturnType<Zeep["call"]> {
  const child = spawn(PYTHON, [SCRIPT], { timeout: CALL_MS });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  child.stdin.end(JSON.stringify(request));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(Buffer.concat(errors).toString().slice(-2_000));
  return JSON.parse(Buffer.concat(output).toString()) as { result?: string; fault?: string }[];
}
