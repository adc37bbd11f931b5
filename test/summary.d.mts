import type { Lane } from "./lanes.mjs";

export interface RunOptions {
  readonly lanes: readonly string[];
  readonly files: readonly string[];
  readonly pattern: string | undefined;
  readonly help: boolean;
}

/** The part of vitest's JSON report that is counted. */
export interface TestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

export interface RunResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Failures that are not tests, in words. */
  readonly failures: readonly string[];
}

export const usage: string;
export function parseArguments(argv: readonly string[], laneNames: readonly string[]): RunOptions;
export function isFocused(options: Pick<RunOptions, "lanes" | "files" | "pattern">): boolean;
export function chooseLanes(
  options: Pick<RunOptions, "lanes" | "files">,
  all: readonly Lane[],
): readonly Lane[];
export function countResults(
  report: TestReport | undefined,
  exitCode: number | null,
  troubles: readonly string[],
): RunResult;
export function formatSummary(result: Pick<RunResult, "passed" | "failed" | "skipped">): string;
export function listSkips(reasons: ReadonlyMap<string, string>, recorded: string): string[];
