import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { z } from "zod";
import { defineBridge, type Bridge, type BridgeDefinition } from "../../../src/bridge/contract.ts";
import {
  baseUrl,
  duration,
  listenAddress,
  secret,
  settingsFile,
} from "../../../src/bridge/settings.ts";
import { ConfigError, loadConfig, type BridgeSource } from "../../../src/config/load.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A bridge that exists only in tests: every kind of setting once. */
export const sampleBridge = defineBridge({
  name: "sample",
  title: "A system that exists only in tests.",
  schema: z
    .strictObject({
      url: baseUrl(["https"])
        .describe("Where it is.")
        .meta({ example: "https://CHANGE-ME.example" }),
      pin: secret().optional().describe("Its PIN."),
      certificate: settingsFile().optional().describe("Its certificate (PEM)."),
      pollEvery: duration().default(60_000).describe("How often it is asked."),
      listen: listenAddress().optional().describe("Where it reaches us."),
      mode: z
        .discriminatedUnion("kind", [
          z.strictObject({ kind: z.literal("quiet").describe("Says nothing.") }),
          z.strictObject({
            kind: z.literal("loud").describe("Says much."),
            volume: z.int().min(1).max(11).describe("How loud."),
          }),
        ])
        .default({ kind: "quiet" })
        .describe("How much it says."),
      level: z
        .union([z.literal(1), z.literal(2)])
        .default(1)
        .describe("Trust level."),
    })
    .refine((it) => it.pin === undefined || it.certificate !== undefined, {
      message: "`pin` needs `certificate`",
      path: ["pin"],
    })
    .describe("Settings of the sample.")
    .meta({ example: { url: "https://CHANGE-ME.example", pollEvery: "5m" } }),
  capabilities: {
    directions: ["inbound", "outbound"],
    maxMessageBytes: 1_000_000,
    mediaTypes: "any",
    receipts: [],
    idempotentDelivery: true,
  },
  lookupFields: {},
  remotes: () => [],
  create: (): Bridge => ({
    start: () => Promise.resolve(),
    deliver: () => Promise.reject(new Error("not in this test")),
    ping: () => Promise.resolve({ ok: true }),
    stop: () => Promise.resolve(),
  }),
}) as unknown as BridgeDefinition;

export const sampleSource: BridgeSource = {
  available: () => ["sample"],
  load: (name) =>
    name === "sample"
      ? Promise.resolve(sampleBridge)
      : Promise.reject(new Error(`Cannot find package '${name}'`)),
};

export const HEX = () => randomBytes(32).toString("hex");
export const KEY = () => randomBytes(32).toString("base64");

export const environment = () => ({
  AS: HEX(),
  HS: HEX(),
  ADMIN: HEX(),
  KEY: KEY(),
});

export const GOOD = `version: 1
homeserver:
  url: http://127.0.0.1:8008
  name: example.org
appservice:
  listen: 127.0.0.1:9009
  url: http://127.0.0.1:9009
  asToken: env:AS
  hsToken: env:HS
keys:
  - id: key-1
    secret: env:KEY
admin:
  listen: 127.0.0.1:9010
  tokens:
    - name: operations
      role: admin
      token: env:ADMIN
accounts:
  - name: first
    bridge: sample
    title: First authority
    settings:
      url: https://legacy.example
`;

export function writeSample(text: string, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "pfb-config-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  const file = join(folder, "config.yaml");
  writeFileSync(file, text);
  return file;
}

export const load = (file: string, env: Record<string, string> = environment()) =>
  loadConfig(file, { environment: env, bridges: sampleSource });

/** Everything that is wrong, as `line:column key — message`. */
export async function problemsOf(
  text: string,
  options: { env?: Record<string, string>; files?: Readonly<Record<string, string>> } = {},
): Promise<string[]> {
  try {
    await load(writeSample(text, options.files), options.env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(
      ({ line, column, key, message }) => `${line}:${column} ${key} — ${message}`,
    );
  }
}
