/**
 * Source id of the act that answers the request of a letter: the pair (account, source id) is unique for ever, so the
 * store itself lets no second one leave. Only after the n-th act failed for good may there be the next: `n` from 1.
 */
export function actSourceId(letterId: string, name: string, n: number): string {
  return n === 1 ? `act:${letterId}:${name}` : `act:${letterId}:${name}:${n}`;
}

/** The source id of the act that would come after this one; undefined when this is none of an act. */
export function nextActSourceId(sourceId: string): string | undefined {
  const [, letterId, name, n = "1"] = /^act:([^:]+):([a-z]+)(?::(\d{1,6}))?$/.exec(sourceId) ?? [];
  if (letterId === undefined || name === undefined) return undefined;
  return actSourceId(letterId, name, Number(n) + 1);
}
