import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startHomeserver, type Homeserver } from "../../fixtures/simulators/homeserver/index.ts";
import { ATTACHMENT_BLOCK, MESSAGE_BLOCK } from "../../src/matrix/letter-events.ts";
import { Readable } from "node:stream";
import type { MatrixClient } from "../support/matrix-client.ts";
import { SERVER, eventually, planSite, startWorld, type World } from "./matrix-harness.ts";
import { enterRoom, lettersIn, say, statusBecomes } from "./matrix-people.ts";

const HOUR = 3_600_000;
let homeserver: Homeserver;
let world: World;
let erika: MatrixClient;
let roomId: string;
let offset = 0;

beforeEach(async () => {
  offset = 0;
  const clock = () => Date.now() + offset;
  const site = await planSite();
  homeserver = await startHomeserver({
    registration: site.registration,
    serverName: SERVER,
    backoffUnitMs: 50,
    clock,
  });
  erika = homeserver.registerUser("erika");
  world = await startWorld({
    homeserverUrl: homeserver.baseUrl,
    site,
    clock: () => new Date(clock()),
  });
  await world.settled(await world.fromLegacy({ text: "das erste" }));
  roomId = await enterRoom(erika);
});
afterEach(async () => {
  await world.stop();
  await homeserver.stop();
});

/** Every part of every letter once: by letter and part, not by event. */
function doubled(): readonly string[] {
  return homeserver.observations.duplicates(roomId, (event) => {
    const content = event["content"] as Record<string, { message_id?: string; index?: number }>;
    const main = content[MESSAGE_BLOCK]?.message_id;
    if (main !== undefined) return main;
    const file = content[ATTACHMENT_BLOCK];
    return file && `${file.message_id ?? ""}/${file.index ?? ""}`;
  });
}
const send = /\/send\/m\.room\.message\//;

describe("a homeserver that misbehaves", () => {
  it("limits the rate: no letter is lost, doubled or out of order", async () => {
    homeserver.faults.add({ path: send, times: 40, action: { kind: "limit", retryAfterMs: 5 } });
    const texts = Array.from({ length: 10 }, (_, n) => `Nummer ${n}`);
    for (const text of texts) await world.fromLegacy({ text });
    await eventually(async () => (await lettersIn(erika, roomId)).length === 11);
    const bodies = (await lettersIn(erika, roomId)).slice(1);
    expect(bodies).toEqual(texts.map((text) => `Bescheid\n\n${text}`));
    expect(doubled()).toEqual([]);
  });

  it.each([
    ["answers 502 after it stored the event", { kind: "status", status: 502, when: "after" }],
    ["cuts the connection after it stored the event", { kind: "reset", when: "after" }],
    ["answers 500 before", { kind: "status", status: 500 }],
    ["cuts the connection before", { kind: "reset" }],
  ] as const)("%s: the letter stands there once", async (_name, action) => {
    homeserver.faults.add({ path: send, times: 4, action });
    const blob = await world.blobs.put(Readable.from([Buffer.from("Anlage")]), 100);
    const attachments = [{ name: "a.txt", mediaType: "text/plain", blob }];
    const id = await world.fromLegacy({ text: "einmal", attachments });
    await world.settled(id);
    await world.settled(await world.fromLegacy({ text: "danach" }));
    expect((await lettersIn(erika, roomId)).map((body) => body.split("\n\n")[1])).toEqual([
      "das erste",
      "einmal",
      "danach",
    ]);
    expect(doubled()).toEqual([]);
    expect((await world.letter(id)).attempts).toBeGreaterThan(1);
  });

  it("restarts after it stored an event whose answer was lost: the device makes it remember", async () => {
    homeserver.faults.add({ path: send, action: { kind: "reset", when: "after" } });
    homeserver.faults.add({
      path: send,
      skip: 1,
      times: 3,
      action: { kind: "status", status: 503 },
    });
    const id = await world.fromLegacy({ text: "einmal" });
    await eventually(async () => (await world.letter(id)).attempts >= 2);
    await homeserver.restart({ graceful: false });
    await world.settled(id);
    expect(doubled()).toEqual([]);
    expect(await lettersIn(erika, roomId)).toHaveLength(2);
  });

  it("has forgotten the transaction id after a day: our own mark in the room is found", async () => {
    homeserver.faults.add({ path: send, action: { kind: "reset", when: "after" } });
    const stuck = homeserver.faults.add({
      path: send,
      skip: 1,
      times: 10_000,
      action: { kind: "status", status: 503 },
    });
    const id = await world.fromLegacy({ text: "einmal" });
    await eventually(async () => (await world.letter(id)).attempts >= 2);
    await world.pause();
    stuck.remove();
    offset = 25 * HOUR;
    await world.restart();
    const { remoteId } = await world.settled(id);
    expect(await lettersIn(erika, roomId)).toHaveLength(2);
    const event = await erika.event(roomId, remoteId ?? "");
    expect(event.content[MESSAGE_BLOCK]).toMatchObject({ message_id: id });
  });

  it("is down while the gateway starts: letters wait, and the push channel is woken", async () => {
    await world.pause();
    await homeserver.kill();
    const started = world.restart();
    const id = await world.fromLegacy({ text: "später" });
    await started;
    await eventually(() =>
      world.lines.some((line) => line.event === "homeserver-does-not-reach-us"),
    );
    await homeserver.restart({ graceful: false });
    await world.settled(id);
    expect(await lettersIn(erika, roomId)).toHaveLength(2);
  });

  it("gave us up for a while: the ping at the start brings its events at once", async () => {
    await world.pause();
    const written = await say(erika, roomId, { msgtype: "m.text", body: "niemand da" });
    await eventually(() => homeserver.observations.pushes.some((push) => push.status === 0));
    await world.restart();
    await statusBecomes(erika, roomId, written, "delivered");
    expect(world.legacy.letters.map((letter) => letter.text)).toEqual(["niemand da"]);
  });

  it("pushes the same events twice: they are one letter", async () => {
    homeserver.serviceFaults.repeatTransactions(3);
    for (const body of ["eins", "zwei", "drei"]) {
      const written = await say(erika, roomId, { msgtype: "m.text", body });
      await statusBecomes(erika, roomId, written, "delivered");
    }
    expect(world.legacy.letters.map((letter) => letter.text)).toEqual(["eins", "zwei", "drei"]);
  });

  it("pushes with a wrong token: nothing is taken, and it comes again", async () => {
    homeserver.serviceFaults.wrongTokens(2);
    const written = await say(erika, roomId, { msgtype: "m.text", body: "doch" });
    await statusBecomes(erika, roomId, written, "delivered");
    expect(homeserver.observations.pushes.map((push) => push.status)).toContain(403);
    expect(world.legacy.letters).toHaveLength(1);
  });

  it("pushes while the database is broken: nothing is acknowledged, nothing lost", async () => {
    const { recordEvents } = world.store;
    let broken = true;
    world.store.recordEvents = (...given) =>
      broken ? Promise.reject(new Error("disk full")) : recordEvents(...given);
    const written = await say(erika, roomId, { msgtype: "m.text", body: "hartnäckig" });
    await eventually(() => homeserver.observations.pushes.some((push) => push.status === 500));
    expect(homeserver.observations.pushes.at(-1)?.delivered).toBe(false);
    broken = false;
    await statusBecomes(erika, roomId, written, "delivered");
    expect(world.legacy.letters.map((letter) => letter.text)).toEqual(["hartnäckig"]);
  });

  it("pushes poison: it is set aside, and its neighbours pass", async () => {
    const person = { sender: erika.userId, room_id: roomId, origin_server_ts: 1 };
    const good = (id: string) => ({
      ...person,
      event_id: id,
      type: "m.room.message",
      content: { msgtype: "m.text", body: id },
    });
    const { event_id: _missing, ...poison } = good("$x");
    const status = await homeserver.injectTransaction([
      good("$one"),
      poison,
      null,
      7,
      good("$two"),
    ]);
    expect(status).toBe(200);
    await eventually(() => world.legacy.letters.length === 2);
    expect(world.legacy.letters.map((letter) => letter.sourceId)).toEqual(["$one", "$two"]);
    expect(await world.store.listQuarantine({ limit: 10 })).toHaveLength(3);
  });

  it("an event that always fails for reasons of ours is set aside, and those behind it go on", async () => {
    const { messageBySource } = world.store;
    world.store.messageBySource = (account, source) =>
      source === poisoned
        ? Promise.reject(new TypeError("a fault of ours"))
        : messageBySource(account, source);
    const poisoned = await say(erika, roomId, { msgtype: "m.text", body: "Gift" });
    const after = await say(erika, roomId, { msgtype: "m.text", body: "dahinter" });
    await statusBecomes(erika, roomId, after, "delivered");
    const [item] = await world.store.listQuarantine({ limit: 10 });
    expect(item).toMatchObject({ account: "bauamt", sourceId: poisoned, code: "INTERNAL" });
    world.store.messageBySource = messageBySource;
    if (!item?.original) throw new Error("its bytes are not kept");
    const { sourceId, code, detail, original } = item;
    const signal = AbortSignal.timeout(5_000);
    await world.matrix.readmit?.({ sourceId, code, detail, original }, signal);
    await eventually(() => world.legacy.letters.length === 2);
    expect(world.legacy.letters[1]?.text).toBe("Gift");
  });
});
