import type { Phase } from "../../src/bridge/contract.ts";
import type { LetterOutline } from "../../src/store/store.ts";
import { SERVER } from "./matrix-harness.ts";

export const PEOPLE = ["erika", "max", "nina"] as const;

/** Two accounts over one legacy system, for everybody of PEOPLE. `ports`: homeserver, appservice, admin. */
export function configuration(
  [hs = 0, as = 0, admin = 0]: readonly number[],
  phase: Phase,
): string {
  const account = (name: string, polled: boolean) =>
    [
      `  - name: ${name}`,
      "    bridge: books",
      `    title: ${name}`,
      `    phase: ${phase}`,
      "    links:",
      ...PEOPLE.map((user) => `      - { mailbox: ${user}, user: "@${user}:${SERVER}" }`),
      `    settings: { polled: ${polled} }`,
    ].join("\n");
  return `version: 1
homeserver: { url: "http://127.0.0.1:${hs}", name: ${SERVER}, sweepEvery: 1h }
appservice:
  listen: 127.0.0.1:${as}
  url: http://127.0.0.1:${as}
  asToken: env:AS
  hsToken: env:HS
keys: [{ id: key-1, secret: "env:KEY" }]
delivery: { firstRetry: 50ms, maxRetry: 200ms }
admin:
  listen: 127.0.0.1:${admin}
  tokens: [{ name: operations, role: admin, token: "env:ADMIN" }]
accounts:
${account("push", false)}
${account("poll", true)}
`;
}

export function sourceOf(letter: LetterOutline | undefined): string {
  return letter?.sourceId.replace(/^copy:/, "") ?? "a letter that nobody sent";
}

export function countBy<T>(
  items: readonly T[],
  key: (item: T) => string,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
