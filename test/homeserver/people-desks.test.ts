import { beforeEach, describe, expect, it } from "vitest";
import type { AccountConfig, CoreConfig } from "../../src/config/schema.ts";
import { followTurns } from "../../src/people/following.ts";
import { newSubstitution } from "../../src/people/substituting.ts";
import { writerOf } from "../../src/people/writer.ts";
import type { Day } from "../../src/transition/berlin.ts";
import type { MatrixClient } from "../support/matrix-client.ts";
import { accountSample } from "../unit/matrix/account-sample.ts";
import { recordingLog } from "../unit/matrix/support.ts";
import { BAUAMT, eventually, SERVER } from "./matrix-harness.ts";
import { caseRooms, enterRoom, invitations, say, statusBecomes } from "./matrix-people.ts";
import { homeserver, start, useHomeserver, world } from "./matrix-site.ts";

const AUTHORITY = { address: "bauamt", name: "Bauamt", role: "authority" } as const;
const CITIZEN = { address: "mailbox-1", name: "Erika Beispiel", role: "citizen" } as const;
const id = (name: string) => `@${name}:${SERVER}`;
const users = new Map<string, MatrixClient>();
let clock: Date;

useHomeserver();
beforeEach(() => {
  for (const name of ["wanda", "willi", "kira", "clerk"])
    users.set(name, homeserver.registerUser(name));
  clock = new Date();
});
function user(name: string): MatrixClient {
  const found = users.get(name);
  if (!found) throw new Error(`no user ${name}`);
  return found;
}

/** Desks of two authorities in one mailbox, told apart by the service that a letter names. */
const HOUSING = { name: "wohngeld", title: "Wohngeldstelle", services: ["Wohngeld"] };
const CHILDCARE = { name: "kita", title: "Jugendamt", services: ["Kita-Gutschein"] };
const deskOf = (desk: typeof HOUSING, ...clerks: string[]) => ({ ...desk, clerks: clerks.map(id) });
const DESKS = [deskOf(HOUSING, "wanda", "willi"), deskOf(CHILDCARE, "kira")];

/** The list stays the same one: what is changed in it is what the next life of the gateway finds in its file. */
async function open(changes: Partial<AccountConfig>): Promise<AccountConfig[]> {
  const accounts = [accountSample({ ...BAUAMT, ...changes })];
  await start({ accounts, clock: () => clock });
  return accounts;
}
async function letter(conversation: string, service?: string): Promise<string> {
  const options = service === undefined ? {} : { service };
  const content = { from: CITIZEN, to: [AUTHORITY], conversation };
  const stored = await world.fromLegacy(content, "bauamt", options);
  await world.settled(stored);
  return stored;
}
const follow = () =>
  followTurns({
    ...{ accounts: world.accounts, store: world.store, matrix: world.matrix, now: () => clock },
    log: recordingLog().log,
  });
const inRoom = async (reader: string, roomId: string, who: string) =>
  (await user(reader).members(roomId)).includes(id(who));

describe("desks of several authorities in one mailbox", () => {
  it("each gets the conversations of its service, and no other one's", async () => {
    await open({ functionMailboxes: DESKS });
    await letter("w", "Wohngeld");
    await letter("k", "Kita-Gutschein");
    await letter("rest", "Hundesteuer");
    const [housing, childcare, rest] = [
      await enterRoom(user("wanda")),
      await enterRoom(user("kira")),
      await enterRoom(user("clerk")),
    ];
    expect(await enterRoom(user("willi"))).toBe(housing);
    expect(new Set([housing, childcare, rest]).size).toBe(3);
    for (const name of ["wanda", "willi", "kira", "clerk"])
      expect((await caseRooms(user(name))).length, name).toBe(1);
    // A later letter of the same case that names another service does not hand the case over.
    await letter("w", "Kita-Gutschein");
    await letter("w");
    expect(await caseRooms(user("kira"))).toEqual([childcare]);
    expect(await invitations(user("kira"))).not.toContain(housing);
  });

  it("two clerks answer: the letters differ in who wrote them, in nothing that the citizen reads", async () => {
    await open({ functionMailboxes: DESKS });
    await letter("w", "Wohngeld");
    const roomId = await enterRoom(user("wanda"));
    await enterRoom(user("willi"));
    for (const name of ["wanda", "willi"]) {
      const event = await say(user(name), roomId, { msgtype: "m.text", body: "Bitte Nachweis." });
      await statusBecomes(user(name), roomId, event, "delivered");
    }
    const letters = world.legacy.letters.slice(-2);
    const plain = letters.map(({ text, html, subject, from }) => ({ text, html, subject, from }));
    expect(plain[0]).toEqual(plain[1]);
    expect(plain[0]).toMatchObject({ text: "Bitte Nachweis.", from: { address: "bauamt" } });
    expect(letters.map(writerOf)).toMatchObject([
      { user: id("wanda"), desk: "wohngeld" },
      { user: id("willi"), desk: "wohngeld" },
    ]);
  });

  it("a clerk who joins or leaves by the configuration: rooms follow at the next start", async () => {
    const accounts = await open({ functionMailboxes: DESKS });
    await letter("w", "Wohngeld");
    const roomId = await enterRoom(user("wanda"));
    await enterRoom(user("willi"));
    const [account] = accounts;
    if (!account) throw new Error("there is one account");
    accounts[0] = {
      ...account,
      functionMailboxes: [deskOf(HOUSING, "wanda", "kira"), deskOf(CHILDCARE, "willi")],
    };
    await world.restart();
    expect(await enterRoom(user("kira"))).toBe(roomId);
    await eventually(async () => !(await inRoom("wanda", roomId, "willi")));
    const event = await say(user("kira"), roomId, { msgtype: "m.text", body: "Ich übernehme." });
    await statusBecomes(user("kira"), roomId, event, "delivered");
    const last = world.legacy.letters.at(-1);
    expect(last && writerOf(last)).toMatchObject({ user: id("kira"), desk: "wohngeld" });
  });

  it("without desks any more the conversation goes to all clerks, and to nobody of the desk", async () => {
    const accounts = await open({ functionMailboxes: DESKS });
    await letter("w", "Wohngeld");
    const roomId = await enterRoom(user("wanda"));
    const [account] = accounts;
    if (!account) throw new Error("there is one account");
    const { functionMailboxes: _, ...without } = account;
    accounts[0] = without;
    await world.restart();
    expect(await enterRoom(user("clerk"))).toBe(roomId);
    await eventually(async () => !(await inRoom("clerk", roomId, "wanda")));
    await letter("w", "Wohngeld");
  });
});

describe("a substitution ends at midnight in Germany, also when the clock changes", () => {
  const config = {
    accounts: [BAUAMT],
    appservice: { prefix: "_postfach_" },
    homeserver: { name: SERVER, federate: false },
  } as unknown as CoreConfig;

  it.each([
    ["the day with 25 hours", "2026-10-24T10:00:00Z", "2026-10-25", "2026-10-25T23:00:00Z"],
    ["the day with 23 hours", "2026-03-28T10:00:00Z", "2026-03-29", "2026-03-29T22:00:00Z"],
    ["the last day of the year", "2026-12-30T10:00:00Z", "2026-12-31", "2026-12-31T23:00:00Z"],
  ] as const)("%s", async (_what, begin, until, end) => {
    clock = new Date(begin);
    await open({});
    await letter("v");
    const roomId = await enterRoom(user("clerk"));
    const row = {
      account: "bauamt",
      absent: id("clerk"),
      deputy: id("wanda"),
      until: until as Day,
    };
    await world.store.addSubstitution(newSubstitution(config, row, "op", clock), clock);
    await follow();
    expect(await enterRoom(user("wanda"))).toBe(roomId);
    clock = new Date(Date.parse(end) - 1);
    await follow();
    expect(await inRoom("clerk", roomId, "wanda")).toBe(true);
    clock = new Date(end);
    await follow();
    expect(await inRoom("clerk", roomId, "wanda")).toBe(false);
    // What she says now from a client that has not noticed cannot become a letter.
    const sent = world.legacy.letters.length;
    await expect(
      say(user("wanda"), roomId, { msgtype: "m.text", body: "Zu spät" }),
    ).rejects.toThrow();
    expect(world.legacy.letters).toHaveLength(sent);
  });
});
