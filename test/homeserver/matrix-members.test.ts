import { beforeEach, describe, expect, it } from "vitest";
import type { MatrixClient } from "../support/matrix-client.ts";
import { accountSample } from "../unit/matrix/account-sample.ts";
import { BAUAMT, eventually } from "./matrix-harness.ts";
import {
  acceptAll,
  caseRooms,
  enterRoom,
  invitations,
  lettersIn,
  spaces,
} from "./matrix-people.ts";
import { homeserver, start, useHomeserver } from "./matrix-site.ts";

useHomeserver();
let erika: MatrixClient;
let max: MatrixClient;
beforeEach(() => {
  erika = homeserver.registerUser("erika");
  max = homeserver.registerUser("max");
  homeserver.registerUser("clerk");
});

describe("members of a case", () => {
  it("never see another tenant: same mailbox id, other account, other room, space and ghost", async () => {
    const world = await start();
    const from = { address: "authority-7", name: "Amt", role: "authority" } as const;
    await world.settled(await world.fromLegacy({ from }, "bauamt"));
    await world.settled(await world.fromLegacy({ from }, "finanzamt"));
    const ofErika = await enterRoom(erika);
    const ofMax = await enterRoom(max);
    await acceptAll(erika);
    await acceptAll(max);
    expect(await caseRooms(erika)).toEqual([ofErika]);
    expect(await caseRooms(max)).toEqual([ofMax]);
    const [spaceOfErika, ...moreOfErika] = await spaces(erika);
    const [spaceOfMax, ...moreOfMax] = await spaces(max);
    expect([...moreOfErika, ...moreOfMax]).toEqual([]);
    expect(spaceOfErika).not.toBe(spaceOfMax);
    const ghosts = async (client: MatrixClient, roomId: string) =>
      (await client.members(roomId)).filter((user) => user.includes("_sample_"));
    const [ghostOfErika] = await ghosts(erika, ofErika);
    expect(await ghosts(max, ofMax)).not.toContain(ghostOfErika);
  });

  it("never see another citizen of the same authority either", async () => {
    const links = [...BAUAMT.links, { mailbox: "mailbox-2", user: max.userId }];
    const world = await start({ accounts: [{ ...BAUAMT, links }] });
    await world.settled(await world.fromLegacy({}));
    const to = [{ address: "mailbox-2", name: "Max", role: "citizen" }] as const;
    await world.settled(await world.fromLegacy({ conversation: "vorgang-2", to }));
    await enterRoom(erika);
    await enterRoom(max);
    await acceptAll(erika);
    await acceptAll(max);
    for (const roomId of await erika.joinedRooms())
      expect(await erika.members(roomId)).not.toContain(max.userId);
  });

  it("are invited again after they left, with the next letter", async () => {
    const world = await start();
    await world.settled(await world.fromLegacy({}));
    const roomId = await enterRoom(erika);
    await erika.leave(roomId);
    const gone = `${roomId} ${erika.userId}`;
    await eventually(async () =>
      (await world.store.fact("matrix-member", gone))?.includes("leave"),
    );
    expect(await invitations(erika)).not.toContain(roomId);
    await world.settled(await world.fromLegacy({ text: "noch ein Schreiben" }));
    expect(await invitations(erika)).toContain(roomId);
    await erika.join(roomId);
    expect((await lettersIn(erika, roomId)).at(-1)).toContain("noch ein Schreiben");
  });

  it("follow links at once: who lost the link is out before the next letter", async () => {
    const world = await start();
    const link = { account: "bauamt", mailbox: "mailbox-1", user: max.userId };
    await world.store.putLink({ ...link, provenance: "admin", by: "test" }, new Date());
    await world.settled(await world.fromLegacy({}));
    const roomId = await enterRoom(max);
    await enterRoom(erika);
    await world.store.removeLink("bauamt", "mailbox-1", max.userId, "test", new Date());
    await world.matrix.refreshReaders("bauamt", "mailbox-1");
    expect(await erika.members(roomId)).not.toContain(max.userId);
    expect(await max.joinedRooms()).toEqual([]);
    await world.store.putLink({ ...link, provenance: "admin", by: "test" }, new Date());
    await world.matrix.refreshReaders("bauamt", "mailbox-1");
    expect(await invitations(max)).toContain(roomId);
  });

  it("who lost the link gets no letter, even when nobody refreshed anything", async () => {
    const world = await start();
    const link = { account: "bauamt", mailbox: "mailbox-1", user: max.userId };
    await world.store.putLink({ ...link, provenance: "admin", by: "test" }, new Date());
    await world.settled(await world.fromLegacy({}));
    const roomId = await enterRoom(max);
    await world.store.removeLink("bauamt", "mailbox-1", max.userId, "test", new Date());
    await world.settled(await world.fromLegacy({ text: "vertraulich" }));
    expect(await max.joinedRooms()).not.toContain(roomId);
    const seen = await max.attempt(
      "GET",
      `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b`,
    );
    expect(JSON.stringify(seen.body)).not.toContain("vertraulich");
  });

  it("follow a configuration that was changed while the gateway stood still", async () => {
    const clerk = homeserver.registerUser("clerk");
    const authority = { address: "bauamt", name: "Bauamt", role: "authority" } as const;
    const citizen = { address: "mailbox-9", name: "Nina", role: "citizen" } as const;
    const accounts = [BAUAMT];
    const world = await start({ accounts });
    await world.settled(await world.fromLegacy({ from: citizen, to: [authority] }));
    const roomId = await enterRoom(clerk);
    accounts[0] = { ...BAUAMT, clerks: [max.userId] };
    await world.restart();
    await eventually(async () => (await invitations(max)).includes(roomId));
    expect(await clerk.joinedRooms()).not.toContain(roomId);
  });

  it("a letter is not delivered into a room that nobody reads", async () => {
    const world = await start({ accounts: [accountSample({ ...BAUAMT, links: [] })] });
    const id = await world.fromLegacy({});
    await eventually(async () => (await world.letter(id)).code === "RECIPIENT_UNLINKED");
    await world.store.putLink(
      { account: "bauamt", mailbox: "mailbox-1", user: erika.userId, provenance: "admin", by: "t" },
      new Date(),
    );
    await world.settled(id);
    expect(await lettersIn(erika, await enterRoom(erika))).toHaveLength(1);
  });

  it("waits for the first reader where history begins at joining", async () => {
    const world = await start({ homeserver: { historyVisibility: "joined" } });
    const id = await world.fromLegacy({});
    await eventually(async () => (await world.letter(id)).attempts > 0);
    const roomId = await enterRoom(erika);
    await world.settled(id);
    expect(await lettersIn(erika, roomId)).toHaveLength(1);
  });
});
