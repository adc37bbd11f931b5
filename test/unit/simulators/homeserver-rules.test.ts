/** Small parts of the simulator, by themselves; behaviour as a whole is held to Synapse in test/homeserver. */
import { describe, expect, test } from "vitest";
import { parseEventFilter } from "../../../fixtures/simulators/homeserver/filters.ts";
import type { StoredEvent } from "../../../fixtures/simulators/homeserver/events.ts";
import { findJsonFault, stableText } from "../../../fixtures/simulators/homeserver/json.ts";
import { ApplicationService } from "../../../fixtures/simulators/homeserver/registration.ts";
import { parseRegistration } from "../../../fixtures/simulators/homeserver/registration.ts";
import { Router } from "../../../fixtures/simulators/homeserver/router.ts";
import { parsePlace, showPlace } from "../../../fixtures/simulators/homeserver/tokens.ts";
import { openSite, registrationFor } from "./homeserver-site.ts";

describe("JSON of events", () => {
  test.each([
    [{ a: 1, b: [true, null, "ü"] }, undefined],
    [{ a: 0.5 }, "number"],
    [{ a: 2 ** 53 }, "number"],
    [{ a: [{ b: -(2 ** 53) }] }, "number"],
    [{ a: "\ud800" }, "surrogate"],
  ])("%j: %s", (value, fault) => {
    expect(findJsonFault(value)).toBe(fault);
  });

  test("equal whatever the order of the keys, but not of the items", () => {
    expect(stableText({ a: 1, b: { c: 2, d: 3 } })).toBe(stableText({ b: { d: 3, c: 2 }, a: 1 }));
    expect(stableText([1, 2])).not.toBe(stableText([2, 1]));
  });
});

describe("paths", () => {
  const router = new Router();
  const answer = () => ({ status: 200 });
  router.add({ "GET /_matrix/client/v3/rooms/:room/state/:type": answer });
  router.add({ "GET /_matrix/client/v3/rooms/:room/state/:type/:key": answer });

  test("named parts are decoded, empty ones are parts", () => {
    const path = "/_matrix/client/v3/rooms/!a%3Ab/state/x.y/";
    expect(router.find("GET", path).params).toEqual({ room: "!a:b", type: "x.y", key: "" });
  });

  test("the old prefix leads to the same place", () => {
    const path = "/_matrix/client/r0/rooms/!a/state/x";
    expect(router.find("GET", path).params).toEqual({ room: "!a", type: "x" });
  });

  test.each([
    ["GET", "/_matrix/client/v3/rooms", 404],
    ["GET", "/_matrix/client/v3/rooms/!a/state/x/k/more", 404],
    ["PUT", "/_matrix/client/v3/rooms/!a/state/x", 405],
    ["GET", "/_matrix/client/v3/rooms/%E0%A4%A/state/x", 400],
  ])("%s %s is refused with %i", (method, path, status) => {
    expect(() => router.find(method, path)).toThrow(expect.objectContaining({ status }));
  });
});

describe("filters", () => {
  const event = (type: string, sender = "@a:x", roomId = "!r") =>
    ({ type, sender, roomId }) as StoredEvent;

  test("stars stand for any text, refusals win", () => {
    const filter = parseEventFilter({ types: ["m.*", "de.x"], not_types: ["m.room.*"] });
    const types = ["m.y", "m.room.z", "de.x", "de.xy"];
    expect(types.filter((type) => filter.accepts(event(type)))).toEqual(["m.y", "de.x"]);
  });

  test("an empty list lets nothing through", () => {
    expect(parseEventFilter({ types: [] }).blocksAll).toBe(true);
    expect(parseEventFilter({ types: [] }).accepts(event("m.x"))).toBe(false);
  });

  test("limits are at least 1 and at most 100", () => {
    const limits = [undefined, 0, 7, 5_000].map((limit) => parseEventFilter({ limit }).limit);
    expect(limits).toEqual([10, 1, 7, 100]);
  });

  test("wrong shapes are refused", () => {
    expect(() => parseEventFilter({ types: "m.x" })).toThrow(/no list/u);
  });
});

test("tokens come back as they were, others are refused", () => {
  expect(parsePlace(showPlace({ events: 12, receipts: 3 }))).toEqual({ events: 12, receipts: 3 });
  expect(() => parsePlace("x12")).toThrow(expect.objectContaining({ status: 400 }));
});

describe("registration", () => {
  test("namespaces match from the beginning, not to the end", () => {
    const service = new ApplicationService(registrationFor(null), "hs.test");
    expect(service.isInterestedInUser("@_pf_x:anywhere")).toBe(true);
    expect(service.isInterestedInUser("x@_pf_x")).toBe(false);
    expect(service.isInterestedInUser("@_pf_bot:hs.test")).toBe(true);
    expect(service.hasExclusiveAlias("#_pf_a:hs.test")).toBe(true);
  });

  test("what Synapse would not start with is refused", () => {
    const { as_token: _missing, ...rest } = registrationFor(null);
    expect(() => parseRegistration(rest)).toThrow(/as_token/u);
    expect(() => parseRegistration([])).toThrow(/object/u);
    const bad = { ...registrationFor(null), namespaces: { users: [{ regex: 1 }] } };
    expect(() => parseRegistration(bad)).toThrow(/namespace/u);
  });
});

test("of several that make the same room at once all but one learn it in one of two ways", async () => {
  await using site = await openSite();
  const ghost = await site.ghost("race");
  const create = () =>
    ghost.attempt("POST", "/_matrix/client/v3/createRoom", {
      body: { room_alias_name: "_pf_race" },
    });
  const first = create();
  const second = create();
  const statuses = (await Promise.all([first, second])).map(({ status }) => status).sort();
  expect(statuses[0]).toBe(200);
  expect([400, 409]).toContain(statuses[1]);
  const late = await create();
  expect(late).toMatchObject({ status: 400, body: { errcode: "M_ROOM_IN_USE" } });
  expect(await ghost.joinedRooms()).toHaveLength(1);
});

test("an account is registered with the shared secret as with Synapse's admin API", async () => {
  await using site = await openSite({ registrationSharedSecret: "s" });
  const user = site.server.registerUser("someone");
  const path = "/_synapse/admin/v1/register";
  const { nonce } = await user.call("GET", path);
  const body = { nonce, username: "new", password: "p", admin: false, mac: "wrong" };
  expect((await user.attempt("POST", path, { body })).status).toBe(403);
  expect((await user.attempt("POST", path, { body })).status).toBe(400);
});
