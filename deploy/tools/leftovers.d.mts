/** Notes a child process in `into` (default .cache/run/ of the project). */
export function record(pid: number, name: string, into?: string): void;
export function forget(pid: number, from?: string): void;
/** Ends every recorded process that still lives, with its group; returns "name (pid)" of each. */
export function endLeftovers(from?: string): string[];
