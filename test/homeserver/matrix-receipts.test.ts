import { beforeEach, describe, expect, it } from "vitest";
import type { MatrixClient } from "../support/matrix-client.ts";
import { BAUAMT, eventually } from "./matrix-harness.ts";
import { enterRoom, say, statusBecomes } from "./matrix-people.ts";
import { homeserver, start, useHomeserver, world } from "./matrix-site.ts";

useHomeserver();
let erika: MatrixClient;
let roomId: string;
beforeEach(() => void (erika = homeserver.registerUser("erika")));

async function startWithLetters(accounts = [BAUAMT]): Promise<string[]> {
  await start({ accounts });
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    const id = await world.fromLegacy({ text: `Nummer ${n}` });
    ids.push(id);
    await world.settled(id);
  }
  roomId = await enterRoom(erika);
  return ids;
}
const read = () =>
  world.legacy.told.filter((one) => one.receipt.kind === "retrieved").map((one) => one.message.id);
const eventOf = async (id: string) => (await world.letter(id)).remoteId ?? "";
/** Everything that was pushed before this was taken in. */
async function settle(): Promise<void> {
  const written = await say(erika, roomId, { msgtype: "m.text", body: "Ende" });
  await statusBecomes(erika, roomId, written, "delivered");
}

describe("reading in Matrix", () => {
  it("marks every letter up to there, and none after it", async () => {
    const [one = "", two = "", three = ""] = await startWithLetters();
    await erika.sendReceipt(roomId, await eventOf(two));
    await eventually(() => read().length === 2);
    expect(read()).toEqual([one, two]);
    await erika.sendReceipt(roomId, await eventOf(three));
    await eventually(() => read().length === 3);
    expect(read()).toEqual([one, two, three]);
  });

  it("of a status notice or an own message marks the letters before it", async () => {
    const ids = await startWithLetters();
    const own = await say(erika, roomId, { msgtype: "m.text", body: "Antwort" });
    const shown = await statusBecomes(erika, roomId, own, "delivered");
    await erika.sendReceipt(roomId, shown.events[0]?.event_id ?? "");
    await eventually(() => read().length === 3);
    expect(read()).toEqual(ids);
  });

  it("of an own message marks them too when something waits for the old mailbox", async () => {
    const ids = await startWithLetters();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    world.legacy.behave = () => released;
    // The first one is under way for long, so the second one is the newest letter and waits.
    for (const text of ["unterwegs", "wartet"])
      await world.fromLegacy({ text }, "bauamt", { destination: "legacy" });
    const own = await say(erika, roomId, { msgtype: "m.text", body: "Antwort" });
    await erika.sendReceipt(roomId, own);
    const isRead = async (id: string) =>
      (await world.store.trace(id))?.receipts.some(({ kind }) => kind === "retrieved") === true;
    for (const id of ids) await eventually(() => isRead(id));
    expect(read(), "told when the way is free").toEqual([]);
    release();
    await eventually(() => read().length === 3);
  });

  it("in private, or by the gateway itself, marks nothing", async () => {
    const [, , three = ""] = await startWithLetters();
    await erika.sendReceipt(roomId, await eventOf(three), "m.read.private");
    await settle();
    expect(read()).toEqual([]);
  });

  it("marks nothing in an account that wants no read receipts", async () => {
    const [, , three = ""] = await startWithLetters([{ ...BAUAMT, readReceipts: false }]);
    await erika.sendReceipt(roomId, await eventOf(three));
    await settle();
    expect(read()).toEqual([]);
  });

  it("asks the homeserver nothing when everything is marked already", async () => {
    const [, , three = ""] = await startWithLetters();
    await erika.sendReceipt(roomId, await eventOf(three));
    await eventually(() => read().length === 3);
    const own = await say(erika, roomId, { msgtype: "m.text", body: "Antwort" });
    await erika.sendReceipt(roomId, own);
    await settle();
    // Those of the sweep name their types.
    const asked = world.requests.filter((line) => /\/messages\?(?!.*filter=)/.test(line));
    expect(asked).toEqual([]);
  });
});
