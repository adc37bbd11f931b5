import { WAIT_MS } from "./plan.ts";

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Looks again until there is something. Throws when it takes longer than anything here may take. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  everyMs = 50,
): Promise<T> {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`waited ${WAIT_MS / 1_000} s in vain for ${what}`);
    await pause(everyMs);
  }
}

/** Looks until the answer has stayed the same for `quietMs`; answers when it last changed, milliseconds since 1970. */
export async function untilStill(
  what: string,
  look: () => Promise<number> | number,
  quietMs: number,
  everyMs = 20,
): Promise<number> {
  let value = await look();
  let changed = Date.now();
  return until(
    `${what} to come to rest`,
    async () => {
      const next = await look();
      const now = Date.now();
      if (next !== value) changed = now;
      value = next;
      return now - changed >= quietMs ? changed : undefined;
    },
    everyMs,
  );
}
