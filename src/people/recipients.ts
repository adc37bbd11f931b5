import { describeError, GatewayError } from "../model/errors.ts";
import type { Party } from "../model/message.ts";

type Resolve = (query: string, signal: AbortSignal) => Promise<readonly Party[]>;

/** Hits of one question; whoever gets more has to ask more precisely. */
const MAX_HITS = 20;

export type Recipient =
  | { readonly result: "found"; readonly recipient: Party }
  | { readonly result: "none" }
  | { readonly result: "several"; readonly recipients: readonly Party[]; readonly more: boolean };

/**
 * The same question gives the same answer: hits are ordered by address, without doubles, and never guessed from. Throws
 * NOT_ALLOWED (the account has no directory) and REMOTE_UNAVAILABLE (it does not answer: that says nothing about people).
 */
export async function findRecipient(
  resolve: Resolve | undefined,
  query: string,
  signal: AbortSignal,
): Promise<Recipient> {
  if (!resolve) throw new GatewayError("NOT_ALLOWED", "this account has no directory");
  let hits: readonly Party[];
  try {
    hits = await resolve(query, signal);
  } catch (error) {
    const message = `the directory does not answer: ${describeError(error)}`;
    throw new GatewayError("REMOTE_UNAVAILABLE", message, { cause: error });
  }
  // Whatever order the directory has, and however it calls the same address.
  const ordered = hits.toSorted((a, b) => compare(keyOf(a), keyOf(b)));
  const all = [...Map.groupBy(ordered, ({ address }) => address).values()].flatMap(([first]) =>
    first ? [first] : [],
  );
  const [only] = all;
  if (!only) return { result: "none" };
  if (all.length === 1) return { result: "found", recipient: only };
  return { result: "several", recipients: all.slice(0, MAX_HITS), more: all.length > MAX_HITS };
}

/** What tells two hits apart; no address holds a line break. */
function keyOf({ address, name, role }: Party): string {
  return [address, name ?? "", role ?? ""].join("\n");
}
function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
