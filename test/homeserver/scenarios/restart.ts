/** What a homeserver forgets when it is killed or restarted, and what it remembers. */
import { brief, pushedTo, settle } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";
import type { MatrixClient } from "../../support/matrix-client.ts";

const pingPath = "/_matrix/client/v1/appservice/bridge/ping";

async function prepare(t: ParityTarget, name: string) {
  const ghost = await t.ghost(name);
  const room = await ghost.createRoom({ preset: "private_chat", room_version: "12" });
  await saidAndHeard(t, ghost, room, "ready");
  return { ghost, room };
}

async function saidAndHeard(t: ParityTarget, ghost: MatrixClient, room: string, body: string) {
  const event = await ghost.sendText(room, body);
  await t.appservice.until(() => pushedTo(t, room).some((pushed) => pushed.event_id === event));
}

async function losesTheQueue(t: ParityTarget, book: NoteBook, graceful: boolean): Promise<void> {
  const { ghost, room } = await prepare(t, graceful ? "lossterm" : "losskill");
  const before = t.appservice.transactions.length;
  t.appservice.behave(() => new Promise(() => undefined));
  await ghost.sendText(room, "m0");
  await t.appservice.until(() => t.appservice.transactions.length > before);
  const unsent = Number(t.appservice.transactions.at(-1)?.txnId);
  for (let n = 1; n <= 10; n += 1) await ghost.sendText(room, `m${String(n)}`);
  await settle(ghost);
  t.appservice.behave(() => ({ status: 200 }));
  await t.restart(graceful);
  const restarted = t.appservice.transactions.length;
  await saidAndHeard(t, ghost, room, "after");
  const later = () => t.appservice.transactions.slice(restarted);
  book.note(
    "pushed after the restart",
    later().map((txn) => txn.events.map(brief)),
  );
  book.note("next id", Number(later()[0]?.txnId) - unsent);
  t.appservice.behave(() => ({ status: 503 }));
  const failing = t.appservice.transactions.length;
  await ghost.sendText(room, "fails");
  await t.appservice.until(() => t.appservice.transactions.length > failing);
  t.appservice.behave(() => ({ status: 200 }));
  await t.appservice.until(
    () => pushedTo(t, room).filter((event) => brief(event) === "fails").length > 1,
  );
  const recovered = t.appservice.transactions.slice(failing + 1);
  book.note(
    "pushed by the recovery",
    recovered.map((txn) => txn.events.map(brief)),
  );
  book.note("in the room", (await ghost.timeline(room)).slice(-14).map(brief));
  await saidAndHeard(t, ghost, room, "quiet again");
}

async function downAcrossARestart(t: ParityTarget, book: NoteBook): Promise<void> {
  const { ghost, room } = await prepare(t, "lossdown");
  t.appservice.behave(() => ({ status: 500 }));
  const before = t.appservice.transactions.length;
  await ghost.sendText(room, "d0");
  await t.appservice.until(() => t.appservice.transactions.length > before);
  await ghost.sendText(room, "d1");
  await ghost.sendText(room, "d2");
  // The second attempt proves that the homeserver has noted that the service is down, and d1 and d2 with it.
  await t.appservice.until(() => t.appservice.transactions.length > before + 1);
  await settle(ghost);
  await t.restart(false);
  t.appservice.behave(() => ({ status: 200 }));
  const restarted = t.appservice.transactions.length;
  const ping = await t.bridge.attempt("POST", pingPath, { body: {} });
  book.note("ping", ping.status);
  await settle(ghost);
  book.note("woken by the ping", t.appservice.transactions.length - restarted);
  await ghost.sendText(room, "e");
  await t.appservice.until(() => pushedTo(t, room).some((event) => brief(event) === "e"));
  const later = t.appservice.transactions.slice(restarted);
  book.note(
    "pushed after the next event",
    later.map((txn) => txn.events.map(brief)),
  );
  await saidAndHeard(t, ghost, room, "up");
}

async function idsAfterARestart(t: ParityTarget, book: NoteBook): Promise<void> {
  const { ghost, room } = await prepare(t, "idsagain");
  await settle(ghost);
  await t.restart(true);
  const restarted = t.appservice.transactions.length;
  await saidAndHeard(t, ghost, room, "first");
  await saidAndHeard(t, ghost, room, "second");
  const ids = t.appservice.transactions.slice(restarted).map((txn) => txn.txnId);
  book.note("ids", ids);
}

async function whatStays(t: ParityTarget, book: NoteBook): Promise<void> {
  const { ghost, room } = await prepare(t, "stays");
  const user = await t.user("stays");
  await ghost.invite(room, user.userId);
  await user.join(room);
  const mxc = await user.upload(new TextEncoder().encode("kept"), "text/plain");
  const event = await ghost.sendText(room, "kept");
  const { next_batch: since } = await user.sync();
  await user.sendReceipt(room, event);
  await saidAndHeard(t, ghost, room, "before");
  await settle(ghost);
  await t.restart(false);
  await ghost.sendText(room, "after");
  const filter = { presence: { types: [] } };
  const synced = await user.sync({ since, filter });
  const joined = synced.rooms?.join?.[room];
  book.note("since", joined?.timeline.events.map(brief));
  book.note("receipts", joined?.ephemeral.events);
  book.note("media", await (await user.download(mxc)).text());
  book.note("whoami", await user.whoami());
  book.note("members", await ghost.members(room));
}

export const restartScenarios: readonly Scenario[] = [
  { name: "killed with a queue", run: (t, book) => losesTheQueue(t, book, false) },
  { name: "ended with a queue", run: (t, book) => losesTheQueue(t, book, true) },
  { name: "killed while the service is down", run: downAcrossARestart },
  { name: "transaction ids of the service after a restart", run: idsAfterARestart },
  { name: "what outlives a restart", run: whatStays },
];
