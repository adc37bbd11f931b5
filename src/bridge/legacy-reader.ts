import type { AccountConfig } from "../config/schema.ts";
import type { BridgeDefinition, LegacyReader } from "./contract.ts";

/** How somebody who still reads in the old system gets the letters of this account. */
export function legacyReaderOf(
  { bridge, settings }: Pick<AccountConfig, "bridge" | "settings">,
  definitions: ReadonlyMap<string, Pick<BridgeDefinition, "capabilities" | "legacyReader">>,
): LegacyReader {
  const definition = definitions.get(bridge);
  return definition?.legacyReader?.(settings) ?? definition?.capabilities.legacyReaders ?? "none";
}
