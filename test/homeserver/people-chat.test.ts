import { beforeEach, expect, it } from "vitest";
import type { ClaimDesk } from "../../src/people/claim-desk.ts";
import type { MatrixClient } from "../support/matrix-client.ts";
import { BAUAMT, eventually, SERVER } from "./matrix-harness.ts";
import { enterRoom, invitations, say } from "./matrix-people.ts";
import { homeserver, start, useHomeserver, world } from "./matrix-site.ts";

/** The chat in which a reader links a mailbox: what the keeper does there, whoever is in it and whatever is said. */
const KEEPER = `@_postfach_keeper:${SERVER}`;
const CODE = "ABCDE-FGHJK";
let erika: MatrixClient;
let given: string[];

useHomeserver();
beforeEach(() => {
  erika = homeserver.registerUser("erika");
  given = [];
});

const desk = (changes: Partial<ClaimDesk> = {}): ClaimDesk => ({
  asks: true,
  request: ({ account, mailbox, user }) => {
    given.push(`request ${account} ${mailbox} ${user}`);
    return Promise.resolve();
  },
  confirm(user, code) {
    given.push(`confirm ${user} ${code}`);
    const linked = { account: "bauamt", mailbox: "mailbox-1" };
    return Promise.resolve(code === CODE ? linked : undefined);
  },
  ...changes,
});
const text = (body: string) => ({ msgtype: "m.text", body });
const chat = (invite: string[] = [KEEPER]) => erika.createRoom({ is_direct: true, invite });
const heard = async (roomId: string): Promise<string[]> =>
  (await erika.timeline(roomId))
    .filter(({ sender, type }) => sender === KEEPER && type === "m.room.message")
    .map(({ content }) => String(content["body"]));
const hears = (roomId: string, count: number) =>
  eventually(async () => {
    const all = await heard(roomId);
    return all.length >= count ? all : undefined;
  });
const keeperIsIn = async (roomId: string) => (await erika.members(roomId)).includes(KEEPER);

it("a right code brings the reader into the rooms that are there", async () => {
  const link = { account: "bauamt", mailbox: "mailbox-1", by: "op", provenance: "claim" } as const;
  const user = `@erika:${SERVER}`;
  await start({
    accounts: [{ ...BAUAMT, links: [{ mailbox: "mailbox-1", user: `@max:${SERVER}` }] }],
    claims: desk({
      async confirm() {
        await world.store.putLink({ ...link, user }, new Date());
        return { account: link.account, mailbox: link.mailbox };
      },
    }),
  });
  const max = homeserver.registerUser("max");
  await world.settled(await world.fromLegacy({}));
  const room = await enterRoom(max);
  const roomId = await chat();
  await hears(roomId, 1);
  expect(await invitations(erika)).not.toContain(room);
  await say(erika, roomId, text(`!postfach bestätigen ${CODE}`));
  expect((await hears(roomId, 2))[1]).toContain("jetzt mit diesem Matrix-Konto verbunden");
  expect(await invitations(erika)).toContain(room);
});

it("an answer that did not get out is said later, and costs no second try", async () => {
  await start({ claims: desk() });
  const roomId = await chat();
  await hears(roomId, 1);
  world.cutAnswers(/\/send\//, 2);
  await say(erika, roomId, text("!postfach bestätigen 00000-00000"));
  expect((await hears(roomId, 2))[1]).toContain("gilt hier nicht");
  await say(erika, roomId, text("danke"));
  await hears(roomId, 3);
  expect(given).toEqual([`confirm @erika:${SERVER} 00000-00000`]);
});

it("what is encrypted, edited or a notice is no command; other words get the help", async () => {
  await start({ claims: desk({ asks: false }) });
  const roomId = await chat();
  expect((await hears(roomId, 1))[0]).not.toContain("verknüpfen");
  await erika.send(roomId, "m.room.encrypted", { algorithm: "m.megolm.v1.aes-sha2" });
  expect((await hears(roomId, 2))[1]).toContain("ohne Verschlüsselung");
  const first = await say(erika, roomId, text("!postfach verknüpfen bauamt mailbox-1"));
  expect((await hears(roomId, 3))[2]).toContain("!postfach bestätigen");
  await say(erika, roomId, {
    ...text(`* !postfach bestätigen ${CODE}`),
    "m.relates_to": { rel_type: "m.replace", event_id: first },
    "m.new_content": text(`!postfach bestätigen ${CODE}`),
  });
  await say(erika, roomId, { msgtype: "m.notice", body: `!postfach bestätigen ${CODE}` });
  await say(erika, roomId, text("x".repeat(5_000)));
  await hears(roomId, 4);
  expect(given, "nothing of that asks or confirms").toEqual([]);
  expect(await heard(roomId)).toHaveLength(4);
});

it("a room of three is no such chat: the keeper does not stay, and says nothing", async () => {
  await start({ claims: desk() });
  const eve = homeserver.registerUser("eve");
  const crowd = await chat([eve.userId]);
  await eve.join(crowd);
  await erika.invite(crowd, KEEPER);
  await eventually(async () => (await said(crowd, "leave")) || undefined);
  expect(await heard(crowd)).toEqual([]);
  const roomId = await chat();
  await hears(roomId, 1);
  await erika.invite(roomId, eve.userId);
  await eve.join(roomId);
  await eventually(async () => !(await keeperIsIn(roomId)));
  await say(erika, roomId, text(`!postfach bestätigen ${CODE}`));
  expect(given).toEqual([]);
});

it("one chat for each user: a new one ends the old one, and who leaves ends it", async () => {
  await start({ claims: desk() });
  const first = await chat();
  await hears(first, 1);
  const second = await chat();
  await hears(second, 1);
  await eventually(async () => !(await keeperIsIn(first)));
  expect(await keeperIsIn(second)).toBe(true);
  await erika.leave(second);
  await eventually(
    async () => (await world.store.listFacts("matrix-claim-room", "", { limit: 9 })).length === 0,
  );
});

it("after thirty messages of an hour there is silence, and no try", async () => {
  await start({ claims: desk() });
  const roomId = await chat();
  await hears(roomId, 1);
  for (let n = 0; n < 32; n += 1) await say(erika, roomId, text(`!postfach bestätigen ${n}`));
  await hears(roomId, 30);
  await say(erika, roomId, text(`!postfach bestätigen ${CODE}`));
  // Whoever leaves is taken in last: all that was said before is over then.
  await erika.leave(roomId);
  await eventually(
    async () => (await world.store.listFacts("matrix-claim-room", "", { limit: 9 })).length === 0,
  );
  expect(given.length, "the greeting is one of the thirty").toBe(29);
  expect(given).not.toContain(`confirm @erika:${SERVER} ${CODE}`);
});

it("where no account allows it, the keeper declines as ever", async () => {
  await start({});
  const roomId = await chat();
  await eventually(async () => (await said(roomId, "leave")) || undefined);
  expect(await heard(roomId)).toEqual([]);
});

/** Has the keeper done this to its membership? */
async function said(roomId: string, membership: string): Promise<boolean> {
  const member = await erika.state(roomId, "m.room.member", KEEPER);
  return member?.["membership"] === membership;
}
