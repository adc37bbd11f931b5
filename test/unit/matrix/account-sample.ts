import type { AccountConfig } from "../../../src/config/schema.ts";

export function accountSample(changes: Partial<AccountConfig> = {}): AccountConfig {
  return {
    name: "bauamt",
    bridge: "sample",
    phase: "matrix",
    title: "Bauamt Musterstadt",
    clerks: [],
    links: [],
    onUnknown: "wait",
    readReceipts: true,
    privateNetworks: [],
    settings: {},
    ...changes,
  };
}
