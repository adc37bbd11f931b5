/** How a child ended; `error` when it could not be started at all. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: Error;
}

/** Numeric ids to run as; only root may give them. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
}

export interface Child {
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<ChildEnd>;
  hasEnded(): boolean;
  /** Sends a signal to the child's process group; false when it is gone. */
  signal(signal: NodeJS.Signals): boolean;
  /** Sends `signal` (default SIGKILL); after SIGKILL it waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGTERM, and SIGKILL after `graceMs` (default 10 000). */
  stop(graceMs?: number): Promise<void>;
}

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly logFile: string;
  readonly user?: ProcessUser;
  /** What the kernel sends the child when this process dies; SIGKILL unless told. */
  readonly deathSignal?: NodeJS.Signals;
}

export interface CommandOptions {
  readonly name?: string;
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly logFile?: string;
  readonly user?: ProcessUser;
  readonly onLine?: (line: string) => void;
  /** Writes to our own stdout and stderr; then there are no lines to read. */
  readonly inherit?: boolean;
  readonly timeoutMs?: number;
}

export interface CommandEnd {
  readonly ok: boolean;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines of stdout and stderr, in the order they were read. */
  readonly tail: readonly string[];
}

export function startChild(options: ChildOptions): Child;
export function runCommand(options: CommandOptions): Promise<CommandEnd>;
export function waitUntilReady(
  child: Child,
  what: string,
  check: () => Promise<boolean>,
  timeoutMs?: number,
): Promise<void>;
export function killAllChildren(): void;
export function showTail(logFile: string): string;
export function findOnPath(command: string, search?: string): string | undefined;
export function isExecutable(file: string): boolean;
