import type { Progress } from "./progress.mjs";

export type Provision = "synapse" | "redis" | "postgres" | "xmlsec1" | "xmllint";
/** Fetches what is missing; answers the reason of each that cannot be had. Never throws. */
export function provision(
  names: readonly Provision[],
  progress?: Progress,
): Promise<Map<Provision, string>>;
export function describeReasons(reasons: ReadonlyMap<Provision, string>): Record<string, string>;
