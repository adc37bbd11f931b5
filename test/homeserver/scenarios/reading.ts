/** Reading what was: history visibility, /messages, receipts. */
import { brief, roomPath, seg, v3 } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";
import type { Json, MatrixClient } from "../../support/matrix-client.ts";
import { digest, digestAll, look, quiet, roomWith } from "./looking.ts";

async function visibility(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("viz");
  const user = await t.user("vizuser");
  const late = await t.user("vizlate");
  for (const rule of ["joined", "invited", "shared", "world_readable"]) {
    const room = await ghost.createRoom({
      preset: "private_chat",
      initial_state: [{ type: "m.room.history_visibility", content: { history_visibility: rule } }],
    });
    const secret = await ghost.sendText(room, "before the invite");
    await ghost.invite(room, user.userId);
    await ghost.sendText(room, "invited");
    const { next_batch: since } = await look(user);
    await user.join(room);
    await ghost.sendText(room, "joined");
    const all = { dir: "b", limit: 100 };
    book.note(`${rule}: messages`, (await user.messages(room, all)).chunk.map(brief));
    const synced = await look(user, { since });
    book.note(`${rule}: sync`, digest(synced.rooms?.join?.[room]));
    const one = await user.attempt("GET", roomPath(room, `event/${seg(secret)}`));
    book.note(`${rule}: old event`, one.status);
    await user.leave(room);
    await ghost.sendText(room, "left");
    book.note(
      `${rule}: after leaving`,
      (await user.messages(room, all)).chunk.map(brief).slice(0, 4),
    );
    const page = await late.attempt("GET", roomPath(room, "messages"), { query: { dir: "b" } });
    book.note(`${rule}: never in`, [page.status, page.body["errcode"]]);
    const looked = await late.attempt("GET", roomPath(room, "state/m.room.create"));
    book.note(`${rule}: state never in`, looked.status);
  }
}

async function pages(t: ParityTarget, book: NoteBook): Promise<void> {
  const { ghost, user, room } = await roomWith(t, "pager");
  for (let n = 1; n <= 12; n += 1) await ghost.sendText(room, `p${String(n)}`);
  const walk = async (label: string, who: MatrixClient, query: Record<string, string | number>) => {
    let from: string | undefined;
    const seen: string[][] = [];
    do {
      const page = await who.messages(room, { ...query, from });
      seen.push(page.chunk.map(brief));
      from = page.end;
    } while (from !== undefined && seen.length < 20);
    book.note(label, seen);
  };
  await walk("back", user, { dir: "b", limit: 5 });
  await walk("forward", user, { dir: "f", limit: 7 });
  await walk("default limit", user, { dir: "b" });
  await walk("filtered", user, { dir: "b", limit: 4, filter: '{"types":["m.room.message"]}' });
  await walk("not types", user, {
    dir: "b",
    limit: 50,
    filter: '{"not_types":["m.room.message"]}',
  });
  await walk("senders", user, { dir: "f", limit: 50, filter: `{"senders":["${user.userId}"]}` });
  const ask = (label: string, query: Record<string, string | number>) =>
    book.ask(label, user, "GET", roomPath(room, "messages"), { query });
  await ask("no direction", {});
  await ask("bad direction", { dir: "x" });
  await ask("bad token", { dir: "b", from: "nonsense" });
  await ask("bad limit", { dir: "b", limit: "x" });
  await ask("negative limit", { dir: "b", limit: -1 });
  await ask("limit 0", { dir: "b", limit: 0 });
  await ask("bad filter", { dir: "b", filter: "{" });
  await ask("one", { dir: "b", limit: 1, filter: '{"lazy_load_members":true}' });
  await book.ask("unknown room", user, "GET", `${v3}/rooms/${seg("!no:hs.test")}/messages`, {
    query: { dir: "b" },
  });
  const { next_batch: now } = await look(user);
  const ahead = await user.messages(room, { dir: "f", from: now });
  book.note("forward from now", [ahead.chunk.length, ahead.end === undefined]);
  await ghost.sendText(room, "news");
  const next = await user.messages(room, { dir: "f", from: now });
  book.note("forward later", [next.chunk.map(brief), next.end === undefined]);
}

async function receipts(t: ParityTarget, book: NoteBook): Promise<void> {
  const { ghost, user, room } = await roomWith(t, "reader");
  const stranger = await t.user("nonreader");
  const one = await ghost.sendText(room, "one");
  const two = await ghost.sendText(room, "two");
  const { next_batch: since } = await look(ghost);
  const post = (label: string, who: MatrixClient, rest: string, body: Json = {}) =>
    book.ask(label, who, "POST", roomPath(room, rest), { body });
  await post("read one", user, `receipt/m.read/${seg(one)}`);
  await post("private", user, `receipt/m.read.private/${seg(two)}`);
  const first = await look(ghost, { since });
  book.note("ghost sees", digestAll(first, [room]));
  await post("read two", user, `receipt/m.read/${seg(two)}`);
  await post("back to one", user, `receipt/m.read/${seg(one)}`);
  await post("by the ghost", ghost, `receipt/m.read/${seg(two)}`);
  await post("unknown type", user, `receipt/m.odd/${seg(two)}`);
  await post("unknown event", user, `receipt/m.read/${seg("$none")}`);
  await post("nonsense event", user, "receipt/m.read/nonsense");
  await post("by a stranger", stranger, `receipt/m.read/${seg(two)}`);
  await post("empty thread", user, `receipt/m.read/${seg(two)}`, { thread_id: "" });
  await post("main thread", user, `receipt/m.read/${seg(two)}`, { thread_id: "main" });
  await post("markers", user, "read_markers", { "m.fully_read": two, "m.read": two });
  await post("fully read", user, `receipt/m.fully_read/${seg(two)}`);
  book.note("ghost sees more", digestAll(await look(ghost, { since: first.next_batch }), [room]));
  book.note("user sees at first", digestAll(await look(user), [room]));
  const noReceipts = { ...quiet, room: { ephemeral: { types: [] } } };
  book.note(
    "filtered",
    digestAll(await look(ghost, { filter: noReceipts, since: first.next_batch }), [room]),
  );
  await book.ask("typing", user, "PUT", roomPath(room, `typing/${seg(user.userId)}`), {
    body: { typing: false },
  });
}

export const readingScenarios: readonly Scenario[] = [
  { name: "history visibility", run: visibility },
  { name: "pages of messages", run: pages },
  { name: "receipts", run: receipts },
];
