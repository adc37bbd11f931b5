import type { Rule } from "eslint";

/** The reason why `file` (path relative to the root) may not import `specifier`; `undefined` when it may. */
export function judgeImport(
  file: string,
  specifier: string,
  typeOnly?: boolean,
): string | undefined;
export const layers: { rules: { imports: Rule.RuleModule } };
