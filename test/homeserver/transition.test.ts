import { expect, test } from "vitest";
import type { Phase } from "../../src/bridge/contract.ts";
import { MESSAGE_BLOCK } from "../../src/matrix/letter-events.ts";
import { UNFINISHED } from "../../src/model/state.ts";
import { createDirectory } from "../../src/pipeline/directory.ts";
import type { LetterOutline } from "../../src/store/store.ts";
import { applyFile } from "../../src/transition/applying.ts";
import { dayOf } from "../../src/transition/berlin.ts";
import { closingReport } from "../../src/transition/closing.ts";
import { compareDays } from "../../src/transition/comparing.ts";
import { isCopy, PHASES } from "../../src/transition/phases.ts";
import type { Json } from "../support/matrix-client.ts";
import { eventually } from "./matrix-harness.ts";
import { acceptAll, caseRooms, enterRoom, say, statusBecomes } from "./matrix-people.ts";
import type { SentLetter } from "./transition-legacy.ts";
import { countBy, PEOPLE, sourceOf } from "./transition-site.ts";
import {
  books,
  gateway,
  load,
  people,
  start,
  storage,
  useTransitionStage,
  write,
} from "./transition-stage.ts";

const ALL = { since: new Date(0), until: new Date(8.64e15) };

useTransitionStage("observe");

interface ApplyOptions {
  /** Open conversations follow once. */
  readonly go?: boolean;
  readonly jump?: boolean;
  /** Do not wait until the gateway has noticed. */
  readonly unseen?: boolean;
}

/** Puts the plan of the file in force, past the running gateway, as another node or the command line would. */
async function apply({ go = false, jump = false, unseen = false }: ApplyOptions = {}) {
  const loaded = await load();
  const { store } = storage;
  const directory = createDirectory(loaded.config.accounts, store);
  const deps = { loaded, store, directory, now: new Date() };
  await applyFile(deps, { by: "op", jump, moveConversations: go });
  if (!unseen) await gateway.applyPlan("test");
}

test("a population goes forth and back under load: no letter twice, none lost, no case torn apart", async () => {
  const way: Phase[] = ["observe", "mirror", "matrix-first", "matrix", "matrix-first", "mirror"];
  const sent: SentLetter[] = [];
  for (const [step, phase] of way.entries()) {
    if (step > 0) {
      write(phase);
      await apply();
    }
    const first = sendAll(step, 0, sent);
    // In the middle of it the next plan comes, or the gateway goes down and comes up again.
    if (step === 2) await gateway.stop().then(start);
    if (step === 3) {
      write("matrix", "transition:\n  cohorts: [{ name: some, phase: matrix-first, share: 50 }]\n");
      await apply({ unseen: true });
    }
    await Promise.all([...first, ...sendAll(step, 1, sent)]);
    books.readOld();
  }
  write("observe");
  await apply({ go: true });
  await Promise.all(sendAll(way.length, 0, sent));
  await settle();
  await countAll(sent);
}, 120_000);

/** Three letters in each case of this step and in one that lasts through all steps, for everybody, at the same time. */
function sendAll(step: number, part: number, sent: SentLetter[]): Promise<unknown>[] {
  return PEOPLE.flatMap((mailbox) =>
    ["push", "poll"].flatMap((kind) =>
      [`case-${step}`, "long"].map(async (name) => {
        for (let n = 0; n < 3; n += 1) {
          const sourceId = `${kind}-${mailbox}-${name}-${step}-${part}-${n}`;
          const letter = { sourceId, mailbox, conversation: `${kind}-${mailbox}-${name}` };
          sent.push(letter);
          if (kind === "push") await books.push(letter);
          else books.inbox.set(sourceId, letter);
        }
      }),
    ),
  );
}

/** Every letter in the polled mailbox has been looked at, and no letter is under way. */
async function settle(): Promise<void> {
  await eventually(() => [...books.inbox.keys()].every((id) => books.left.has(id)));
  const { store } = storage;
  await eventually(async () => {
    const { messages } = await store.stats(new Date());
    const moving = messages.filter((it) => UNFINISHED.includes(it.state) && it.count > 0);
    const due = await Promise.all(["push", "poll"].map((name) => store.leftovers(name)));
    return moving.length === 0 && due.every(({ noticesDue }) => noticesDue === 0);
  });
}

async function countAll(sent: readonly SentLetter[]): Promise<void> {
  const letters = [...(await outlinesOf("push")), ...(await outlinesOf("poll"))];
  expect(letters.filter(({ state }) => state !== "delivered")).toEqual([]);
  const byId = new Map(letters.map((letter) => [letter.id, letter]));
  const rooms = await shownLetters();
  const inMatrix = countBy(rooms.flat(), (id) => sourceOf(byId.get(id)));
  for (const room of rooms) {
    const order = room.map((id) => byId.get(id)?.seq ?? 0);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  }
  const inLegacy = countBy(books.legacyBox, ({ sourceId }) => sourceId);
  const firsts = new Map(
    letters.filter(({ copyOf }) => copyOf === undefined).map((letter) => [letter.sourceId, letter]),
  );
  for (const { sourceId } of sent) {
    const phase = firsts.get(sourceId)?.phase;
    const rule = phase && PHASES[phase];
    const expected = { matrix: 0, legacy: 0 };
    if (rule?.authority) expected[rule.authority] += 1;
    if (rule?.copyTo) expected[rule.copyTo] += 1;
    // What is polled is in the old mailbox by itself, and is taken out of it by exactly one.
    const isPolled = sourceId.startsWith("poll");
    const there = isPolled ? 0 : expected.legacy;
    const matrix = isPolled && rule ? 1 : expected.matrix;
    expect([sourceId, phase, inMatrix.get(sourceId) ?? 0]).toEqual([sourceId, phase, matrix]);
    expect([sourceId, phase, inLegacy.get(sourceId) ?? 0]).toEqual([sourceId, phase, there]);
    if (!isPolled) continue;
    const taken = [books.acknowledged, books.readThere, [...books.inbox.keys()]];
    const places = taken.map((list) => list.filter((id) => id === sourceId).length);
    expect([sourceId, places[0]]).toEqual([sourceId, rule?.acknowledges ? 1 : 0]);
    expect([sourceId, places.reduce((sum, count) => sum + count)]).toEqual([sourceId, 1]);
  }
  expect(new Set(sent.map(({ sourceId }) => sourceId)).size).toBe(sent.length);
  expect(new Set(letters.map(({ phase }) => phase)).size).toBeGreaterThanOrEqual(4);
  expectNoneTornApart(letters);
  expectToldOnce(letters);
  await expectSameOnBothSides();
}

/** Until they are let go, the side that counts for a case never changes. */
function expectNoneTornApart(letters: readonly LetterOutline[]): void {
  const changes = new Map<string, number>();
  const last = new Map<string, string | undefined>();
  for (const { conversationId, phase, copyOf } of letters) {
    if (copyOf !== undefined || phase === undefined) continue;
    const { authority } = PHASES[phase];
    const before = last.get(conversationId);
    if (before !== undefined && before !== authority)
      changes.set(conversationId, (changes.get(conversationId) ?? 0) + 1);
    last.set(conversationId, authority);
  }
  // Letting go moved what counted in Matrix back, once.
  expect(Math.max(0, ...changes.values())).toBeLessThanOrEqual(1);
}

/** Senders hear of the letter that counts, of each stage once, and never of a copy. */
function expectToldOnce(letters: readonly LetterOutline[]): void {
  expect(new Set(books.told).size).toBe(books.told.length);
  const copies = new Set(letters.filter((letter) => isCopy(letter)).map(({ id }) => id));
  expect(copies.size).toBeGreaterThan(10);
  expect(books.told.filter((line) => copies.has(line.split(" ")[0] ?? ""))).toEqual([]);
  const counting = letters.filter((letter) => !copies.has(letter.id));
  const delivered = books.told.filter((line) => line.endsWith(" delivered"));
  expect(delivered).toHaveLength(counting.length);
}

async function expectSameOnBothSides(): Promise<void> {
  const today = dayOf(new Date());
  for (const account of ["push", "poll"]) {
    const days = await compareDays(
      storage.store,
      account,
      dayOf(new Date(Date.now() - 864e5)),
      today,
    );
    expect(days.flatMap(({ missing, extra }) => [...missing, ...extra])).toEqual([]);
  }
}

test("in mirror and observe Matrix answers nothing, and the writer reads why; in drain only answers go", async () => {
  write("mirror");
  await apply();
  await books.push({ sourceId: "p1", mailbox: "erika", conversation: "c" });
  const [erika] = people;
  if (!erika) throw new Error("nobody is there");
  const roomId = await enterRoom(erika);
  const event = await say(erika, roomId, { msgtype: "m.text", body: "Antwort" });
  const { text } = await statusBecomes(erika, roomId, event, "submission-rejected");
  expect(text).toContain("bisherige");
  expect(books.answers).toEqual([]);
  const copy = (await erika.timeline(roomId)).find((it) => MESSAGE_BLOCK in it.content);
  expect(String(copy?.content["body"])).toContain("Kopie");
  // Clients ring for letters, not for notices: only the old mailbox tells its reader.
  expect(copy?.content["msgtype"]).toBe("m.notice");

  write("drain");
  await apply();
  const { store } = storage;
  const report = await closingReport(store, "push", 0, new Date());
  expect(report.left.filter(({ kind }) => kind === "block")).toEqual([]);
  expect(report.closed).toBe(true);
});

test("the room says from when on a letter counts as notified, and only where Matrix counts", async () => {
  const legalBasis = "§ 9 OZG";
  write("mirror");
  await apply();
  await books.push({ sourceId: "p1", mailbox: "erika", conversation: "c", legalBasis });
  write("matrix-first");
  await apply();
  await books.push({ sourceId: "p2", mailbox: "erika", conversation: "d", legalBasis });
  const [erika] = people;
  if (!erika) throw new Error("nobody is there");
  const bodies = await eventually(async () => {
    await acceptAll(erika);
    const rooms = await caseRooms(erika);
    const events = (await Promise.all(rooms.map((room) => erika.timeline(room)))).flat();
    const letters = events.filter(({ content }) => MESSAGE_BLOCK in content);
    const found = letters.map(({ content }) => String(content["body"])).sort();
    return found.length === 2 ? found : undefined;
  });
  const clock = "Gilt als bekannt gegeben am ";
  expect(bodies.map((body) => [body.includes("Kopie"), body.includes(clock)])).toEqual([
    [true, false],
    [false, true],
  ]);
  expect(bodies[1]).toMatch(
    /am (Mon|Diens|Mitt|Donners|Frei|Sams|Sonn)\S+, \d\d\.\d\d\.\d{4} \(§ 9 OZG/,
  );
});

test("a letter that comes again is answered as it was decided, whatever the plan says now", async () => {
  const letter = { sourceId: "p1", mailbox: "erika", conversation: "c" };
  expect(await books.push(letter)).toBe("legacy");
  for (const phase of ["mirror", "matrix-first", "matrix", "drain"] as const) {
    write(phase);
    await apply({ go: true });
    expect(await books.push(letter)).toBe("legacy");
  }
  expect(books.legacyBox).toHaveLength(1);
  expect(await outlinesOf("push")).toHaveLength(1);
});

test("off stops handing over at once and goes on where it was; a file that is refused changes nothing", async () => {
  write("matrix");
  await expect(gateway.applyPlan("test")).rejects.toThrow(/not one step/);
  expect((await storage.store.newestPlan())?.seq).toBe(1);
  await apply({ jump: true });
  await books.push({ sourceId: "p1", mailbox: "erika", conversation: "c" });
  const [erika] = people;
  if (!erika) throw new Error("nobody is there");
  const roomId = await enterRoom(erika);
  books.away = true;
  const under = await say(erika, roomId, { msgtype: "m.text", body: "Antwort vor der Pause" });
  const stateOf = async () => (await storage.store.messageBySource("push", under))?.detail ?? "";
  await eventually(async () => (await stateOf()).includes("nobody answers"));
  write("off");
  await apply();
  books.away = false;
  // The next attempt is due in less than a second and finds the account off.
  await eventually(async () => (await stateOf()).includes("switched off"));
  await say(erika, roomId, { msgtype: "m.text", body: "Antwort in der Pause" });
  const pushing = books.push({ sourceId: "p2", mailbox: "erika", conversation: "c" });
  await eventually(async () => (await storage.store.leftovers("push")).eventsOpen > 0);
  expect(books.answers).toEqual([]);
  write("matrix");
  await apply();
  expect(await pushing).toBe("matrix");
  // Both answers wait in one lane, in order; the first one is looked at again within a minute.
  const taken = () => storage.store.listMessages({ account: "push", origin: "matrix", limit: 9 });
  await eventually(async () => (await taken()).length === 2);
  expect(books.answers).toEqual([]);
});

async function outlinesOf(account: string): Promise<readonly LetterOutline[]> {
  return storage.store.listOutlines({ account, ...ALL }, { limit: 1_000 });
}

/** Ids of all letters that anybody sees in Matrix, one per event, room by room in its order. */
async function shownLetters(): Promise<readonly (readonly string[])[]> {
  const found: string[][] = [];
  for (const person of people) {
    await acceptAll(person);
    for (const room of await caseRooms(person)) {
      const blocks = (await person.timeline(room)).map(({ content }) => content[MESSAGE_BLOCK]);
      const ids = blocks.map((block) => (block as Json | undefined)?.["message_id"]);
      found.push(ids.filter((id) => typeof id === "string"));
    }
  }
  return found;
}
