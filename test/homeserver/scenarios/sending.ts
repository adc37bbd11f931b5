/** Sending: what is refused, which transaction ids are remembered for whom, redaction. */
import { brief, pushedTo, roomPath, seg, settle } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";
import type { Json, MatrixClient, RequestBits } from "../../support/matrix-client.ts";

const text = (body: string): Json => ({ msgtype: "m.text", body });

async function twoGhosts(t: ParityTarget, name: string, version = "12") {
  const a = await t.ghost(`${name}_a`);
  const b = await t.ghost(`${name}_b`);
  const user = await t.user(name);
  const room = await a.createRoom({
    preset: "private_chat",
    room_version: version,
    invite: [b.userId, user.userId],
  });
  await b.join(room);
  await user.join(room);
  return { a, b, user, room };
}

function sender(book: NoteBook, room: string) {
  return (label: string, who: MatrixClient, rest: string, body: unknown, init: RequestBits = {}) =>
    book.ask(label, who, "PUT", roomPath(room, `send/${rest}`), { body, ...init });
}

function deep(levels: number): Json {
  return levels === 0 ? {} : { d: deep(levels - 1) };
}

async function refusals(t: ParityTarget, book: NoteBook): Promise<void> {
  const { a, user, room } = await twoGhosts(t, "refusals");
  const stranger = await t.user("refusalstranger");
  const put = sender(book, room);
  await put("by a stranger", stranger, "m.room.message/1", text("x"));
  const unknown = sender(book, "!none:hs.test");
  await unknown("to an unknown room", a, "m.room.message/1", text("x"));
  const odd = sender(book, "nonsense");
  await odd("to no room", a, "m.room.message/1", text("x"));
  await put("member event", a, "m.room.member/2", { membership: "join" });
  await put("no body field", a, "m.room.message/3", {});
  await put("no msgtype", a, "m.room.message/3b", { body: "x" });
  await put("only msgtype", a, "m.room.message/3c", { msgtype: "m.text" });
  await put("body is a number", a, "m.room.message/3d", { msgtype: "m.text", body: 7 });
  await put("msgtype is a number", a, "m.room.message/3e", { msgtype: 7, body: "x" });
  await put("other type without body", a, "de.example.m/3f", {});
  await put("null inside", a, "de.example.m/3g", { x: null });
  await put("lone surrogate", a, "de.example.m/3h", { x: "\ud800" });
  await put("NUL", a, "de.example.m/3i", { x: "a\u0000b" });
  await put("very deep", a, "de.example.m/3j", deep(200));
  await put("relates to a number", a, "de.example.m/3k", { "m.relates_to": 7 });
  await put("file without url", a, "m.room.message/3l", { msgtype: "m.file", body: "x" });
  await put("a list", a, "m.room.message/4", []);
  await put("fraction", a, "m.room.message/5", { ...text("x"), x: 0.5 });
  await put("unsafe number", a, "m.room.message/6", { ...text("x"), x: 2 ** 60 });
  await put("64 500 bytes", a, "m.room.message/7", text("x".repeat(64_500)));
  await put("65 536 bytes", a, "m.room.message/8", text("x".repeat(65_536)));
  await put("umlauts count twice", a, "m.room.message/9", text("ü".repeat(33_000)));
  await put("long type", a, `${"t".repeat(256)}/10`, {});
  await put("created by type", a, "m.room.create/11", {});
  await put("no transaction", user, "m.room.message", text("x"));
  await book.ask("by POST", user, "POST", roomPath(room, "send/m.room.message"), {
    body: text("post"),
  });
  await put("bad ts", a, "m.room.message/12", text("x"), { query: { ts: "soon" } });
  const dated = await put("ts", a, "m.room.message/13", text("old"), { query: { ts: 1000 } });
  const event = await a.event(room, String(dated.body["event_id"]));
  book.note("dated", event.origin_server_ts === 1000);
  const mine = await put("ts by a user", user, "m.room.message/14", text("x"), {
    query: { ts: 1000 },
  });
  const undated = await a.event(room, String(mine.body["event_id"]));
  book.note("dated by a user", undated.origin_server_ts === 1000);
  const state = await a.call("PUT", roomPath(room, "state/de.example.t/"), {
    body: {},
    query: { ts: 2000 },
  });
  const stamped = await a.event(room, String(state["event_id"]));
  book.note("dated state", stamped.origin_server_ts === 2000);
  book.note("order", (await a.timeline(room)).slice(-4).map(brief));
  await book.ask(
    "event by a stranger",
    stranger,
    "GET",
    roomPath(room, `event/${seg(event.event_id)}`),
  );
  await book.ask("unknown event", a, "GET", roomPath(room, `event/${seg("$none")}`));
  await book.ask("event", user, "GET", roomPath(room, `event/${seg(event.event_id)}`));
}

async function transactions(t: ParityTarget, book: NoteBook): Promise<void> {
  const { a, b, user, room } = await twoGhosts(t, "txns");
  const put = sender(book, room);
  await put("first", a, "m.room.message/t1", text("one"));
  await put("again with other content", a, "m.room.message/t1", text("two"));
  await put("other ghost", b, "m.room.message/t1", text("three"));
  await put("other type", a, "de.example.m/t1", text("four"));
  await put("refused once", a, "m.room.message/t2", text("x".repeat(70_000)));
  await put("then accepted", a, "m.room.message/t2", text("five"));
  for (const device of ["D1", "D2"])
    for (const ghost of [a, b])
      await ghost.call("PUT", `/_matrix/client/v3/devices/${device}`, { body: {} });
  const a1 = a.as(a.userId, "D1");
  const a2 = a.as(a.userId, "D2");
  const b1 = a.as(b.userId, "D1");
  await put("device", a1, "m.room.message/t3", text("six"));
  await put("same device", a1, "m.room.message/t3", text("seven"));
  await put("other device, same path", a2, "m.room.message/t3", text("eight"));
  await put("no device, same path", a, "m.room.message/t3", text("nine"));
  await put("other ghost's device, same path", b1, "m.room.message/t3", text("ten"));
  await put("same device, other type", a1, "de.example.m/t3", text("eleven"));
  await put("other device, other type", a2, "de.example.m/t3b", text("twelve"));
  await put("user", user, "m.room.message/t1", text("thirteen"));
  await put("user again", user, "m.room.message/t1", text("fourteen"));
  await put("user, other type", user, "de.example.m/t1", text("fifteen"));
  const second = { ...user.options, accessToken: await anotherToken(t, user, "SECOND") };
  const other = new (user.constructor as typeof MatrixClient)(second);
  await put("user on another device", other, "m.room.message/t1", text("sixteen"));
  const eventId = String(
    (await put("for the echo", a1, "m.room.message/t5", text("echo"))).body["event_id"],
  );
  const echo = async (label: string, who: MatrixClient) => {
    const synced = await who.sync({ filter: { presence: { types: [] } } });
    const found = synced.rooms?.join?.[room]?.timeline.events.find(
      (event) => event.event_id === eventId,
    );
    const single = await who.event(room, eventId);
    const unsigned = [found?.["unsigned"] as Json, single["unsigned"] as Json];
    book.note(
      label,
      unsigned.map((part) => part["transaction_id"] !== undefined),
    );
  };
  await echo("echo to the device", a1);
  await echo("echo to another device", a2);
  await echo("echo without device", a);
  const together = await Promise.all(
    [1, 2, 3].map((n) =>
      a1.attempt("PUT", roomPath(room, "send/m.room.message/t9"), { body: text(String(n)) }),
    ),
  );
  book.note("at the same time", new Set(together.map((reply) => reply.body["event_id"])).size);
  const timeline = await a.timeline(room);
  const bodies = timeline.flatMap((event) =>
    event.content["msgtype"] === undefined ? [] : [event.content["body"]],
  );
  book.note(
    "what was stored",
    bodies.filter((body) => String(body).length > 1),
  );
}

async function anotherToken(t: ParityTarget, user: MatrixClient, device: string): Promise<string> {
  const name = user.userId.slice(1).split(":")[0] ?? "";
  const body = {
    type: "m.login.password",
    identifier: { type: "m.id.user", user: name },
    password: `secret-${name}`,
    device_id: device,
  };
  const reply = await t.bridge.attempt("POST", "/_matrix/client/v3/login", { body });
  return String(reply.body["access_token"]);
}

async function afterRestart(t: ParityTarget, book: NoteBook): Promise<void> {
  const { a, user, room } = await twoGhosts(t, "again");
  await a.call("PUT", "/_matrix/client/v3/devices/D1", { body: {} });
  const a1 = a.as(a.userId, "D1");
  const put = sender(book, room);
  await put("without device", a, "m.room.message/r1", text("one"));
  await put("with device", a1, "m.room.message/r2", text("two"));
  await put("user", user, "m.room.message/r1", text("three"));
  await t.appservice.until(() => pushedTo(t, room).some((event) => brief(event) === "three"));
  await settle(a);
  await t.restart(false);
  await put("without device again", a, "m.room.message/r1", text("one"));
  await put("with device again", a1, "m.room.message/r2", text("two"));
  await put("user again", user, "m.room.message/r1", text("three"));
  await put("with device, other type", a1, "de.example.m/r2", text("two"));
  const timeline = await user.timeline(room);
  book.note("timeline", timeline.slice(-4).map(brief));
}

async function redaction(t: ParityTarget, book: NoteBook): Promise<void> {
  for (const version of ["11", "12"]) {
    const { a, b, user, room } = await twoGhosts(t, `redact${version}`, version);
    const redact = (
      label: string,
      who: MatrixClient,
      event: string,
      txn: string,
      body: Json = {},
    ) =>
      book.ask(`${label} v${version}`, who, "PUT", roomPath(room, `redact/${seg(event)}/${txn}`), {
        body,
      });
    const first = await b.sendText(room, "first");
    const second = await b.sendText(room, "second");
    const mine = await user.sendText(room, "mine");
    await redact("of another", user, first, "1");
    await redact("own", b, first, "2", { reason: "Irrtum" });
    await redact("same again", b, first, "2");
    await redact("by the mighty", a, mine, "3");
    await redact("unknown event", a, "$0123456789012345678901234567890123456789012", "4");
    await redact(
      "unknown event by the weak",
      user,
      "$0123456789012345678901234567890123456789012",
      "5",
    );
    await book.ask(`redacted v${version}`, user, "GET", roomPath(room, `event/${seg(first)}`));
    const levels = (await a.state(room, "m.room.power_levels")) ?? {};
    await a.setState(room, "m.room.power_levels", {
      ...levels,
      redact: 100,
      events: { ...(levels["events"] as Json), "m.room.redaction": 100 },
    });
    await redact("own, forbidden by level", b, second, "6");
    await redact("by the mighty, still", a, second, "7");
    const timeline = await user.timeline(room);
    book.note(
      `timeline v${version}`,
      timeline.filter((event) => !event.type.startsWith("m.room.m")).slice(-3),
    );
    await book.ask(
      `sent as event v${version}`,
      a,
      "PUT",
      roomPath(room, "send/m.room.redaction/8"),
      {
        body: { redacts: mine },
      },
    );
    const member = await user.attempt("GET", roomPath(room, "state/m.room.name"));
    book.note(`no name v${version}`, member.status);
    const topic = await a.setState(room, "m.room.topic", { topic: "x" });
    await redact("state", a, topic, "9");
    await book.ask(`state redacted v${version}`, user, "GET", roomPath(room, "state/m.room.topic"));
  }
}

async function edits(t: ParityTarget, book: NoteBook): Promise<void> {
  const { a, user, room } = await twoGhosts(t, "edits");
  const original = await user.sendText(room, "original");
  const replace = (event: string): Json => ({
    ...text("* better"),
    "m.new_content": text("better"),
    "m.relates_to": { rel_type: "m.replace", event_id: event },
  });
  const edit = await user.send(room, "m.room.message", replace(original));
  await book.ask("edited", a, "GET", roomPath(room, `event/${seg(original)}`));
  await book.ask("edit of another", a, "PUT", roomPath(room, "send/m.room.message/1"), {
    body: replace(original),
  });
  await book.ask("edit of nothing", a, "PUT", roomPath(room, "send/m.room.message/2"), {
    body: replace("$none"),
  });
  await book.ask("the edit", a, "GET", roomPath(room, `event/${seg(edit)}`));
  const page = await a.messages(room, { dir: "b", limit: 3 });
  book.note("timeline", page.chunk.map(brief));
  for (const body of ["part 1", "part 2"])
    await a.send(room, "m.room.message", {
      ...text(body),
      "m.relates_to": { rel_type: "m.reference", event_id: original },
    });
  const related = await a.timeline(room);
  book.note(
    "related",
    related.find((event) => event.event_id === original),
  );
  const synced = await a.sync({ filter: { presence: { types: [] } } });
  const seen = synced.rooms?.join?.[room]?.timeline.events;
  book.note(
    "related in sync",
    seen?.find((event) => event.event_id === original),
  );
  await t.appservice.until(() =>
    t.appservice.transactions.some((txn) => txn.events.some((event) => event.event_id === edit)),
  );
}

export const sendingScenarios: readonly Scenario[] = [
  { name: "sending refused", run: refusals },
  { name: "transaction ids", run: transactions },
  { name: "transaction ids after a restart", run: afterRestart },
  { name: "redaction", run: redaction },
  { name: "edits", run: edits },
];
