/** A registration with device management (MSC4190), stable receipts only and rate limits: the hard way. */
import { pushedTo, roomPath, seg, v3 } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";

async function deviceManagement(t: ParityTarget, book: NoteBook): Promise<void> {
  const type = "m.login.application_service";
  const register = (label: string, body: Record<string, unknown>) =>
    book.ask(label, t.bridge, "POST", `${v3}/register`, { body: { type, ...body } });
  await register("without inhibit_login", { username: "_pf_m1" });
  await register("inhibit_login false", { username: "_pf_m1", inhibit_login: false });
  await register("inhibit_login", { username: "_pf_m1", inhibit_login: true });
  await register("in use, without", { username: "_pf_m1" });
  await register("in use", { username: "_pf_m1", inhibit_login: true });
  await register("outside, without", { username: "x" });
  const identifier = { type: "m.id.user", user: "_pf_m1" };
  await book.ask("log in", t.bridge, "POST", `${v3}/login`, { body: { type, identifier } });
  const ghost = t.bridge.as("@_pf_m1:hs.test");
  await book.ask("device", ghost, "PUT", `${v3}/devices/D`, { body: {} });
  const room = await ghost.createRoom({ preset: "private_chat" });
  const event = await ghost.sendText(room, "x");
  await t.appservice.until(() => pushedTo(t, room).some((pushed) => pushed.event_id === event));
  const keys = t.appservice.transactions.map((txn) => Object.keys(txn.body).sort().join());
  book.note("keys of a transaction", [...new Set(keys)]);
}

async function rateLimits(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("fast");
  const user = await t.user("fast");
  const room = await ghost.createRoom({ preset: "private_chat", invite: [user.userId] });
  await user.join(room);
  await user.call("GET", `${v3}/joined_rooms`);
  const send = async (who: typeof user, body: string) => {
    const path = roomPath(room, `send/m.room.message/${seg(body)}`);
    const response = await who.fetch("PUT", path, { body: { msgtype: "m.text", body } });
    const answer = (await response.json()) as Record<string, unknown>;
    const wait = answer["retry_after_ms"];
    return [
      response.status,
      answer["errcode"],
      typeof wait === "number" && Number.isInteger(wait) && wait > 0,
      response.headers.has("retry-after"),
    ];
  };
  for (const [name, who] of [
    ["user", user],
    ["ghost", ghost],
  ] as const) {
    const answers = [];
    for (let n = 0; n < 8; n += 1) answers.push(await send(who, `${name}${String(n)}`));
    book.note(`${name}: ends refused`, answers.at(-1));
    book.note(`${name}: began well`, answers[0]);
    const firstRefused = answers.findIndex(([status]) => status === 429);
    book.note(`${name}: allowed`, firstRefused);
    const again = await send(who, `${name}${String(firstRefused - 1)}`);
    book.note(`${name}: a known transaction`, again[0]);
    await book.ask(`${name}: state`, who, "PUT", roomPath(room, "state/de.example.x/"), {
      body: { n: 1 },
    });
  }
  await ghost.invite(room, "@_pf_bot:hs.test").catch(() => undefined);
  await t.bridge.join(room).catch(() => undefined);
  const own = await t.bridge.createRoom({ preset: "private_chat" });
  const statuses = [];
  for (let n = 0; n < 8; n += 1) {
    const path = roomPath(own, `send/m.room.message/b${String(n)}`);
    const reply = await t.bridge.attempt("PUT", path, { body: { msgtype: "m.text", body: "b" } });
    statuses.push(reply.status);
  }
  book.note("the sender", statuses);
}

async function protocols(t: ParityTarget, book: NoteBook): Promise<void> {
  const user = await t.user("browser");
  const instance = { network_id: "zbp", desc: "ZBP", fields: {} };
  t.appservice.behave(() => ({
    status: 200,
    body: {
      user_fields: ["safe_id"],
      location_fields: [],
      icon: "",
      instances: [instance, { desc: "x" }],
    },
  }));
  const from = t.appservice.requests.length;
  await book.ask("all", user, "GET", `${v3}/thirdparty/protocols`);
  await book.ask("one", user, "GET", `${v3}/thirdparty/protocol/bundid`);
  book.note(
    "asked",
    t.appservice.requests.slice(from).map(({ method, path }) => [method, path]),
  );
  await t.restart(false);
  await book.ask("after a restart", user, "GET", `${v3}/thirdparty/protocol/bundid`);
  book.note("asked again", t.appservice.requests.length - from);
  t.appservice.behave(() => ({ status: 200 }));
}

export const strictScenarios: readonly Scenario[] = [
  { name: "device management", run: deviceManagement },
  { name: "third-party protocols", run: protocols },
  { name: "rate limits", run: rateLimits },
];
