import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { join } from "node:path";
import { GatewayError } from "../model/errors.ts";
import type { BridgeDefinition } from "./contract.ts";

const BUILT_IN = fileURLToPath(new URL("../../bridges", import.meta.url));

/** Bridges that come with the gateway: one folder each under bridges/. */
export function builtInBridges(): readonly string[] {
  if (!existsSync(BUILT_IN)) return [];
  return readdirSync(BUILT_IN, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(BUILT_IN, entry.name, "index.ts")))
    .map((entry) => entry.name)
    .sort();
}

/**
 * Loads only the bridges that are named: a folder under bridges/, or an npm package whose default export is a
 * definition. Throws CONFIG_INVALID for one that cannot be loaded or breaks the contract.
 */
export async function loadBridges(
  names: Iterable<string>,
): Promise<ReadonlyMap<string, BridgeDefinition>> {
  const definitions = new Map<string, BridgeDefinition>();
  for (const name of new Set(names)) definitions.set(name, await loadBridge(name));
  return definitions;
}

export async function loadBridge(name: string): Promise<BridgeDefinition> {
  const builtIn = builtInBridges().includes(name);
  const place = builtIn ? pathToFileURL(join(BUILT_IN, name, "index.ts")).href : name;
  let loaded: { default?: unknown };
  try {
    loaded = (await import(place)) as { default?: unknown };
  } catch (error) {
    if (builtIn) throw error;
    const known = builtInBridges().join(", ");
    const message = `there is no bridge or npm package "${name}"; built in are: ${known}`;
    throw new GatewayError("CONFIG_INVALID", message, { cause: error });
  }
  return checkDefinition(name, loaded.default);
}

function checkDefinition(name: string, value: unknown): BridgeDefinition {
  const broken = (what: string) =>
    new GatewayError("CONFIG_INVALID", `bridge "${name}" breaks the contract: ${what}`);
  if (typeof value !== "object" || value === null) throw broken("no default export");
  const definition = value as Partial<BridgeDefinition>;
  if (typeof definition.name !== "string") throw broken("name is missing");
  if (typeof definition.create !== "function") throw broken("create() is missing");
  if (typeof definition.remotes !== "function") throw broken("remotes() is missing");
  if (definition.schema === undefined) throw broken("schema is missing");
  if (definition.capabilities === undefined) throw broken("capabilities are missing");
  if (definition.lookupFields === undefined) throw broken("lookupFields are missing");
  return definition as BridgeDefinition;
}
