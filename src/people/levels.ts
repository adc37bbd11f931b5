import type { LevelPolicy } from "../config/people-schema.ts";
import type { TrustLevel } from "../model/message.ts";

/** May a room show this letter? `detail` says why, for operators and `plan explain`. */
export type LevelDecision =
  | { readonly show: true; readonly detail: string }
  | {
      readonly show: false;
      readonly above: "notice" | "hold";
      readonly link: string;
      readonly detail: string;
    };

/** Pure. A letter of level n is shown only up to the maximum that the account allows (bundid-fink.md §1.4, §1.8). */
export function decideLevel(
  { level }: { readonly level: TrustLevel },
  policy: LevelPolicy | undefined,
): LevelDecision {
  if (!policy) return { show: true, detail: `level ${level}; the account sets no maximum` };
  const { roomMaximum, above, link } = policy;
  const detail = `level ${level}, rooms of this account show up to level ${roomMaximum}`;
  return level <= roomMaximum ? { show: true, detail } : { show: false, above, link, detail };
}
