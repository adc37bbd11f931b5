import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand, startChild, waitUntilReady, type Child } from "../tools/child.mjs";
import { gatewayFlags } from "../../src/launch.mjs";
import { projectRoot } from "../tools/paths.mjs";
import type { WrittenSettings } from "./settings.ts";

const MAIN = join(projectRoot, "src", "main.ts");

/** The gateway as a process of its own, run as an operator runs it. */
export interface GatewayProcess {
  readonly adminUrl: string;
  readonly logFile: string;
  readonly child: Child;
  /** GET, or POST when there is a body; throws with the answer when it is not a success. */
  admin(path: string, body?: unknown, method?: string): Promise<unknown>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface GatewayOptions {
  readonly written: WrittenSettings;
  readonly dir: string;
  readonly adminPort: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts it and waits until /ready. Throws with the tail of its log when it ends before. */
export async function startGatewayProcess(options: GatewayOptions): Promise<GatewayProcess> {
  const gateway = launchGateway(options);
  const ready = () =>
    fetch(`${gateway.adminUrl}/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
  await waitUntilReady(gateway.child, "the gateway", ready, 30_000);
  return gateway;
}

/** Starts it without waiting: a gateway that is armed to die may never become ready. */
export function launchGateway({ written, dir, adminPort, env }: GatewayOptions): GatewayProcess {
  const logFile = join(dir, "gateway.log");
  const child = startChild({
    name: "gateway",
    command: process.execPath,
    args: [...gatewayFlags, MAIN, "run", "--config", written.configFile],
    env: { ...process.env, ...env },
    logFile,
  });
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  return {
    adminUrl,
    logFile,
    child,
    admin: (path, body, method) => callAdmin(adminUrl + path, written.adminToken, body, method),
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

async function callAdmin(
  url: string,
  token: string,
  body: unknown,
  method = body === undefined ? "GET" : "POST",
): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}

/** Runs one command of the gateway's command line; what it printed and how it ended. */
export async function runCli(args: readonly string[]) {
  const lines: string[] = [];
  const end = await runCommand({
    command: process.execPath,
    args: [MAIN, ...args],
    onLine: (line) => lines.push(line),
    timeoutMs: 60_000,
  });
  return { ...end, output: lines.join("\n") };
}

/** Starts one of its commands without waiting, so that it can be killed. */
export function startCli(args: readonly string[], logFile: string): Child {
  const [name = ""] = args;
  return startChild({ name, command: process.execPath, args: [MAIN, ...args], logFile });
}

/** `postfach-bridge registration`, as the operator does it. */
export async function writeRegistration(written: WrittenSettings): Promise<string> {
  const args = ["registration", "--config", written.configFile, "--out", written.registrationFile];
  const result = await runCli(args);
  if (!result.ok) throw new Error(`registration failed:\n${result.output}`);
  return readFileSync(written.registrationFile, "utf8");
}
