/** Rooms: aliases, membership, state, power levels. */
import { brief, roomPath, seg, v3 } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";
import type { Json, MatrixClient } from "../../support/matrix-client.ts";

async function directory(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("dir");
  const user = await t.user("dirk");
  const room = await ghost.createRoom({ preset: "public_chat", room_alias_name: "_pf_dir_1" });
  const path = (alias: string) => `${v3}/directory/room/${seg(alias)}`;
  await book.ask("resolve", user, "GET", path("#_pf_dir_1:hs.test"));
  await book.ask("resolve unknown", user, "GET", path("#nothing:hs.test"));
  await book.ask("resolve nonsense", user, "GET", path("nothing"));
  await book.ask("add", ghost, "PUT", path("#_pf_dir_2:hs.test"), { body: { room_id: room } });
  await book.ask("add again", ghost, "PUT", path("#_pf_dir_2:hs.test"), {
    body: { room_id: room },
  });
  await book.ask("add exclusive", user, "PUT", path("#_pf_dir_3:hs.test"), {
    body: { room_id: room },
  });
  await book.ask("add own", user, "PUT", path("#dirk_1:hs.test"), { body: { room_id: room } });
  await book.ask("add outside", ghost, "PUT", path("#dirk_2:hs.test"), { body: { room_id: room } });
  await book.ask("add to unknown room", ghost, "PUT", path("#_pf_dir_4:hs.test"), {
    body: { room_id: "!nothing:hs.test" },
  });
  await book.ask("add without room", ghost, "PUT", path("#_pf_dir_4:hs.test"), { body: {} });
  await book.ask("aliases", ghost, "GET", roomPath(room, "aliases"));
  await book.ask("canonical", ghost, "GET", roomPath(room, "state/m.room.canonical_alias"));
  await book.ask("join by alias", user, "POST", `${v3}/join/${seg("#_pf_dir_1:hs.test")}`, {
    body: {},
  });
  await book.ask("add own, as a member", user, "PUT", path("#dirk_1:hs.test"), {
    body: { room_id: room },
  });
  await book.ask("delete own", user, "DELETE", path("#dirk_1:hs.test"));
  await book.ask("delete foreign", user, "DELETE", path("#_pf_dir_2:hs.test"));
  await book.ask("delete", ghost, "DELETE", path("#_pf_dir_2:hs.test"));
  await book.ask("delete again", ghost, "DELETE", path("#_pf_dir_2:hs.test"));
  await book.ask("delete the canonical one", ghost, "DELETE", path("#_pf_dir_1:hs.test"));
  await book.ask("canonical after", ghost, "GET", roomPath(room, "state/m.room.canonical_alias"));
  await book.ask(
    "alias state for unknown",
    ghost,
    "PUT",
    roomPath(room, "state/m.room.canonical_alias"),
    {
      body: { alias: "#nothing:hs.test" },
    },
  );
}

async function membership(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("host");
  const alice = await t.user("alice");
  const bob = await t.user("bob");
  const room = await ghost.createRoom({ preset: "private_chat", room_version: "11" });
  const join = (label: string, who: MatrixClient) =>
    book.ask(label, who, "POST", `${v3}/join/${seg(room)}`, { body: {} });
  const act = (label: string, who: MatrixClient, verb: string, body: Json = {}) =>
    book.ask(label, who, "POST", roomPath(room, verb), { body });
  await join("join uninvited", alice);
  await book.ask("join unknown room", alice, "POST", `${v3}/join/${seg("!none:hs.test")}`, {
    body: {},
  });
  await book.ask("join nonsense", alice, "POST", `${v3}/join/nonsense`, { body: {} });
  await book.ask("join unknown alias", alice, "POST", `${v3}/join/${seg("#none:hs.test")}`, {
    body: {},
  });
  await act("invite by a stranger", bob, "invite", { user_id: alice.userId });
  await act("invite", ghost, "invite", { user_id: alice.userId });
  await act("invite again", ghost, "invite", { user_id: alice.userId });
  await act("join the other way", alice, "join");
  await join("join again", alice);
  await act("invite a member", ghost, "invite", { user_id: alice.userId });
  await act("invite nobody", ghost, "invite", {});
  await act("invite by a member", alice, "invite", { user_id: bob.userId });
  await act("reject", bob, "leave");
  await act("leave again", bob, "leave");
  await join("join after rejection", bob);
  await book.ask("members", alice, "GET", roomPath(room, "joined_members"));
  await book.ask("members for a stranger", bob, "GET", roomPath(room, "joined_members"));
  await book.ask("rooms", alice, "GET", `${v3}/joined_rooms`);
  await act("kick without right", alice, "kick", { user_id: ghost.userId });
  await act("kick", ghost, "kick", { user_id: alice.userId, reason: "Ende" });
  await act("kick again", ghost, "kick", { user_id: alice.userId });
  await act("ban", ghost, "ban", { user_id: bob.userId });
  await act("invite banned", ghost, "invite", { user_id: bob.userId });
  await join("join banned", bob);
  await act("unban", ghost, "unban", { user_id: bob.userId });
  await act("unban again", ghost, "unban", { user_id: bob.userId });
  await book.ask(
    "join by state",
    alice,
    "PUT",
    roomPath(room, `state/m.room.member/${seg(alice.userId)}`),
    {
      body: { membership: "join" },
    },
  );
  await book.ask(
    "member state of another",
    ghost,
    "PUT",
    roomPath(room, `state/m.room.member/${seg(bob.userId)}`),
    {
      body: { membership: "invite", displayname: "Bobby", "de.example": 1 },
    },
  );
  const carol = await t.user("carol");
  await act("leave a room never entered", carol, "leave");
  await act("invite carol", ghost, "invite", { user_id: carol.userId, reason: "Bitte" });
  await act("carol joins", carol, "join", { reason: "Gern" });
  const since = (await carol.sync({ timeout: 1 })).next_batch;
  await act("kick carol", ghost, "kick", { user_id: carol.userId });
  await ghost.sendText(room, "after the kick");
  await act("leave after the kick", carol, "leave");
  const told = await carol.sync({ since });
  book.note("carol is told", told.rooms?.leave?.[room]?.timeline.events.map(brief));
  const first = await carol.sync({ timeout: 2 });
  book.note("carol at a first look", Object.keys(first.rooms?.leave ?? {}));
  const page = await carol.messages(room, { dir: "b", limit: 4 });
  book.note("what carol may read", page.chunk.map(brief));
  await book.ask("forget while in", ghost, "POST", roomPath(room, "forget"), { body: {} });
  await act("last leaves", ghost, "leave");
  await book.ask("forget", ghost, "POST", roomPath(room, "forget"), { body: {} });
  await act("leave the forgotten room", ghost, "leave");
  const seen = await alice.attempt("GET", roomPath(room, "state"));
  book.note("state for one who was kicked", seen.status);
  const timeline = await alice.messages(room, { dir: "b", limit: 100 });
  book.note("what alice saw", timeline.chunk.map(brief));
}

async function state(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("stately");
  const user = await t.user("statist");
  const stranger = await t.user("outsider");
  const room = await ghost.createRoom({
    preset: "private_chat",
    invite: [user.userId],
    room_version: "11",
  });
  await user.join(room);
  const put = (label: string, who: MatrixClient, rest: string, body: unknown) =>
    book.ask(label, who, "PUT", roomPath(room, `state/${rest}`), { body });
  const get = (label: string, who: MatrixClient, rest: string) =>
    book.ask(label, who, "GET", roomPath(room, `state/${rest}`));
  await put("first", ghost, "de.example.x/k", { a: 1, b: { c: 2 } });
  await put("same, other key order", ghost, "de.example.x/k", { b: { c: 2 }, a: 1 });
  await put("other", ghost, "de.example.x/k", { a: 2 });
  await put("back", ghost, "de.example.x/k", { a: 1, b: { c: 2 } });
  await get("read", user, "de.example.x/k");
  await book.ask("read as event", user, "GET", roomPath(room, "state/de.example.x/k"), {
    query: { format: "event" },
  });
  await get("read missing", user, "de.example.none/k");
  await get("read by a stranger", stranger, "de.example.x/k");
  await get("read with empty key", user, "m.room.create/");
  await get("read without key", user, "m.room.create");
  await put("without key", ghost, "de.example.y", {});
  await put("key with slash", ghost, `de.example.y/${seg("a/b c")}`, { z: 1 });
  await get("read key with slash", ghost, `de.example.y/${seg("a/b c")}`);
  await put("no right", user, "de.example.x/k", { a: 1 });
  await put("by a stranger", stranger, "de.example.x/k", { a: 1 });
  await put("key of oneself", ghost, `de.example.z/${seg(ghost.userId)}`, {});
  await put("key of another", ghost, `de.example.z/${seg(user.userId)}`, {});
  await put("create again", ghost, "m.room.create", { x: 1 });
  await put("not an object", ghost, "de.example.x/k", []);
  await put("fraction", ghost, "de.example.x/k", { a: 1.5 });
  await put("too large number", ghost, "de.example.x/k", { a: 2 ** 53 });
  await put("too large", ghost, "de.example.x/k", { a: "x".repeat(66_000) });
  const unknown = `${v3}/rooms/${seg("!none:hs.test")}/state/de.example.x/k`;
  await book.ask("unknown room", ghost, "PUT", unknown, { body: {} });
  await book.ask("unknown room read", ghost, "GET", unknown);
  const all = await ghost.allState(room);
  book.note("all", all.map((event) => event.type).sort());
  book.note(
    "one of all",
    all.find((event) => event.type === "de.example.x"),
  );
  const members = await ghost.attempt("GET", roomPath(room, "members"));
  book.note("members", [members.status, Object.keys(members.body)]);
}

async function powerLevels(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("mighty");
  const user = await t.user("weak");
  for (const version of ["11", "12"]) {
    const room = await ghost.createRoom({
      preset: "private_chat",
      invite: [user.userId],
      room_version: version,
    });
    await user.join(room);
    const levels = (await ghost.state(room, "m.room.power_levels")) ?? {};
    const put = (label: string, who: MatrixClient, body: Json) =>
      book.ask(`${label} v${version}`, who, "PUT", roomPath(room, "state/m.room.power_levels"), {
        body,
      });
    const users = levels["users"] as Json;
    await put("by the weak", user, { ...levels, users: { ...users, [user.userId]: 100 } });
    await put("promote", ghost, { ...levels, users: { ...users, [user.userId]: 60 } });
    await put("creator listed", ghost, { ...levels, users: { [ghost.userId]: 100 } });
    await put("bad user id", ghost, { ...levels, users: { ...users, nonsense: 1 } });
    await put("level as text", ghost, { ...levels, users: { ...users, [user.userId]: "60" } });
    await put("default as text", ghost, { ...levels, state_default: "50" });
    await put("level with fraction", ghost, { ...levels, state_default: 1.5 });
    await put("above oneself", ghost, { ...levels, users, ban: 200 });
    await put("back", ghost, { ...levels, users: { ...users, [user.userId]: 60 }, redact: 101 });
    const name = await user.attempt("PUT", roomPath(room, "state/m.room.name"), {
      body: { name: "x" },
    });
    book.note(`name by 60 v${version}`, name.status);
    await book.ask(
      `encryption by 60 v${version}`,
      user,
      "PUT",
      roomPath(room, "state/m.room.encryption"),
      {
        body: { algorithm: "m.megolm.v1.aes-sha2" },
      },
    );
    await book.ask(
      `tombstone by creator v${version}`,
      ghost,
      "PUT",
      roomPath(room, "state/m.room.tombstone"),
      {
        body: { body: "moved", replacement_room: "!x:hs.test" },
      },
    );
    await book.ask(`kick the creator v${version}`, user, "POST", roomPath(room, "kick"), {
      body: { user_id: ghost.userId },
    });
    await put("events default", ghost, {
      ...levels,
      users: { ...users, [user.userId]: 1 },
      events_default: 10,
    });
    await book.ask(`send below v${version}`, user, "PUT", roomPath(room, "send/m.room.message/1"), {
      body: { msgtype: "m.text", body: "x" },
    });
    await book.ask(`invite by 1 v${version}`, user, "POST", roomPath(room, "invite"), {
      body: { user_id: "@nobody:hs.test" },
    });
  }
}

export const roomScenarios: readonly Scenario[] = [
  { name: "directory", run: directory },
  { name: "membership", run: membership },
  { name: "state", run: state },
  { name: "power levels", run: powerLevels },
];
