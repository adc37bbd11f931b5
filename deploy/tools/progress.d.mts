export interface TaskProgress {
  phase(text: string): void;
  done(text: string): void;
}
export interface Progress {
  start(name: string): TaskProgress;
}
export function showProgress(out?: NodeJS.WriteStream): Progress;
/** Shares one line of `width` columns among `parts`. */
export function fit(parts: readonly string[], width: number): string;
