export type ProgramName = "redis" | "postgres" | "xmlsec1";

/** `bin`: the file `redis-server` or `xmlsec1`, or the folder of PostgreSQL's programs; `root`: where packages were unpacked. */
export type FoundProgram =
  | { readonly bin: string; readonly root?: string; readonly env: Readonly<Record<string, string>> }
  | { readonly reason: string };

export function findProgram(program: ProgramName): FoundProgram;
export function ensureProgram(
  program: ProgramName,
  options?: { onLine?: (line: string) => void },
): Promise<FoundProgram>;
export function choosePackages(lines: readonly string[]): string[];
