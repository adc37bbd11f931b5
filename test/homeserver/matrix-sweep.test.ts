import { beforeEach, describe, expect, it } from "vitest";
import type { MatrixClient } from "../support/matrix-client.ts";
import { eventually } from "./matrix-harness.ts";
import { enterRoom, say } from "./matrix-people.ts";
import { homeserver, start, useHomeserver, world } from "./matrix-site.ts";

useHomeserver();
let erika: MatrixClient;
let roomId: string;
let first: string;
let counted: string[];
let offset: number;
beforeEach(() => {
  counted = [];
  offset = 0;
  erika = homeserver.registerUser("erika");
});

async function startSweeping(sweepEvery: number): Promise<void> {
  const count = (name: string) => counted.push(name);
  const clock = () => new Date(Date.now() + offset);
  await start({ count, clock, homeserver: { sweepEvery } });
  first = await world.fromLegacy({});
  await world.settled(first);
  roomId = await enterRoom(erika);
  const joined = `${roomId} ${erika.userId}`;
  await eventually(async () => (await world.store.fact("matrix-member", joined))?.includes("join"));
}
const sayAll = async (bodies: readonly string[]) => {
  for (const body of bodies) await say(erika, roomId, { msgtype: "m.text", body });
};
/** Events that are recorded and then ignored: many of them cost little. */
async function whisperAll(count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1)
    ids.push(await say(erika, roomId, { msgtype: "m.notice", body: `${n}` }));
  return ids;
}
async function allKnown(ids: readonly string[]): Promise<boolean> {
  for (const id of ids) if (!(await world.store.knowsEvent(id))) return false;
  return true;
}
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `Nummer ${n + from}`);
const taken = () => world.legacy.letters.map((letter) => letter.text);

describe("the sweep", () => {
  it("finds what push lost, in order, and counts it", async () => {
    await startSweeping(100);
    homeserver.serviceFaults.dropTransactions(1_000);
    await sayAll(numbers(0, 40));
    await eventually(() => world.legacy.letters.length === 40);
    expect(taken()).toEqual(numbers(0, 40));
    expect(counted.filter((name) => name === "events_swept")).toHaveLength(40);
  });

  it("pages back through a timeline that is cut short", async () => {
    await startSweeping(300);
    await world.pause();
    homeserver.serviceFaults.dropTransactions(1_000);
    await sayAll(numbers(0, 120));
    await world.restart();
    await eventually(() => world.legacy.letters.length === 120);
    expect(taken()).toEqual(numbers(0, 120));
    expect(world.requests.filter((line) => line.includes("/messages?")).length).toBeGreaterThan(0);
  });

  it("does not stop at events that push brought after it lost older ones", async () => {
    await startSweeping(3_600_000);
    await world.pause();
    homeserver.serviceFaults.dropTransactions(10_000);
    const ids = await whisperAll(230);
    // Newer ones came by push already, as after a homeserver's crash: the gap lies behind what is known.
    const timeline = await erika.timeline(roomId);
    const newest = timeline.slice(-200).map((event) => ({
      eventId: event.event_id,
      roomId,
      lane: "r-elsewhere",
      raw: JSON.stringify({ ...event, room_id: roomId }),
    }));
    await world.store.recordEvents(newest, "push", new Date());
    await world.restart();
    await eventually(() => allKnown(ids));
  });

  it("goes first when the homeserver comes back: what it lost keeps its place before newer events", async () => {
    await startSweeping(3_600_000);
    homeserver.serviceFaults.dropTransactions(10);
    await sayAll(["verloren 1"]);
    await sayAll(["verloren 2"]);
    await eventually(() => homeserver.observations.pushes.length > 0);
    await homeserver.restart({ graceful: false });
    // A real one needs seconds to come back.
    offset = 2_000;
    while (homeserver.serviceFaults.takeDrop());
    await sayAll(["danach"]);
    await eventually(() => world.legacy.letters.length === 3);
    expect(taken()).toEqual(["verloren 1", "verloren 2", "danach"]);
  });

  it("starts at the present: nothing from before the gateway is replayed", async () => {
    await startSweeping(100);
    const cursor = await world.store.fact("cursor", "matrix-sweep");
    expect(cursor).toBeDefined();
    const tokenless = world.requests.filter(
      (line) => line.includes("/sync?") && !line.includes("since="),
    );
    expect(tokenless).toHaveLength(1);
    expect(decodeURIComponent(tokenless[0] ?? "")).toContain('"rooms":[]');
  });

  it("goes on from the stored position after a restart", async () => {
    await startSweeping(100);
    await world.restart();
    const before = world.requests.length;
    await eventually(() => world.requests.slice(before).some((line) => line.includes("/sync?")));
    const [sync] = world.requests.slice(before).filter((line) => line.includes("/sync?"));
    expect(sync).toContain("since=");
  });

  it("looks at all rooms anew when its position is refused", async () => {
    await startSweeping(3_600_000);
    await world.pause();
    homeserver.serviceFaults.dropTransactions(10_000);
    const ids = await whisperAll(210);
    const cursor = { name: "matrix-sweep", value: "nonsense" };
    await world.store.recordEvents([], "sweep", new Date(), cursor);
    await world.restart();
    await eventually(() => allKnown(ids));
    expect(world.lines.some((line) => line.event === "sweep-position-refused")).toBe(true);
  });

  it("brings read receipts that push lost", async () => {
    await startSweeping(100);
    const { remoteId } = await world.letter(first);
    homeserver.serviceFaults.dropTransactions(1_000);
    await erika.sendReceipt(roomId, remoteId ?? "");
    await eventually(() => world.legacy.told.some((one) => one.receipt.kind === "retrieved"));
  });

  it("keeps going when the homeserver fails once", async () => {
    await startSweeping(100);
    homeserver.faults.add({ path: "/sync", times: 3, action: { kind: "status", status: 500 } });
    homeserver.serviceFaults.dropTransactions(1_000);
    await sayAll(["trotzdem"]);
    await eventually(() => world.legacy.letters.length === 1);
    expect(world.lines.some((line) => line.event === "homeserver-sweep-failed")).toBe(true);
  });
});
