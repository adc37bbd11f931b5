import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { PostkorbSimulator } from "../../../fixtures/simulators/postkorb/index.ts";
import type { Message } from "../../../src/model/message.ts";
import { letterTo, makeBridge, makeKeys, never, REMOTE_ADDRESS, startNode } from "./bench.ts";
import type { Bench, Keys, Wish } from "./bench.ts";

/** The clerk who wrote stands in the field for it (bundid-fink.md §1.7), never in the text. */
let keys: Keys;
let node: PostkorbSimulator;
let bench: Bench | undefined;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => void (node = await startNode(keys)));
afterEach(async () => {
  await bench?.stop();
  await node.close();
});

const CLERK = "@willi:amt.example";
const written = { "matrix.sender": CLERK, "matrix.sender-desk": "wohngeld" };
async function sent(letter: Partial<Message>, wish: Wish = {}): Promise<string> {
  bench = makeBridge(keys, { node: node.url, ...wish });
  const whole = letterTo(REMOTE_ADDRESS, letter);
  await bench.bridge.deliver(whole, whole.id, never);
  const raw = node.letters[0]?.raw.toString() ?? "";
  return raw.replaceAll("&lt;", "<").replaceAll("&gt;", ">");
}

it("of an authority is named for the logs of the mailbox node", async () => {
  const raw = await sent({ text: "Bitte Nachweis.", extra: written });
  expect(raw).toContain(`</Identifikation.Nachricht><Anwenderkennung>${CLERK}</Anwenderkennung>`);
  expect(node.letters[0]?.text).toBe("Bitte Nachweis.");
});

it("is not named where the operator does not want it", async () => {
  const raw = await sent({ extra: written }, { authority: { nameClerk: false } });
  expect(raw).not.toContain("Anwenderkennung");
  expect(raw).not.toContain(CLERK);
});

it("is nobody in a letter of a citizen, or in one that no one wrote in Matrix", async () => {
  const from = { address: "11111111-2222-4333-8444-555555555555", role: "citizen" } as const;
  expect(await sent({ from, extra: { "matrix.sender": "@erika:amt.example" } })).not.toContain(
    "@erika",
  );
  await bench?.stop();
  bench = undefined;
});
