/** One entry under "packages" of a package-lock.json. */
export interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

/**
 * Installs the npm packages when they are missing or differ from package-lock.json.
 * `onLine` gets short phase texts; the full log is .cache/logs/npm-ci.log. Throws with the log's tail.
 */
export function ensureDependencies(options: {
  root: string;
  onLine?: (line: string) => void;
}): Promise<{ installed: boolean }>;
export function dependenciesAreCurrent(root: string): boolean;
export function isSatisfied(
  wanted: Readonly<Record<string, LockEntry>>,
  installed: Readonly<Record<string, LockEntry>>,
): boolean;
/** SHA-256 of package-lock.json, hex. */
export function lockDigest(root: string): string;
