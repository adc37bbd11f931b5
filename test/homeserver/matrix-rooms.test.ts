import { beforeEach, describe, expect, it } from "vitest";
import type { MatrixClient } from "../support/matrix-client.ts";
import { SERVER, eventually } from "./matrix-harness.ts";
import {
  acceptAll,
  caseRooms,
  enterRoom,
  lettersIn,
  say,
  spaces,
  statusBecomes,
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

const roomsNamed = (name: string) =>
  homeserver.observations
    .roomIds()
    .filter((roomId) =>
      homeserver.observations
        .events(roomId)
        .some(
          (event) =>
            event["type"] === "m.room.name" &&
            (event["content"] as { name?: string }).name === name,
        ),
    );

describe("one room per conversation", () => {
  it("stays one when createRoom is cut short twenty times", async () => {
    const world = await start();
    const cut = homeserver.faults.add({
      path: "/createRoom",
      skip: 1,
      times: 20,
      action: { kind: "reset", when: "after" },
    });
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        world.fromLegacy({ conversation: `vorgang-${n}`, subject: `Sache ${n}` }),
      ),
    );
    for (const id of ids) await world.settled(id);
    expect(cut.hits).toBe(20);
    for (let n = 0; n < 20; n += 1) expect(roomsNamed(`Sache ${n}`)).toHaveLength(1);
  });

  it("stays one when the gateway dies between creation and binding, again and again", async () => {
    const world = await start();
    const { bindRoom } = world.store;
    let deaths = 0;
    world.store.bindRoom = (conversation, room) => {
      deaths += 1;
      return deaths <= 5 ? Promise.reject(new Error("power cut")) : bindRoom(conversation, room);
    };
    await world.settled(await world.fromLegacy({ subject: "Sache" }));
    expect(deaths).toBe(6);
    expect(roomsNamed("Sache")).toHaveLength(1);
    expect(await lettersIn(erika, await enterRoom(erika))).toHaveLength(1);
  });

  it("costs nothing but the letter after a restart", async () => {
    const world = await start();
    await world.settled(await world.fromLegacy({}));
    await world.restart();
    await eventually(() => world.requests.some((line) => line.includes("/ping")));
    const before = world.requests.length;
    await world.settled(await world.fromLegacy({}));
    const requests = world.requests
      .slice(before)
      .filter((line) => !/\/(sync|ping|messages\?)/.test(line));
    expect(requests).toHaveLength(1);
    expect(requests[0]).toContain("/send/");
  });

  it.each(["11", "12"] as const)(
    "is a record in version %s: nobody redacts, encrypts, invites or renames",
    async (version) => {
      const world = await start({ homeserver: { roomVersion: version } });
      const { remoteId } = await world.settled(await world.fromLegacy({}));
      const roomId = await enterRoom(erika);
      expect((await erika.state(roomId, "m.room.create"))?.["room_version"]).toBe(version);
      const own = await say(erika, roomId, { msgtype: "m.text", body: "Antwort" });
      await statusBecomes(erika, roomId, own, "delivered");
      const refused = { status: 403 };
      await expect(erika.redact(roomId, remoteId ?? "")).rejects.toMatchObject(refused);
      await expect(erika.redact(roomId, own)).rejects.toMatchObject(refused);
      const encryption = { algorithm: "m.megolm.v1.aes-sha2" };
      await expect(erika.setState(roomId, "m.room.encryption", encryption)).rejects.toMatchObject(
        refused,
      );
      await expect(erika.setState(roomId, "m.room.name", { name: "x" })).rejects.toMatchObject(
        refused,
      );
      await expect(erika.invite(roomId, max.userId)).rejects.toMatchObject(refused);
      expect((await erika.state(roomId, "m.room.history_visibility"))?.["history_visibility"]).toBe(
        "invited",
      );
      expect((await erika.state(roomId, "m.room.guest_access"))?.["guest_access"]).toBe(
        "forbidden",
      );
      expect((await erika.state(roomId, "m.room.create"))?.["m.federate"]).toBe(false);
    },
  );

  it("tells clients about the bridge, the case and the space", async () => {
    const world = await start();
    await world.settled(await world.fromLegacy({ case: { reference: "AZ-7" } }));
    const roomId = await enterRoom(erika);
    const state = await erika.allState(roomId);
    const contentOf = (type: string) => state.find((event) => event.type === type)?.content;
    for (const type of ["m.bridge", "uk.half-shot.bridge"])
      expect(contentOf(type)).toMatchObject({
        protocol: { id: "sample" },
        network: { id: "bauamt" },
      });
    expect(contentOf("de.postfach-bridge.case")).toMatchObject({
      account: "bauamt",
      reference: "AZ-7",
    });
    const keeper = `@_postfach_keeper:${SERVER}`;
    expect(contentOf("io.element.functional_members")).toEqual({ service_members: [keeper] });
    const parent = state.find((event) => event.type === "m.space.parent");
    await eventually(async () => {
      await acceptAll(erika);
      return (await spaces(erika)).includes(parent?.state_key ?? "");
    });
    expect(await erika.state(parent?.state_key ?? "", "m.space.child", roomId)).toMatchObject({
      via: [SERVER],
    });
  });
});

describe("what administrators of the homeserver break", () => {
  it("a ghost that was removed comes back, and the letter arrives once", async () => {
    const world = await start();
    const { remoteId } = await world.settled(await world.fromLegacy({}));
    const roomId = await enterRoom(erika);
    const { sender } = await erika.event(roomId, remoteId ?? "");
    await homeserver.clientFor(`@_postfach_keeper:${SERVER}`).kick(roomId, sender);
    await world.settled(await world.fromLegacy({ text: "nach dem Rauswurf" }));
    expect(await lettersIn(erika, roomId)).toHaveLength(2);
    expect(await erika.members(roomId)).toContain(sender);
  });

  it("a keeper that left is no reason to write elsewhere: letters wait until it is back", async () => {
    const world = await start();
    await world.settled(await world.fromLegacy({}));
    const roomId = await enterRoom(erika);
    const keeper = homeserver.clientFor(`@_postfach_keeper:${SERVER}`);
    const [ghost = ""] = (await erika.members(roomId)).filter((user) => user.includes("_sample_"));
    await keeper.kick(roomId, ghost);
    await keeper.leave(roomId);
    const id = await world.fromLegacy({});
    await eventually(() => world.lines.some((line) => line.event === "room-lost-keeper"));
    expect((await world.letter(id)).state).not.toBe("delivered");
    expect(await caseRooms(erika)).toEqual([roomId]);
  });

  it("a letter that an administrator removed from view stays as it was; the room and the auditors are told", async () => {
    const world = await start({ homeserver: { roomVersion: "12" } });
    const id = await world.fromLegacy({});
    const { remoteId = "" } = await world.settled(id);
    const roomId = await enterRoom(erika);
    await homeserver.clientFor(`@_postfach_keeper:${SERVER}`).redact(roomId, remoteId);
    const entry = await eventually(async () =>
      (await world.store.listAudit({ subject: id, limit: 5 })).find(
        (one) => one.action === "matrix.redaction",
      ),
    );
    expect(entry.detail).toMatchObject({ event: remoteId });
    const texts = (await erika.timeline(roomId)).map((event) => String(event.content["body"]));
    expect(texts.some((text) => text.includes("bleibt davon unberührt"))).toBe(true);
    expect((await world.letter(id)).message.text).toContain("Schreiben Nummer");
  });

  it("a case follows the upgrade of its room, and only into a room that names the old one", async () => {
    const world = await start({ homeserver: { roomVersion: "11" } });
    await world.settled(await world.fromLegacy({}));
    const roomId = await enterRoom(erika);
    const keeper = homeserver.clientFor(`@_postfach_keeper:${SERVER}`);
    const tombstone = (to: string) =>
      keeper.setState(roomId, "m.room.tombstone", { body: "x", replacement_room: to });
    await tombstone(await keeper.createRoom({ preset: "private_chat" }));
    await eventually(() =>
      world.lines.some((line) => line.event === "upgrade-without-predecessor"),
    );
    expect(await world.store.conversationByRoom(roomId)).toBeDefined();
    const creation_content = { predecessor: { room_id: roomId, event_id: "$last" } };
    const next = await keeper.createRoom({ preset: "private_chat", creation_content });
    await tombstone(next);
    await eventually(() => world.store.conversationByRoom(next));
    await world.settled(await world.fromLegacy({ text: "im neuen Raum" }));
    await erika.join(next);
    expect((await lettersIn(erika, next))[0]).toContain("im neuen Raum");
    const answer = await say(erika, next, { msgtype: "m.text", body: "Antwort" });
    await statusBecomes(erika, next, answer, "delivered");
  });

  it("a status goes on in the new room after an upgrade, although its letter stayed in the old one", async () => {
    const world = await start();
    await world.settled(await world.fromLegacy({}));
    const roomId = await enterRoom(erika);
    const answer = await say(erika, roomId, { msgtype: "m.text", body: "Antwort" });
    await statusBecomes(erika, roomId, answer, "delivered");
    const keeper = homeserver.clientFor(`@_postfach_keeper:${SERVER}`);
    const creation_content = { predecessor: { room_id: roomId, event_id: "$last" } };
    const next = await keeper.createRoom({
      preset: "private_chat",
      creation_content,
      invite: [erika.userId],
    });
    await erika.join(next);
    await keeper.setState(roomId, "m.room.tombstone", { body: "x", replacement_room: next });
    await eventually(() => world.store.conversationByRoom(next));
    const letter = await world.store.messageBySource("bauamt", answer);
    await world.store.addReceipt(
      letter?.message.id ?? "",
      { kind: "retrieved", at: new Date() },
      new Date(),
    );
    expect((await statusBecomes(erika, next, answer, "retrieved")).text).toMatch(/^Abgerufen am /);
  });
});
