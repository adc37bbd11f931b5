/** Runs `task` while holding `file`; waits for a living owner, takes over from a dead one. */
export function withLock<T>(
  file: string,
  task: () => Promise<T>,
  options?: { onWait?: (owner: number) => void; timeoutMs?: number },
): Promise<T>;
