export const gatewayFlags: readonly string[];
export function findNode24(root?: string): { readonly node: string } | { readonly reason: string };
export function runOnNode24(options: {
  root?: string;
  script: string;
  args?: readonly string[];
  /** Of Node itself. */
  flags?: readonly string[];
  env?: NodeJS.ProcessEnv;
}): Promise<number>;
