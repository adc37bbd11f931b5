import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startHomeserver, type Homeserver } from "../../fixtures/simulators/homeserver/index.ts";
import { newId } from "../../src/model/id.ts";
import { followTurns } from "../../src/people/following.ts";
import { noteLater } from "../../src/people/later.ts";
import { writerOf } from "../../src/people/writer.ts";
import { letterView } from "../../src/ops/views.ts";
import type { MatrixClient } from "../support/matrix-client.ts";
import { recordingLog } from "../unit/matrix/support.ts";
import { accountSample } from "../unit/matrix/account-sample.ts";
import { BAUAMT, eventually, planSite, SERVER, startWorld } from "./matrix-harness.ts";
import type { Site, World } from "./matrix-harness.ts";
import {
  caseRooms,
  enterRoom,
  invitations,
  lettersIn,
  say,
  statusBecomes,
} from "./matrix-people.ts";

const DAY = 86_400_000;
const AUTHORITY = { address: "bauamt", name: "Bauamt", role: "authority" } as const;
const CITIZEN = { address: "mailbox-1", name: "Erika Beispiel", role: "citizen" } as const;

let site: Site;
let homeserver: Homeserver;
let clock: Date;
const worlds: World[] = [];
const users = new Map<string, MatrixClient>();

beforeEach(async () => {
  site = await planSite();
  homeserver = await startHomeserver({ registration: site.registration, serverName: SERVER });
  for (const name of ["erika", "wanda", "willi", "clerk"])
    users.set(name, homeserver.registerUser(name));
  clock = new Date();
});
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
  await homeserver.stop();
});
async function start(changes: Parameters<typeof accountSample>[0]): Promise<World> {
  const accounts = [accountSample({ ...BAUAMT, ...changes })];
  const world = await startWorld({
    homeserverUrl: homeserver.baseUrl,
    site,
    accounts,
    clock: () => clock,
  });
  worlds.push(world);
  return world;
}
function user(name: string): MatrixClient {
  const found = users.get(name);
  if (!found) throw new Error(`no user ${name}`);
  return found;
}
const id = (name: string) => `@${name}:${SERVER}`;
const follow = (world: World) =>
  followTurns({
    ...{ accounts: world.accounts, store: world.store, matrix: world.matrix, now: () => clock },
    log: recordingLog().log,
  });

describe("function mailboxes", () => {
  const functionMailboxes = [
    {
      ...{ name: "wohngeld", title: "Wohngeld", references: ["50."] },
      clerks: [id("wanda"), id("willi")],
    },
  ];
  it("its clerks share it, others never see it, and who wrote is data, not text", async () => {
    const world = await start({ functionMailboxes });
    const letter = {
      from: CITIZEN,
      to: [AUTHORITY],
      conversation: "w",
      case: { reference: "50.1" },
    };
    await world.settled(await world.fromLegacy(letter));
    const room = await enterRoom(user("wanda"));
    expect(await enterRoom(user("willi"))).toBe(room);
    expect(await invitations(user("clerk"))).not.toContain(room);
    const event = await say(user("willi"), room, { msgtype: "m.text", body: "Bitte Nachweis." });
    const sent = await eventually(() => world.legacy.letters[0]);
    expect(sent?.text).toBe("Bitte Nachweis.");
    const writer = { user: id("willi"), desk: "wohngeld" };
    expect(sent && writerOf(sent)).toMatchObject(writer);
    expect(letterView(await world.letter(sent?.id ?? ""))).toMatchObject({ writtenBy: writer });
    const shown = await statusBecomes(user("willi"), room, event, "delivered");
    expect(JSON.stringify(shown)).toContain("wohngeld");
  });

  it("what fits none goes to all clerks of the account", async () => {
    const world = await start({ functionMailboxes });
    const letter = {
      from: CITIZEN,
      to: [AUTHORITY],
      conversation: "x",
      case: { reference: "63.1" },
    };
    await world.settled(await world.fromLegacy(letter));
    const room = await enterRoom(user("clerk"));
    expect(await caseRooms(user("clerk"))).toEqual([room]);
    expect(await invitations(user("wanda"))).not.toContain(room);
  });
});

describe("time", () => {
  it("a deputy comes and goes by the calendar, without a letter and without a restart", async () => {
    const world = await start({});
    const letter = { from: CITIZEN, to: [AUTHORITY], conversation: "v" };
    await world.settled(await world.fromLegacy(letter));
    const room = await enterRoom(user("clerk"));
    await world.store.addSubstitution(
      {
        ...{ id: newId(), account: "bauamt", absent: id("clerk"), deputy: id("wanda"), by: "op" },
        from: new Date(clock.getTime() + DAY),
        until: new Date(clock.getTime() + 3 * DAY),
      },
      clock,
    );
    await follow(world);
    expect(await invitations(user("wanda"))).toEqual([]);
    clock = new Date(clock.getTime() + DAY);
    await follow(world);
    expect(await enterRoom(user("wanda"))).toBe(room);
    await say(user("wanda"), room, { msgtype: "m.text", body: "In Vertretung." });
    const sent = await eventually(() => world.legacy.letters[0]);
    expect(sent && writerOf(sent)).toMatchObject({ user: id("wanda"), insteadOf: id("clerk") });
    clock = new Date(clock.getTime() + 2 * DAY);
    await follow(world);
    expect(await user("clerk").members(room)).not.toContain(id("wanda"));
  });

  it("a removal that the homeserver did not hear of is caught up with, without a letter", async () => {
    const world = await start({ links: [] });
    const link = { account: "bauamt", mailbox: "mailbox-1", by: "op" } as const;
    for (const name of ["erika", "wanda"])
      await world.store.putLink({ ...link, user: id(name), provenance: "admin" }, clock);
    await world.settled(await world.fromLegacy({}));
    const room = await enterRoom(user("erika"));
    expect(await enterRoom(user("wanda"))).toBe(room);
    await world.store.removeLink("bauamt", "mailbox-1", id("wanda"), "op", clock);
    await noteLater(world.store, "bauamt", "mailbox-1");
    await noteLater(world.store, "switched-off", "mailbox-1");
    await follow(world);
    expect(await user("erika").members(room)).not.toContain(id("wanda"));
    const left = await world.store.listFacts("people-later", "", { limit: 9 });
    expect(left.map(({ key }) => key)).toEqual(["switched-off\nmailbox-1"]);
  });

  it("a link that ends closes the room before the next letter", async () => {
    const world = await start({ links: [] });
    const link = {
      account: "bauamt",
      mailbox: "mailbox-1",
      by: "op",
      provenance: "admin",
    } as const;
    await world.store.putLink({ ...link, user: id("erika") }, clock);
    const until = new Date(clock.getTime() + DAY);
    await world.store.putLink({ ...link, user: id("wanda"), until }, clock);
    await world.settled(await world.fromLegacy({}));
    const room = await enterRoom(user("erika"));
    expect(await enterRoom(user("wanda"))).toBe(room);
    clock = until;
    await world.settled(await world.fromLegacy({ text: "Nur für Erika" }));
    expect(await user("erika").members(room)).not.toContain(id("wanda"));
    expect(await lettersIn(user("erika"), room)).toHaveLength(2);
  });
});

describe("trust levels", () => {
  const link = "https://portal.example.org/anmelden";
  const SECRET = "Ihre Steuernummer";
  it("a letter above the level of rooms leaves a notice; nothing says that it was delivered", async () => {
    const world = await start({ levels: { roomMaximum: 2, above: "notice", link } });
    const letter = await world.fromLegacy({
      level: 3,
      subject: SECRET,
      text: SECRET,
      sourceId: "z9",
    });
    const room = await enterRoom(user("erika"));
    const texts = await eventually(async () => {
      const all = await lettersIn(user("erika"), room);
      return all.length > 0 ? all : undefined;
    });
    expect(texts.join()).toContain(link);
    expect(texts.join()).not.toContain(SECRET);
    expect(await world.letter(letter)).toMatchObject({ state: "held", code: "LEVEL_UNAVAILABLE" });
    expect(
      await world.fromLegacy({ level: 3, subject: SECRET, text: SECRET, sourceId: "z9" }),
    ).toBe(letter);
    expect((await user("erika").state(room, "m.room.name"))?.["name"]).not.toContain(SECRET);
    await world.settled(await world.fromLegacy({ level: 2, text: "Sichtbar" }));
    await world.fromLegacy({ level: 3, subject: SECRET, replyPolicy: "forbidden" });
    const { conversationId } = await world.letter(letter);
    const conversation = await world.store.conversation(conversationId);
    expect(conversation).toMatchObject({ subject: "Bescheid", replyPolicy: "possible" });
    await eventually(async () => (await lettersIn(user("erika"), room)).length === 3 || undefined);
    const told = world.legacy.told.map(({ message, receipt }) => [message.sourceId, receipt.kind]);
    expect(told.filter(([source]) => source?.includes("z9"))).toEqual(
      told.filter(([source, kind]) => source === "z9" && kind === "submission-accepted"),
    );
    const trace = await world.store.trace(letter);
    expect(trace?.receipts.map(({ kind }) => kind)).toEqual(["submission-accepted"]);
  });

  it("hold tells nobody; an operator's release shows the letter", async () => {
    const world = await start({ levels: { roomMaximum: 1, above: "hold", link } });
    const letter = await world.fromLegacy({ level: 4, text: SECRET });
    expect((await world.letter(letter)).state).toBe("held");
    expect(await invitations(user("erika"))).toEqual([]);
    const [item] = await world.store.listQuarantine({ state: "open", limit: 10 });
    await world.store.closeQuarantine(item?.id ?? "", "released", "op", clock);
    await world.settled(letter);
    const room = await enterRoom(user("erika"));
    expect((await lettersIn(user("erika"), room)).join()).toContain(SECRET);
  });
});
