import type { Message } from "./message.ts";

/**
 * What tells a migrated letter from one of live traffic. It stands in the account as a copy (phase `mirror`): the old
 * mailbox stays the one that counts, so nobody is told upstream, no legal clock starts and no client rings. The rule is
 * no name that a cohort can have, and it never binds the conversation to that phase.
 */
export const HISTORY_RULE = "(history)";

/** Key of `extra`: name of the source that the letter was read from. */
export const HISTORY_KEY = "migrate.source";

export function isHistory(letter: { readonly rule?: string }): boolean {
  return letter.rule === HISTORY_RULE;
}

export function historySourceOf({ extra }: Pick<Message, "extra">): string | undefined {
  return extra?.[HISTORY_KEY];
}
