import { describe, expect, it } from "vitest";
import { sortEphemeral, sortEvent } from "../../../src/matrix/events.ts";
import { createNames } from "../../../src/matrix/names.ts";
import { eventSample } from "./samples.ts";

const names = createNames("_postfach_", "hs.test");
const kindOf = (value: unknown) => sortEvent(value, names).kind;
const message = eventSample({ msgtype: "m.text", body: "x" });

describe("sorting what the homeserver says", () => {
  it("takes what people write and how rooms change", () => {
    expect(kindOf(message)).toBe("take");
    expect(kindOf(eventSample({}, { type: "m.room.encrypted" }))).toBe("take");
    expect(kindOf(eventSample({}, { type: "m.room.member", state_key: "@a:b" }))).toBe("take");
    expect(kindOf(eventSample({ redacts: "$x" }, { type: "m.room.redaction" }))).toBe("take");
  });

  it("skips echoes of its own users, reactions, and state that only looks like a message", () => {
    expect(kindOf({ ...message, sender: "@_postfach_sample_x:hs.test" })).toBe("skip");
    expect(kindOf({ ...message, sender: names.keeper })).toBe("skip");
    expect(kindOf(eventSample({}, { type: "m.reaction" }))).toBe("skip");
    expect(kindOf({ ...message, state_key: "" })).toBe("skip");
    expect(kindOf(eventSample({}, { type: "m.room.member" }))).toBe("skip");
  });

  it("takes upgrades and redactions that were ordered in the keeper's name", () => {
    const tombstone = { type: "m.room.tombstone", state_key: "", sender: names.keeper };
    expect(kindOf(eventSample({}, tombstone))).toBe("take");
    const redaction = { type: "m.room.redaction", sender: names.keeper };
    expect(kindOf(eventSample({}, redaction))).toBe("take");
  });

  it.each([
    [null],
    [7],
    ["x"],
    [[]],
    [{}],
    [{ ...message, event_id: undefined }],
    [{ ...message, event_id: 7 }],
    [{ ...message, event_id: `$${"x".repeat(300)}` }],
    [{ ...message, room_id: "room" }],
    [{ ...message, sender: null }],
    [{ ...message, content: "text" }],
  ])("sets %j aside and keeps its bytes", (value) => {
    expect(sortEvent(value, names)).toEqual({ kind: "malformed", raw: JSON.stringify(value) });
  });

  it("makes public read receipts of people events of their own, always under the same id", () => {
    const receipt = {
      type: "m.receipt",
      room_id: "!room1",
      content: {
        $a: {
          "m.read": { "@erika:hs.test": { ts: 5 }, "@_postfach_sample_x:hs.test": { ts: 6 } },
          "m.read.private": { "@max:hs.test": { ts: 7 } },
        },
        $b: { "m.read.private": { "@erika:hs.test": { ts: 8 } } },
        $c: "broken",
      },
    };
    const [event, ...others] = sortEphemeral(receipt, names);
    expect(others).toEqual([]);
    expect(JSON.parse(event?.raw ?? "")).toEqual({
      type: "m.receipt",
      room_id: "!room1",
      sender: "@erika:hs.test",
      read: "$a",
      ts: 5,
    });
    const again = { ...receipt, content: { $a: { "m.read": { "@erika:hs.test": { ts: 99 } } } } };
    expect(sortEphemeral(again, names)[0]?.eventId).toBe(event?.eventId);
  });

  it.each([
    [null],
    [{ type: "m.typing", room_id: "!a", content: { user_ids: [] } }],
    [{ type: "m.receipt" }],
  ])("takes nothing from %j", (value) => {
    expect(sortEphemeral(value, names)).toEqual([]);
  });
});
