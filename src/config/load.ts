import { dirname, resolve } from "node:path";
import type { z } from "zod";
import type { BridgeDefinition } from "../bridge/contract.ts";
import { builtInBridges, loadBridge } from "../bridge/registry.ts";
import { describeError } from "../model/errors.ts";
import { crossCheck, keyText } from "./cross-checks.ts";
import { ConfigError, readDocument, type Problem, type SettingsDocument } from "./document.ts";
import { describeIssue, type Fault } from "./messages.ts";
import { nearest } from "./nearest.ts";
import { fieldOf, outlineOf, type Outline } from "./outline.ts";
import { coreSchema, type CoreConfig } from "./schema.ts";
import {
  freezeDeeply,
  loadInto,
  placeholdersIn,
  readSecrets,
  type Environment,
} from "./secrets.ts";

export { ConfigError, formatProblem, type Problem } from "./document.ts";

export interface LoadedConfig {
  /** Absolute. */
  readonly file: string;
  /**
   * Frozen. `data` is absolute; the `settings` of every account have been read by its bridge's schema; secrets and
   * files are loaded.
   */
  readonly config: CoreConfig;
  /** Every bridge that an account names, by that name. */
  readonly definitions: ReadonlyMap<string, BridgeDefinition>;
}

/** Where bridges come from; `src/bridge/registry.ts`, or a test's own. */
export interface BridgeSource {
  available(): readonly string[];
  /** Throws when there is none, or when it breaks the contract. */
  load(name: string): Promise<BridgeDefinition>;
}

export interface LoadOptions {
  readonly environment?: Environment;
  readonly bridges?: BridgeSource;
}

const MAX_PROBLEMS = 200;
const registry: BridgeSource = { available: builtInBridges, load: loadBridge };

/**
 * Reads the configuration, the settings of every account and all secrets. Throws ConfigError with everything that is
 * wrong, not only the first thing. No network, no store.
 */
export async function loadConfig(file: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  const { environment = process.env, bridges = registry } = options;
  const document = readDocument(file);
  if (!document.readable) throw new ConfigError(document.problems);
  const { raw } = document;
  const baseDir = dirname(resolve(file));
  const found = await loadDefinitions(raw, bridges);
  const outline = wholeOutline(raw, found.definitions);
  const core = coreSchema.safeParse(raw);
  const accounts = parseSettings(raw, found.definitions);
  const secrets = readSecrets(outline, raw, baseDir, environment);
  const placeholders = placeholdersIn(outline, raw);
  const coreFaults = (core.error?.issues ?? []).flatMap((it) => describeIssue(it, raw, outline));
  const faults = [
    ...placeholders,
    ...[
      ...coreFaults,
      ...found.faults,
      ...accounts.faults,
      ...secrets.faults,
      ...crossCheck({ raw, outline, secrets: secrets.values }),
    ].filter((fault) => !placeholders.some(({ path }) => keyText(path) === keyText(fault.path))),
  ];
  const problems = [...document.problems, ...faults.map((fault) => asProblem(document, fault))];
  if (problems.length > 0 || !core.success) throw new ConfigError(sorted(problems));
  const config = complete(core.data, accounts.settings, baseDir);
  loadInto(config, baseDir, environment);
  return { file: resolve(file), config: freezeDeeply(config), definitions: found.definitions };
}

function complete(
  core: CoreConfig,
  settings: ReadonlyMap<number, unknown>,
  baseDir: string,
): CoreConfig {
  const accounts = core.accounts.map((account, n) => ({ ...account, settings: settings.get(n) }));
  return { ...core, data: resolve(baseDir, core.data), accounts };
}

interface FoundDefinitions {
  readonly definitions: ReadonlyMap<string, BridgeDefinition>;
  readonly faults: readonly Fault[];
}

async function loadDefinitions(raw: unknown, bridges: BridgeSource): Promise<FoundDefinitions> {
  const definitions = new Map<string, BridgeDefinition>();
  const failed = new Map<string, string>();
  const faults: Fault[] = [];
  for (const [index, account] of accountsIn(raw).entries()) {
    const name = fieldOf(account, "bridge");
    if (typeof name !== "string" || name === "") continue;
    if (!definitions.has(name) && !failed.has(name)) {
      try {
        definitions.set(name, await bridges.load(name));
      } catch (error) {
        failed.set(name, whyNot(name, error, bridges));
      }
    }
    const message = failed.get(name);
    if (message !== undefined) faults.push({ path: ["accounts", index, "bridge"], message });
  }
  return { definitions, faults };
}

function whyNot(name: string, error: unknown, bridges: BridgeSource): string {
  const available = bridges.available();
  if (available.includes(name)) return `the bridge cannot be loaded: ${describeError(error)}`;
  const broken = error instanceof Error && error.message.includes("breaks the contract");
  if (broken) return error.message;
  const meant = nearest(name, available);
  const hint = meant === undefined ? "; available" : `; did you mean "${meant}"? Available`;
  const list = available.join(", ") || "none";
  return `there is no bridge ${JSON.stringify(name)}${hint}: ${list}, or the name of an installed npm package`;
}

function accountsIn(raw: unknown): readonly unknown[] {
  const accounts = fieldOf(raw, "accounts");
  return Array.isArray(accounts) ? accounts : [];
}

/** The core's outline with the settings of every account by its own bridge. */
function wholeOutline(raw: unknown, definitions: ReadonlyMap<string, BridgeDefinition>): Outline {
  const core = outlineOf(coreSchema);
  const list = core.fields?.get("accounts");
  const account = list?.element;
  if (!list || !account?.fields) return core;
  const elements = new Map<number, Outline>();
  for (const [index, entry] of accountsIn(raw).entries()) {
    const definition = definitions.get(String(fieldOf(entry, "bridge")));
    if (!definition) continue;
    const settings = outlineOf(definition.schema);
    elements.set(index, { ...account, fields: new Map(account.fields).set("settings", settings) });
  }
  return { ...core, fields: new Map(core.fields).set("accounts", { ...list, elements }) };
}

function parseSettings(
  raw: unknown,
  definitions: ReadonlyMap<string, BridgeDefinition>,
): { settings: ReadonlyMap<number, unknown>; faults: readonly Fault[] } {
  const settings = new Map<number, unknown>();
  const faults: Fault[] = [];
  for (const [index, account] of accountsIn(raw).entries()) {
    const definition = definitions.get(String(fieldOf(account, "bridge")));
    if (!definition) continue;
    const given = fieldOf(account, "settings") ?? {};
    const result = definition.schema.safeParse(given);
    if (result.success) settings.set(index, result.data);
    else faults.push(...faultsOfSettings(index, given, definition.schema, result.error.issues));
  }
  return { settings, faults };
}

function faultsOfSettings(
  index: number,
  given: unknown,
  schema: z.ZodType,
  issues: readonly z.core.$ZodIssue[],
): Fault[] {
  const outline = outlineOf(schema);
  return issues
    .flatMap((issue) => describeIssue(issue, given, outline))
    .map((fault) => ({ ...fault, path: ["accounts", index, "settings", ...fault.path] }));
}

function asProblem(document: SettingsDocument, { path, message, at }: Fault): Problem {
  const place = document.placeOf(path, at);
  return { file: document.file, ...place, key: keyText(path), message };
}

function sorted(problems: readonly Problem[]): readonly Problem[] {
  return [...problems]
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .slice(0, MAX_PROBLEMS);
}
