export type ProgramName = "redis" | "postgres" | "xmlsec1" | "xmllint";

/** `bin`: the file `redis-server`, `xmlsec1` or `xmllint`, or the folder of PostgreSQL's programs; `root`: where packages were unpacked. */
export type FoundProgram =
  | { readonly bin: string; readonly root?: string; readonly env: Readonly<Record<string, string>> }
  | { readonly reason: string };

export function findProgram(program: ProgramName): FoundProgram;
export function ensureProgram(
  program: ProgramName,
  options?: { onLine?: (line: string) => void },
): Promise<FoundProgram>;
export function choosePackages(lines: readonly string[]): string[];
