import { describe, expect, it } from "vitest";
import { caseRoom, powerLevels, roomName, spaceRoom } from "../../../src/matrix/room-state.ts";
import { conversationSample, matrixAccountSample } from "./samples.ts";

const homeserver = {
  url: "http://127.0.0.1:1",
  name: "hs.test",
  roomVersion: "11" as const,
  federate: false,
  edits: "correction" as const,
  historyVisibility: "invited" as const,
  sweepEvery: 10_000,
  requestTimeout: 60_000,
};
const plan = {
  homeserver,
  account: matrixAccountSample(),
  keeper: "@_postfach_keeper:hs.test",
  aliasLocalpart: "_postfach_case_x",
};

describe("rooms of cases", () => {
  it("lets nobody redact, encrypt or invite", () => {
    expect(powerLevels(plan)).toMatchObject({
      users: { [plan.keeper]: 100 },
      redact: 101,
      invite: 100,
      state_default: 100,
      events_default: 0,
      events: { "m.room.redaction": 101, "m.room.encryption": 101 },
    });
  });

  it("does not list the creator from version 12 on", () => {
    const v12 = { ...plan, homeserver: { ...homeserver, roomVersion: "12" as const } };
    expect(powerLevels(v12)).toMatchObject({ users: {} });
    expect(caseRoom(v12, conversationSample(), "@g:hs.test", "!space")).toMatchObject({
      room_version: "12",
    });
  });

  it("is private, not federated, and tells nothing but opaque ids and the file number in its state", () => {
    const conversation = conversationSample({ case: { reference: "AZ-7" } });
    const body = caseRoom(plan, conversation, "@g:hs.test", "!space");
    expect(body).toMatchObject({
      room_version: "11",
      preset: "private_chat",
      visibility: "private",
      room_alias_name: "_postfach_case_x",
      creation_content: { "m.federate": false },
      invite: ["@g:hs.test"],
      name: "Bescheid (AZ-7)",
    });
    const json = JSON.stringify(body["initial_state"]);
    for (const secret of ["mailbox-1", "authority-7", "Erika", "vorgang-1"])
      expect(json).not.toContain(secret);
    const types = (body["initial_state"] as { type: string }[]).map((state) => state.type);
    expect(types).toEqual(
      expect.arrayContaining([
        "m.bridge",
        "uk.half-shot.bridge",
        "de.postfach-bridge.case",
        "m.space.parent",
        "io.element.functional_members",
        "m.room.history_visibility",
        "m.room.guest_access",
        "m.room.join_rules",
      ]),
    );
  });

  it("names a room after its subject, in one line", () => {
    expect(roomName(conversationSample({ subject: "A\nB\u202e" }))).toBe("A B");
    const { subject: _subject, ...bare } = conversationSample();
    expect(roomName(bare)).toBe("Schriftwechsel");
    expect(roomName(conversationSample({ subject: "x".repeat(999) })).length).toBeLessThanOrEqual(
      200,
    );
  });

  it("makes a space with the same rules", () => {
    expect(spaceRoom(plan)).toMatchObject({
      creation_content: { "m.federate": false, type: "m.space" },
      name: "Bauamt Musterstadt",
    });
  });
});
