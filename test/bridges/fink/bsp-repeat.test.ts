/** A legacy authority repeats a letter until it is acknowledged, whatever became of its reader meanwhile. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { createTakenLetters } from "../../../bridges/fink/bsp/taken.ts";
import { renderNachricht } from "../../../fixtures/simulators/postkorb/index.ts";
import { MemoryState, testContext } from "../../support/bridge-context.ts";
import { letters, MAILBOX, makeKeys, openServerBench, PDF } from "./bench.ts";
import type { Keys, ServerBench } from "./bench.ts";

let keys: Keys;
let bench: ServerBench | undefined;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
afterEach(async () => bench?.stop());

const letter = renderNachricht({
  mailbox: MAILBOX,
  files: [{ name: "a.pdf", type: "application/pdf", bytes: PDF }],
});

it("after the reader was unlinked it is answered as what it is: delivered", async () => {
  bench = await openServerBench(keys);
  expect((await bench.authority.sendNative(letter)).code).toBe("0");
  bench.state.links.delete(MAILBOX);
  expect((await bench.authority.sendNative(letter)).code).toBe("0");
  expect(letters(bench.state)).toHaveLength(1);
  const other = letter.replace("<Betreff>", "<Betreff>Neu: ");
  expect((await bench.authority.sendNative(other)).code).toBe("30");
  expect(letters(bench.state)).toHaveLength(1);
});

it("after a restart too", async () => {
  bench = await openServerBench(keys);
  await bench.authority.sendNative(letter);
  await bench.stop();
  const { state } = bench;
  state.links.clear();
  bench = await openServerBench(keys, {}, { state });
  state.links.delete(MAILBOX);
  expect((await bench.authority.sendNative(letter)).code).toBe("0");
});

it("interrupted before it was accepted, and unlinked since: held, not refused", async () => {
  let broken = true;
  const beforeAccept = () => {
    if (broken) throw new Error("the database is gone");
  };
  bench = await openServerBench(keys, {}, { beforeAccept });
  expect((await bench.authority.sendNative(letter)).code).not.toBe("0");
  broken = false;
  bench.state.links.delete(MAILBOX);
  const answer = await bench.authority.sendNative(letter);
  expect([answer.accepted, answer.code]).toEqual([false, "99"]);
  expect(letters(bench.state)).toMatchObject([{ state: "held" }]);
});

it("notes are forgotten when no authority repeats them any more", async () => {
  const state = new MemoryState();
  const { context, close } = testContext({ config: {}, state });
  const taken = createTakenLetters(context.records);
  const at = (day: number) => new Date(Date.UTC(2026, 10, day));
  for (let n = 0; n < 1_500; n += 1) await taken.note(`bsp:${n}`, at(n % 2 === 0 ? 1 : 20));
  for (let round = 0; round < 3; round += 1) await taken.purge(at(10));
  expect(state.records.size).toBe(750);
  expect([await taken.isNoted("bsp:0"), await taken.isNoted("bsp:1")]).toEqual([false, true]);
  await close();
});
