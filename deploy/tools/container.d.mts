/** Answers within two seconds. */
export function containerEngine(
  env?: NodeJS.ProcessEnv,
): Promise<{ readonly address: string } | { readonly reason: string }>;
export function parseAddress(
  address: string,
): { socketPath: string } | { host: string; port: number } | undefined;
