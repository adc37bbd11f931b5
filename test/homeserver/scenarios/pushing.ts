/** How transactions are pushed: one at a time, and what happens when the application service does not answer well. */
import { brief, heard, pushedTo } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";

async function inFlight(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("queue");
  const room = await ghost.createRoom({ preset: "private_chat", room_version: "12" });
  await heard(t, room, await ghost.sendText(room, "ready"));
  const before = t.appservice.transactions.length;
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  t.appservice.behave(async () => {
    await held;
    return { status: 200 };
  });
  await ghost.sendText(room, "m0");
  await t.appservice.until(() => t.appservice.transactions.length === before + 1);
  let last = "";
  for (let n = 1; n <= 150; n += 1) last = await ghost.sendText(room, `m${String(n)}`);
  book.note("in flight", t.appservice.transactions.length - before);
  release();
  await heard(t, room, last);
  t.appservice.behave(() => ({ status: 200 }));
  const sizes = t.appservice.transactions.slice(before).map((txn) => txn.events.length);
  book.note("sizes", sizes);
  const bodies = pushedTo(t, room).map(brief).slice(-151);
  book.note(
    "in order",
    bodies.every((body, n) => body === `m${String(n)}`),
  );
}

async function down(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("down");
  const user = await t.user("down");
  const room = await ghost.createRoom({
    preset: "private_chat",
    room_version: "12",
    invite: [user.userId],
  });
  await user.join(room);
  await heard(t, room, await ghost.sendText(room, "ready"));
  const before = t.appservice.transactions.length;
  t.appservice.behave(() => ({ status: 500 }));
  await ghost.sendText(room, "d0");
  // The second attempt proves that the homeserver has taken notice of the failure.
  await t.appservice.until(() => t.appservice.transactions.length > before + 1);
  const d1 = await ghost.sendText(room, "d1");
  await user.sendReceipt(room, d1);
  await ghost.sendText(room, "d2");
  await ghost.sendText(room, "d3");
  t.appservice.behave(() => ({ status: 200 }));
  const ping = await t.bridge.attempt("POST", "/_matrix/client/v1/appservice/bridge/ping", {
    body: {},
  });
  // 502 when the ping meets a retry that is under way: see the scenario of that.
  book.note("ping", [200, 502].includes(ping.status));
  await t.appservice.until(() => pushedTo(t, room).some((event) => brief(event) === "d3"));
  const txns = t.appservice.transactions.slice(before);
  book.note("transactions", compact(txns.map((txn) => txn.events.map(brief))));
  book.note("same id", new Set(txns.slice(0, 2).map((txn) => txn.txnId)).size === 1);
  const bodies = txns
    .slice(0, 2)
    .map((txn) => JSON.stringify(txn.events.map((event) => event.event_id)));
  book.note("same events", new Set(bodies).size === 1);
  book.note(
    "receipts",
    txns.map((txn) => txn.body["ephemeral"]).filter((list) => JSON.stringify(list) !== "[]"),
  );
  await heard(t, room, await ghost.sendText(room, "up again"));
}

async function downWithAQueue(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("downqueue");
  const room = await ghost.createRoom({ preset: "private_chat", room_version: "12" });
  await heard(t, room, await ghost.sendText(room, "ready"));
  const before = t.appservice.transactions.length;
  let release: (status: number) => void = () => undefined;
  const held = new Promise<number>((resolve) => (release = resolve));
  t.appservice.behave(async () => ({ status: await held }));
  await ghost.sendText(room, "q0");
  await t.appservice.until(() => t.appservice.transactions.length > before);
  for (let n = 1; n <= 5; n += 1) await ghost.sendText(room, `q${String(n)}`);
  release(500);
  // A second attempt proves that the homeserver has taken notice of the failure.
  await t.appservice.until(() => t.appservice.transactions.length > before + 1);
  await ghost.sendText(room, "q6");
  t.appservice.behave(() => ({ status: 200 }));
  await t.appservice.until(() => pushedTo(t, room).some((event) => brief(event) === "q6"));
  const txns = t.appservice.transactions.slice(before);
  const pushed = compact(txns.map((txn) => txn.events.map(brief)));
  book.note("first transaction", pushed[0]);
  book.note("in order", pushed.flat());
  // A busy homeserver may notice the last of them after it has packed the others.
  book.note("what waited came together", pushed.length < 5);
  await heard(t, room, await ghost.sendText(room, "up again"));
}

async function pingedDuringARetry(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("impatient");
  const room = await ghost.createRoom({ preset: "private_chat", room_version: "12" });
  await heard(t, room, await ghost.sendText(room, "ready"));
  const before = t.appservice.transactions.length;
  const attempts = () => t.appservice.transactions.slice(before);
  t.appservice.behave(() => ({ status: 500 }));
  await ghost.sendText(room, "p0");
  await t.appservice.until(() => attempts().length > 0);
  const release: (() => void)[] = [];
  t.appservice.behave(({ path }) =>
    path.endsWith("/ping")
      ? { status: 200 }
      : new Promise((resolve) => release.push(() => resolve({ status: 200 }))),
  );
  await t.appservice.until(() => attempts().length > 1);
  const ping = "/_matrix/client/v1/appservice/bridge/ping";
  await book.ask("ping", t.bridge, "POST", ping, { body: {} });
  book.note(
    "attempts",
    attempts().map((txn) => txn.events.map(brief)),
  );
  t.appservice.behave(() => ({ status: 200 }));
  for (const answer of release) answer();
  await heard(t, room, await ghost.sendText(room, "up again"));
}

async function oddAnswers(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("odd");
  const room = await ghost.createRoom({ preset: "private_chat", room_version: "12" });
  await heard(t, room, await ghost.sendText(room, "ready"));
  const answers = [
    { status: 200, text: "OK" },
    { status: 200, text: "" },
    { status: 200, text: "[]" },
    { status: 202 },
    { status: 302 },
    { status: 404, body: { errcode: "M_UNRECOGNIZED" } },
    { status: 403 },
    { status: 413 },
  ];
  for (const answer of answers) {
    const before = t.appservice.transactions.length;
    t.appservice.behave(() => answer);
    await ghost.sendText(room, "first");
    await t.appservice.until(() => t.appservice.transactions.length > before);
    const second = await ghost.sendText(room, "second");
    t.appservice.behave(() => ({ status: 200 }));
    await heard(t, room, second);
    const txns = t.appservice.transactions.slice(before).map((txn) => txn.events.map(brief));
    book.note(`${String(answer.status)} ${JSON.stringify(answer.text ?? answer.body ?? {})}`, txns);
  }
}

/** Equal neighbours once: how often a retry comes depends on the clock. */
function compact(lists: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return lists.filter((list, at) => at === 0 || list.join() !== lists[at - 1]?.join());
}

export const pushScenarios: readonly Scenario[] = [
  { name: "one transaction in flight", run: inFlight },
  { name: "application service down", run: down },
  { name: "application service down with a queue", run: downWithAQueue },
  { name: "pinged during a retry", run: pingedDuringARetry },
  { name: "odd answers of the application service", run: oddAnswers },
];
