/** /sync: gaps, filters, invitations and leaves, waiting. */
import { brief, roomPath, seg, v3 } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";
import type { Json, SyncBody } from "../../support/matrix-client.ts";
import { digestAll, look, quiet, roomWith } from "./looking.ts";

async function syncing(t: ParityTarget, book: NoteBook): Promise<void> {
  const { ghost, user, room } = await roomWith(t, "syncer");
  const first = await look(user);
  book.note("initial", first);
  const again = await look(user, { since: first.next_batch });
  book.note("nothing new", again);
  await ghost.sendText(room, "one");
  await ghost.setState(room, "m.room.topic", { topic: "T" });
  await user.sendText(room, "two");
  const second = await look(user, { since: first.next_batch });
  book.note("incremental", second);
  const cached = await user.sync({ filter: quiet, since: first.next_batch, timeout: 1234 });
  await ghost.sendText(room, "unseen by the cache");
  const repeated = await user.sync({ filter: quiet, since: first.next_batch, timeout: 1234 });
  book.note("equal requests", cached.next_batch === repeated.next_batch);
  book.note("same token again", digestAll(await look(user, { since: first.next_batch }), [room]));
  for (let n = 0; n < 15; n += 1) await ghost.sendText(room, `m${String(n)}`);
  await ghost.setState(room, "m.room.name", { name: "N" });
  await ghost.sendText(room, "last");
  const gap = await look(user, { since: second.next_batch });
  book.note("gap", digestAll(gap, [room]));
  const prev = gap.rooms?.join?.[room]?.timeline.prev_batch;
  const page = await user.messages(room, {
    dir: "b",
    from: prev,
    to: second.next_batch,
    limit: 100,
  });
  book.note("filled", page.chunk.map(brief));
  book.note("filled to the end", page.end === undefined);
  const limited = { ...quiet, room: { timeline: { limit: 3 } } };
  book.note(
    "limit 3",
    digestAll(await look(user, { filter: limited, since: second.next_batch }), [room]),
  );
  const none = { ...quiet, room: { timeline: { limit: 0 } } };
  book.note(
    "limit 0",
    digestAll(await look(user, { filter: none, since: second.next_batch }), [room]),
  );
  book.note(
    "full state",
    digestAll(await look(user, { since: gap.next_batch, full_state: true }), [room]),
  );
  book.note("initial with limit", digestAll(await look(user, { filter: limited }), [room]));
  for (const since of ["nonsense", ""])
    await book.ask(`since '${since}'`, user, "GET", `${v3}/sync`, { query: { since, timeout: 0 } });
  await book.ask("bad filter", user, "GET", `${v3}/sync`, { query: { filter: "{" } });
  await book.ask("unknown filter id", user, "GET", `${v3}/sync`, { query: { filter: "77" } });
  await book.ask("filter with wrong type", user, "GET", `${v3}/sync`, {
    query: { filter: '{"room":{"timeline":{"limit":"x"}}}' },
  });
  await book.ask("bad timeout", user, "GET", `${v3}/sync`, { query: { timeout: "x" } });
}

async function filters(t: ParityTarget, book: NoteBook): Promise<void> {
  const { ghost, user, room } = await roomWith(t, "filterer");
  const { next_batch: since } = await look(user);
  await ghost.sendText(room, "by the ghost");
  await ghost.send(room, "de.example.odd", { body: "odd" });
  await user.sendText(room, "by the user");
  await ghost.setState(room, "m.room.topic", { topic: "T" });
  const other = await ghost.createRoom({ preset: "private_chat", invite: [user.userId] });
  await user.join(other);
  const ask = async (label: string, filter: Json) => {
    const body = await look(user, { filter: { ...quiet, ...filter }, since });
    book.note(label, digestAll(body, [room, other]));
  };
  await ask("types", { room: { timeline: { types: ["m.room.message"] } } });
  await ask("types with star", { room: { timeline: { types: ["de.*"] } } });
  await ask("not types", {
    room: { timeline: { not_types: ["m.room.message", "m.room.member"] } },
  });
  await ask("senders", { room: { timeline: { senders: [user.userId] } } });
  await ask("not senders", { room: { timeline: { not_senders: [user.userId] } } });
  await ask("rooms", { room: { rooms: [room] } });
  await ask("not rooms", { room: { not_rooms: [room] } });
  await ask("rooms of the timeline", { room: { timeline: { rooms: [room] } } });
  await ask("state types", {
    room: { timeline: { limit: 1 }, state: { types: ["m.room.topic"] } },
  });
  await ask("no state", { room: { timeline: { limit: 1 }, state: { types: [] } } });
  await ask("lazy", { room: { timeline: { limit: 1 }, state: { lazy_load_members: true } } });
  await ask("types and limit", { room: { timeline: { limit: 1, types: ["m.room.message"] } } });
  const url = `${v3}/user/${seg(user.userId)}/filter`;
  const made = await user.attempt("POST", url, { body: { room: { timeline: { limit: 1 } } } });
  book.note("stored filter", made.status);
  const stored = { query: { since, filter: String(made.body["filter_id"]) } };
  const body = (await user.call("GET", `${v3}/sync`, stored)) as unknown as SyncBody;
  book.note("with the stored filter", digestAll(body, [room, other]));
}

async function invitesAndLeaves(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("inviter");
  const user = await t.user("invitee");
  const { next_batch: start } = await look(user);
  const room = await ghost.createRoom({
    preset: "private_chat",
    name: "Fall",
    invite: [user.userId],
    initial_state: [{ type: "de.example.case", content: {} }],
  });
  const invited = await look(user, { since: start });
  book.note("invited", digestAll(invited, [room]));
  book.note("still invited", digestAll(await look(user), [room]));
  await ghost.sendText(room, "before the join");
  await user.join(room);
  const joined = await look(user, { since: invited.next_batch });
  book.note("joined", digestAll(joined, [room]));
  await ghost.sendText(room, "in between");
  await user.leave(room);
  await ghost.sendText(room, "after the leave");
  const left = await look(user, { since: joined.next_batch });
  book.note("left", digestAll(left, [room]));
  book.note("later", digestAll(await look(user, { since: left.next_batch }), [room]));
  book.note("initial after leaving", digestAll(await look(user), [room]));
  const withLeft = { ...quiet, room: { include_leave: true } };
  book.note("initial with left rooms", digestAll(await look(user, { filter: withLeft }), [room]));
  await book.ask("send after leaving", user, "PUT", roomPath(room, "send/m.room.message/1"), {
    body: { msgtype: "m.text", body: "x" },
  });
  await ghost.invite(room, user.userId);
  await user.leave(room);
  book.note("rejected", digestAll(await look(user, { since: left.next_batch }), [room]));
  await ghost.invite(room, user.userId);
  await user.join(room);
  await ghost.sendText(room, "welcome back");
  book.note("joined again", digestAll(await look(user, { since: left.next_batch }), [room]));
}

async function longPoll(t: ParityTarget, book: NoteBook): Promise<void> {
  const { ghost, user, room } = await roomWith(t, "waiter");
  const { next_batch: since } = await look(user);
  const waiting = user.sync({ filter: quiet, since, timeout: 20_000 });
  await ghost.sendText(room, "wake up");
  const woken = await waiting;
  book.note("woken", digestAll(woken, [room]));
  const filter = { ...quiet, room: { timeline: { types: ["m.room.message"] } } };
  const picky = user.sync({ filter, since: woken.next_batch, timeout: 20_000 });
  await ghost.send(room, "de.example.odd", {});
  await ghost.sendText(room, "for you");
  const event = await picky;
  const got = event.rooms?.join?.[room]?.timeline.events.map(brief) ?? [];
  const rest = await user.sync({ filter, since: event.next_batch, timeout: 0 });
  const more = rest.rooms?.join?.[room]?.timeline.events.map(brief) ?? [];
  book.note("not woken for others", [...got, ...more]);
  const invitation = look(user, { since: rest.next_batch, timeout: 20_000 });
  const second = await ghost.createRoom({ preset: "private_chat", invite: [user.userId] });
  book.note(
    "woken by an invitation",
    Object.keys((await invitation).rooms?.invite ?? {}).includes(second),
  );
}

export const syncScenarios: readonly Scenario[] = [
  { name: "sync", run: syncing },
  { name: "sync filters", run: filters },
  { name: "invitations and leaves", run: invitesAndLeaves },
  { name: "long poll", run: longPoll },
];
