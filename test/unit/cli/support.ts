import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { runCommandLine } from "../../../src/cli/program.ts";
import { loadConfig, type BridgeSource, type LoadedConfig } from "../../../src/config/load.ts";
import { openStorage, type Storage } from "../../../src/store/open.ts";
import { environment, GOOD, sampleSource, writeSample } from "../config/sample.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One installation in a folder of its own: a configuration, and commands that run on it. */
export interface Installation {
  readonly file: string;
  readonly folder: string;
  readonly environment: Record<string, string>;
  run(...args: readonly string[]): Promise<Ran>;
  /** The same with `--json`; standard output must be exactly one document. */
  json(...args: readonly string[]): Promise<{ code: number; document: Record<string, unknown> }>;
  load(): Promise<LoadedConfig>;
  /** What `run` would have made: the database, open; closed when `work` is done. */
  withStorage<T>(work: (storage: Storage) => Promise<T>): Promise<T>;
}

export function install(text: string = GOOD, bridges: BridgeSource = sampleSource): Installation {
  const file = writeSample(text);
  const env = environment();
  const options = { environment: env, bridges };
  const run = async (...args: readonly string[]): Promise<Ran> => {
    const out: string[] = [];
    const err: string[] = [];
    const terminal = {
      write: (piece: string) => void out.push(piece),
      writeError: (piece: string) => void err.push(piece),
      isTty: false,
      environment: {},
    };
    const code = await runCommandLine(["--config", file, ...args], terminal, options);
    return { code, out: out.join(""), err: err.join("") };
  };
  const load = () => loadConfig(file, options);
  return {
    file,
    folder: dirname(file),
    environment: env,
    run,
    async json(...args) {
      const { code, out, err } = await run("--json", ...args);
      return { code, document: JSON.parse(out === "" ? err : out) as Record<string, unknown> };
    },
    load,
    async withStorage(work) {
      const storage = await openStorage((await load()).config);
      try {
        return await work(storage);
      } finally {
        await storage.close();
      }
    },
  };
}

/** A server on a free port of 127.0.0.1 that answers JSON by path; what was asked is kept. */
export async function serve(
  answer: (path: string, method: string, body: string) => { status?: number; json: unknown },
): Promise<{ port: number; asked: string[]; close: () => Promise<void> }> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const path = request.url ?? "";
      const method = request.method ?? "";
      asked.push(`${method} ${path}`);
      const { status = 200, json } = answer(path, method, Buffer.concat(pieces).toString());
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port: (server.address() as AddressInfo).port, asked, close };
}

export const inFolder = ({ folder }: Installation, name: string) => join(folder, name);
