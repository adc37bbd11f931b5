import type { BridgeDefinition } from "../bridge/contract.ts";
import { builtInBridges, loadBridges } from "../bridge/registry.ts";
import { renderExample } from "./example.ts";
import { renderJsonSchema } from "./json-schema.ts";

/** The files that are made from the schemas, by their path in the repository. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const definitions: readonly BridgeDefinition[] = [
    ...(await loadBridges(builtInBridges())).values(),
  ];
  return new Map([
    ["config.example.yaml", renderExample(definitions)],
    ["docs/config.schema.json", renderJsonSchema(definitions)],
  ]);
}
