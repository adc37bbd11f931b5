/** What the homeserver tells and asks the application service: interest, receipts, queries, ping, third-party look-ups. */
import { brief, heard, pushedTo, roomPath, seg, v3 } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";
import type { RecordingAppservice } from "../recording-appservice.ts";
import { MatrixClient } from "../../support/matrix-client.ts";

async function interest(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("keen");
  const user = await t.user("keen");
  const other = await t.user("keen_other");
  const room = await user.createRoom({ preset: "private_chat", room_version: "12" });
  await user.sendText(room, "private");
  await user.invite(room, ghost.userId);
  await user.sendText(room, "invited only");
  await ghost.join(room);
  await user.sendText(room, "joined");
  await user.invite(room, other.userId);
  await ghost.sendText(room, "own words");
  await user.send(room, "de.example.odd", { a: 1 }, { txnId: "odd-1" });
  await ghost.leave(room);
  await user.sendText(room, "deaf");
  await user.kick(room, other.userId);
  await user.invite(room, ghost.userId);
  await ghost.leave(room);
  const marker = await ghost.createRoom({ preset: "private_chat", room_version: "12" });
  const end = await ghost.sendText(marker, "end");
  await heard(t, marker, end);
  book.note("pushed", pushedTo(t, room).map(brief));
  book.note("first and last", [pushedTo(t, room)[0], pushedTo(t, room).at(-1)]);
  const odd = pushedTo(t, room).find((event) => event.type === "de.example.odd");
  book.note("with a transaction id", odd);
  const join = pushedTo(t, room).find((event) => brief(event).endsWith("keen:hs.test join"));
  book.note("a join", join);
  const bot = await user.createRoom({ preset: "private_chat", invite: ["@_pf_bot:hs.test"] });
  await t.bridge.join(bot);
  const named = await user.sendText(bot, "to the sender");
  await heard(t, bot, named);
  book.note("rooms of the sender", pushedTo(t, bot).map(brief));
}

async function aliased(t: ParityTarget, book: NoteBook): Promise<void> {
  const before = t.appservice.transactions.length;
  const ghost = await t.ghost("aliased");
  const user = await t.user("aliased");
  const room = await ghost.createRoom({
    preset: "private_chat",
    room_version: "12",
    room_alias_name: "_pf_aliased",
    invite: [user.userId],
  });
  await user.join(room);
  await ghost.leave(room);
  const event = await user.sendText(room, "nobody but the alias");
  await heard(t, room, event);
  book.note("pushed", pushedTo(t, room).map(brief));
  const transactions = t.appservice.transactions.slice(before);
  const shapes = transactions.map((txn) => Object.keys(txn.body).sort().join());
  book.note("keys of a transaction", [...new Set(shapes)]);
  book.note("authorization", [
    ...new Set(t.appservice.transactions.map((txn) => txn.authorization)),
  ]);
  const numbers = transactions.map((txn) => Number(txn.txnId));
  book.note(
    "ids rise by one",
    numbers.every((id, at) => at === 0 || id === (numbers[at - 1] ?? 0) + 1),
  );
}

async function receipts(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("receipted");
  const user = await t.user("receipted");
  const room = await ghost.createRoom({ preset: "private_chat", invite: [user.userId] });
  await user.join(room);
  const event = await ghost.sendText(room, "read me");
  await heard(t, room, event);
  const before = t.appservice.transactions.length;
  await user.sendReceipt(room, event, "m.read.private");
  await user.sendReceipt(room, event);
  const ephemeral = (name: string) =>
    t.appservice.transactions.slice(before).flatMap((txn) => (txn.body[name] ?? []) as unknown[]);
  await t.appservice.until(() => ephemeral("ephemeral").length > 0);
  book.note("stable", ephemeral("ephemeral").slice(-1));
  book.note("unstable", ephemeral("de.sorunome.msc2409.ephemeral").slice(-1));
  book.note("events beside", t.appservice.transactions.at(-1)?.events.length);
}

async function queries(t: ParityTarget, book: NoteBook): Promise<void> {
  const user = await t.user("asker");
  const asked = (from: number) =>
    t.appservice.requests.slice(from).map((heard_) => [heard_.method, heard_.path]);
  const room = await user.createRoom({ preset: "private_chat", room_version: "12" });
  let from = t.appservice.requests.length;
  t.appservice.behave(({ path }) => ({ status: path.includes("/users/") ? 404 : 200 }));
  await book.ask("invite unknown ghost", user, "POST", roomPath(room, "invite"), {
    body: { user_id: "@_pf_nobody1:hs.test" },
  });
  await t.appservice.until(() => asked(from).length > 0);
  book.note("asked for the user", asked(from));
  await t.appservice.until(() => pushedTo(t, room).length > 0);
  book.note("pushed all the same", pushedTo(t, room).map(brief));
  from = t.appservice.requests.length;
  t.appservice.behave(() => ({ status: 404, body: { errcode: "M_NOT_FOUND" } }));
  const alias = `${v3}/directory/room/${seg("#_pf_lookup:hs.test")}`;
  await book.ask("resolve, refused", user, "GET", alias);
  book.note("asked for the alias", asked(from));
  t.appservice.behave(() => ({ status: 200, body: {} }));
  await book.ask("resolve, claimed but not made", user, "GET", alias);
  const ghost = await t.ghost("maker");
  t.appservice.behave(async ({ path }) => {
    if (path.includes("/rooms/"))
      await ghost.createRoom({
        room_alias_name: "_pf_lookup",
        preset: "public_chat",
        room_version: "12",
      });
    return { status: 200, body: {} };
  });
  await book.ask("resolve, made", user, "GET", alias);
  await book.ask(
    "join through the alias",
    user,
    "POST",
    `${v3}/join/${seg("#_pf_lookup:hs.test")}`,
    {
      body: {},
    },
  );
  from = t.appservice.requests.length;
  await book.ask("alias outside", user, "GET", `${v3}/directory/room/${seg("#other:hs.test")}`);
  await book.ask(
    "profile of an unknown ghost",
    user,
    "GET",
    `${v3}/profile/${seg("@_pf_nobody2:hs.test")}`,
  );
  book.note("nothing asked", asked(from));
  t.appservice.behave(() => ({ status: 200, body: {} }));
}

async function ping(t: ParityTarget, book: NoteBook): Promise<void> {
  const user = await t.user("pinger");
  const path = "/_matrix/client/v1/appservice/bridge/ping";
  const from = t.appservice.requests.length;
  await book.ask("good", t.bridge, "POST", path, { body: { transaction_id: "x1" } });
  book.note("what was asked", t.appservice.requests.slice(from));
  await book.ask("without id", t.bridge, "POST", path, { body: {} });
  await book.ask("no body", t.bridge, "POST", path, { raw: "" });
  await book.ask("other service", t.bridge, "POST", path.replace("bridge", "other"), { body: {} });
  await book.ask("by a user", user, "POST", path, { body: {} });
  for (const status of [404, 500, 401]) {
    t.appservice.behave(() => ({ status, body: { errcode: "M_X" } }));
    await book.ask(`answered ${String(status)}`, t.bridge, "POST", path, { body: {} });
  }
  t.appservice.behave(() => ({ status: 200, body: {} }));
}

async function thirdParty(t: ParityTarget, book: NoteBook): Promise<void> {
  const user = await t.user("finder");
  const nobody = new MatrixClient({ baseUrl: t.baseUrl });
  const asked = (from: number) => t.appservice.requests.slice(from).map(({ path }) => path);
  const get = (label: string, rest: string, query: Record<string, string> = {}) =>
    book.ask(label, user, "GET", `${v3}/thirdparty/${rest}`, { query });
  const raw = async (label: string, rest: string, query: Record<string, string>) => {
    const response = await user.fetch("GET", `${v3}/thirdparty/${rest}`, { query });
    book.note(label, [response.status, await response.json()]);
  };
  const answer = (service: RecordingAppservice, body: unknown, status = 200) => {
    service.behave(() => ({ status, body }));
  };
  let from = t.appservice.requests.length;
  answer(t.appservice, { user_fields: [], nothing: true });
  await get("protocol without instances", "protocols");
  answer(t.appservice, {}, 500);
  await get("failing protocol, from the cache", "protocols");
  book.note("asked", asked(from));
  await get("unknown protocol", "protocol/fax");
  await get("malformed protocol", "protocol/bundid");
  from = t.appservice.requests.length;
  const good = { userid: "@_pf_a:hs.test", protocol: "bundid", fields: { safe_id: "1" } };
  answer(t.appservice, [
    good,
    { ...good, userid: 1 },
    { protocol: "bundid" },
    { ...good, fields: [] },
    "x",
  ]);
  await raw("users", "user/bundid", { safe_id: "1 ü", other: "2" });
  answer(t.appservice, { not: "a list" });
  await raw("not a list", "user/bundid", { safe_id: "1" });
  answer(t.appservice, [], 500);
  await raw("failing", "user/bundid", { safe_id: "1" });
  answer(t.appservice, [{ alias: "#_pf_x:hs.test", protocol: "bundid", fields: {} }, good]);
  await raw("locations", "location/bundid", { place: "Kiel" });
  await raw("unknown protocol user", "user/fax", { number: "1" });
  book.note("asked for entries", asked(from));
  await book.ask("without token", nobody, "GET", `${v3}/thirdparty/protocols`);
  answer(t.appservice, {});
}

export const serviceScenarios: readonly Scenario[] = [
  { name: "interest of the application service", run: interest },
  { name: "interest through an alias", run: aliased },
  { name: "pushed receipts", run: receipts },
  { name: "queries", run: queries },
  { name: "ping", run: ping },
  { name: "third-party look-ups", run: thirdParty },
];
