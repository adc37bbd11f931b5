import { beforeEach, describe, expect, it } from "vitest";
import type { MatrixClient } from "../support/matrix-client.ts";
import { SERVER, eventually } from "./matrix-harness.ts";
import {
  acceptAll,
  caseRooms,
  enterRoom,
  invitations,
  say,
  statusBecomes,
} from "./matrix-people.ts";
import { homeserver, replaceHomeserver, site, start, useHomeserver, world } from "./matrix-site.ts";

useHomeserver();
let clerk: MatrixClient;
let erika: MatrixClient;
beforeEach(async () => {
  clerk = homeserver.registerUser("clerk");
  erika = homeserver.registerUser("erika");
  homeserver.registerUser("finance");
  await start({ homeserver: { sweepEvery: 100 } });
});

async function lookUp(account?: string): Promise<string> {
  const fields = { mailbox: "mailbox-9", ...(account === undefined ? {} : { account }) };
  const [found] = await clerk.thirdParty("user", "sample", fields);
  return String(found?.["userid"]);
}
const textsIn = async (client: MatrixClient, roomId: string) =>
  (await client.timeline(roomId)).map((event) => String(event.content["body"]));

describe("looking somebody up", () => {
  it("describes the systems and their accounts", async () => {
    expect(await clerk.thirdPartyProtocols()).toMatchObject({
      sample: {
        user_fields: ["account", "mailbox"],
        field_types: { mailbox: { regexp: ".+", placeholder: "mailbox-1" } },
        instances: [{ network_id: "bauamt" }, { network_id: "finanzamt" }],
      },
    });
  });

  it("finds the ghost of a mailbox, per account, and shows nobody's name", async () => {
    const found = await clerk.thirdParty("user", "sample", { mailbox: "mailbox-9" });
    expect(found).toEqual(
      ["bauamt", "finanzamt"].map((account) => ({
        userid: expect.stringMatching(/^@_postfach_sample_[a-z2-7]{26}:hs\.test$/) as string,
        protocol: "sample",
        fields: { account, mailbox: "mailbox-9" },
      })),
    );
    expect(found[0]?.["userid"]).not.toBe(found[1]?.["userid"]);
    const profile = await clerk.call(
      "GET",
      `/_matrix/client/v3/profile/${String(found[0]?.["userid"])}`,
    );
    expect(JSON.stringify(profile)).not.toContain("Nina");
    expect(await clerk.thirdParty("user", "sample", { mailbox: "mailbox-8" })).toEqual([]);
    expect(await clerk.thirdParty("user", "sample", { name: "Nina" })).toEqual([]);
    expect(await clerk.thirdParty("location", "sample", { mailbox: "mailbox-9" })).toEqual([]);
  });
});

describe("inviting a ghost", () => {
  it("opens the case room for a clerk; the first letter has its subject and leaves for the mailbox", async () => {
    const ghost = await lookUp("bauamt");
    const private_ = await clerk.createRoom({ name: "Bauantrag 12", invite: [ghost] });
    const roomId = await enterRoom(clerk, [private_]);
    await eventually(async () =>
      (await textsIn(clerk, private_)).some((text) => text.includes(encodeURIComponent(roomId))),
    );
    await eventually(async () => !(await clerk.members(private_)).includes(ghost));
    expect((await clerk.state(roomId, "m.room.name"))?.["name"]).toBe("Bauantrag 12");
    expect(await clerk.members(roomId)).toContain(ghost);
    const first = await say(clerk, roomId, { msgtype: "m.text", body: "Sehr geehrte Frau Neu" });
    await statusBecomes(clerk, roomId, first, "delivered");
    const second = await say(clerk, roomId, { msgtype: "m.text", body: "Nachtrag" });
    await statusBecomes(clerk, roomId, second, "delivered");
    expect(world.legacy.letters).toMatchObject([
      {
        subject: "Bauantrag 12",
        from: { address: "bauamt", name: "Bauamt Musterstadt", role: "authority" },
        to: [{ address: "mailbox-9", name: "Nina Neu" }],
        extra: { "matrix.sender": clerk.userId },
      },
      { subject: "Re: Bauantrag 12" },
    ]);
  });

  it("twice for the same matter leads to the same room", async () => {
    const ghost = await lookUp("bauamt");
    const one = await clerk.createRoom({ name: "Bauantrag 12", invite: [ghost] });
    const roomId = await enterRoom(clerk, [one]);
    await eventually(async () => !(await clerk.members(one)).includes(ghost));
    const two = await clerk.createRoom({ name: "Bauantrag 12", invite: [ghost] });
    await eventually(async () =>
      (await textsIn(clerk, two)).some((text) => text.includes(encodeURIComponent(roomId))),
    );
    await acceptAll(clerk);
    expect((await caseRooms(clerk)).filter((id) => id !== one && id !== two)).toEqual([roomId]);
  });

  it("by anybody else is declined, and so is inviting the gateway's own users", async () => {
    const ghost = await lookUp("finanzamt");
    const room = await clerk.createRoom({ invite: [ghost, `@_postfach_keeper:${SERVER}`] });
    const membership = async (user: string) =>
      (await clerk.state(room, "m.room.member", user))?.["membership"];
    await eventually(async () => (await membership(ghost)) === "leave");
    await eventually(async () => (await membership(`@_postfach_keeper:${SERVER}`)) === "leave");
    expect(await invitations(clerk)).toEqual([]);
  });

  it("is found although push lost the invitation", async () => {
    const ghost = await lookUp("bauamt");
    homeserver.serviceFaults.dropTransactions(1);
    const private_ = await clerk.createRoom({ name: "Verlorene Einladung", invite: [ghost] });
    const roomId = await enterRoom(clerk, [private_]);
    expect((await clerk.state(roomId, "m.room.name"))?.["name"]).toBe("Verlorene Einladung");
  });
});

describe("who may write", () => {
  it("refuses strangers who were let in, and clerks of others, where they see it", async () => {
    const ghost = await lookUp("bauamt");
    const private_ = await clerk.createRoom({ name: "Sache", invite: [ghost] });
    const roomId = await enterRoom(clerk, [private_]);
    const keeper = homeserver.clientFor(`@_postfach_keeper:${SERVER}`);
    await keeper.invite(roomId, erika.userId);
    await erika.join(roomId);
    const written = await say(erika, roomId, { msgtype: "m.text", body: "Ich bin das Amt" });
    const shown = await statusBecomes(erika, roomId, written, "submission-rejected");
    expect(shown.code).toBe("SENDER_NOT_ALLOWED");
    expect(shown.text).toContain("schreibberechtigt");
    expect(world.legacy.letters).toEqual([]);
    const kept = await world.store.messageBySource("bauamt", written);
    expect(kept?.message.text).toBeUndefined();
    expect(kept?.message.from.address).toBe(erika.userId);
  });

  it("lets a program open a case for a clerk, once", async () => {
    const to = { address: "mailbox-9", name: "Nina Neu", role: "citizen" } as const;
    const request = { account: "finanzamt", to, subject: "Steuer", case: { reference: "ST-1" } };
    const one = await world.matrix.openConversation(request, "admin");
    const two = await world.matrix.openConversation({ ...request, subject: "anders" }, "admin");
    expect(two).toMatchObject({ roomId: one.roomId, conversation: { id: one.conversation.id } });
    const finance = homeserver.registerUser("finance");
    expect(await enterRoom(finance)).toBe(one.roomId);
    expect(await invitations(clerk)).toEqual([]);
  });
});

describe("a homeserver from before devices of application services", () => {
  it("gives ghosts their device by a log-in", async () => {
    await replaceHomeserver(({ "io.element.msc4190": _new, ...registration }) => registration);
    homeserver.registerUser("erika");
    await start();
    const noDevices = { kind: "status", status: 404, errcode: "M_NOT_FOUND" } as const;
    homeserver.faults.add({ method: "PUT", path: "/devices/", times: 100, action: noDevices });
    homeserver.faults.add({ path: "/send/", action: { kind: "reset", when: "after" } });
    await world.settled(await world.fromLegacy({}));
    expect(world.requests.filter((line) => line.includes("/v3/login")).length).toBeGreaterThan(0);
    for (const line of world.requests.filter((one) => one.includes("/send/")))
      expect(line).toContain("device_id=POSTFACH");
  });
});

describe("questions of the homeserver", () => {
  const ask = async (path: string) => {
    const url = `${site.registration.url}${path}`;
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${site.registration.hs_token}` },
    });
    return [answer.status, await answer.json()];
  };

  it("knows its ghosts, and says 404 M_NOT_FOUND in JSON to all others", async () => {
    const ghost = await lookUp("bauamt");
    expect(await ask(`/_matrix/app/v1/users/${ghost}`)).toEqual([200, {}]);
    const unknown = [404, { errcode: "M_NOT_FOUND" }];
    expect(await ask("/_matrix/app/v1/users/@_postfach_sample_x:hs.test")).toMatchObject(unknown);
    expect(await ask("/_matrix/app/v1/rooms/%23_postfach_case_x:hs.test")).toMatchObject(unknown);
  });

  it("reports its health in both directions", async () => {
    const signal = AbortSignal.timeout(5_000);
    expect(await world.matrix.ping(signal)).toMatchObject({ ok: true });
    await homeserver.kill();
    expect(await world.matrix.ping(signal)).toMatchObject({ ok: false });
  });

  it("says which mailboxes somebody reads", async () => {
    const signal = AbortSignal.timeout(5_000);
    expect(await world.matrix.resolve?.(erika.userId, signal)).toMatchObject([
      { address: "mailbox-1" },
    ]);
  });
});
