export const synapseVersion: string;
export type FoundSynapse = { readonly python: string } | { readonly reason: string };
export function findSynapse(): FoundSynapse;
export function ensureSynapse(options?: { onLine?: (line: string) => void }): Promise<FoundSynapse>;
export function pipPhase(line: string, collected: number): string | undefined;
