import { expect, test } from "vitest";
import { garbage } from "../../../fixtures/simulators/homeserver/index.ts";
import type { FaultAction } from "../../../fixtures/simulators/homeserver/index.ts";
import { openSite, pushed } from "./homeserver-site.ts";

const send = (room: string, txn: string) =>
  `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${txn}`;
const text = { msgtype: "m.text", body: "x" };

test("a status before the work: nothing is stored", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("before");
  const before = site.server.observations.events(room).length;
  const fault = site.server.faults.add({
    method: "PUT",
    path: /\/send\//u,
    action: { kind: "status", status: 502 },
  });
  const reply = await ghost.attempt("PUT", send(room, "1"), { body: text });
  expect(reply.status).toBe(502);
  expect(fault.hits).toBe(1);
  expect(site.server.observations.events(room).length).toBe(before);
  const again = await ghost.attempt("PUT", send(room, "1"), { body: text });
  expect(again.status).toBe(200);
});

test("a status after the work: the event is stored, and the same transaction finds it", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("after");
  const action: FaultAction = { kind: "status", status: 500, when: "after" };
  site.server.faults.add({ path: "/send/", action });
  const reply = await ghost.attempt("PUT", send(room, "1"), { body: text });
  expect(reply.status).toBe(500);
  const stored = site.server.observations.events(room).at(-1);
  const again = await ghost.attempt("PUT", send(room, "1"), { body: text });
  expect(again).toEqual({ status: 200, body: { event_id: stored?.["event_id"] } });
});

test("faults let requests through first and are over after their number", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("counted");
  const action: FaultAction = { kind: "limit", retryAfterMs: 1_500 };
  const fault = site.server.faults.add({ path: "/send/", skip: 1, times: 2, action });
  const replies = [];
  for (const txn of ["1", "2", "3", "4"])
    replies.push(await ghost.attempt("PUT", send(room, txn), { body: text }));
  expect(replies.map(({ status }) => status)).toEqual([200, 429, 429, 200]);
  expect(replies[1]?.body).toMatchObject({ errcode: "M_LIMIT_EXCEEDED", retry_after_ms: 1_500 });
  expect(fault.hits).toBe(2);
});

test("a reset after the work leaves the event and no answer", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("reset");
  const before = site.server.observations.events(room).length;
  for (const when of ["before", "after"] as const)
    site.server.faults.add({
      path: `/send/m.room.message/${when}`,
      action: { kind: "reset", when },
    });
  await expect(ghost.attempt("PUT", send(room, "before"), { body: text })).rejects.toThrow();
  expect(site.server.observations.events(room).length).toBe(before);
  await expect(ghost.attempt("PUT", send(room, "after"), { body: text })).rejects.toThrow();
  expect(site.server.observations.events(room).length).toBe(before + 1);
});

test("a hanging request ends with the client or the server", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("hang");
  const fault = site.server.faults.add({ path: "/send/", action: { kind: "hang", when: "after" } });
  const before = site.server.observations.events(room).length;
  const hanging = ghost.attempt("PUT", send(room, "1"), { body: text });
  const ended = expect(hanging).rejects.toThrow();
  await site.appservice.until(() => pushed(site.appservice).length > before);
  expect(fault.hits).toBe(1);
  await site.server.restart({ graceful: false });
  await ended;
  expect(site.server.observations.events(room).length).toBe(before + 1);
});

test("a delayed request is answered in the end, unless the fault is removed first", async () => {
  await using site = await openSite();
  const { ghost } = await site.settled("delay");
  const fault = site.server.faults.add({ path: "/whoami", action: { kind: "delay", ms: 1 } });
  expect(await ghost.whoami()).toMatchObject({ user_id: ghost.userId });
  expect(fault.hits).toBe(1);
  const never = site.server.faults.add({
    path: "/whoami",
    action: { kind: "status", status: 500 },
  });
  never.remove();
  expect(await ghost.whoami()).toMatchObject({ user_id: ghost.userId });
});

test("a dropped transaction is lost to the service and stays in the room", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("drop");
  site.server.serviceFaults.dropTransactions();
  const lost = await ghost.sendText(room, "lost");
  const next = await ghost.sendText(room, "next");
  await site.heard(next);
  expect(pushed(site.appservice)).not.toContain(lost);
  const ids = site.server.observations.events(room).map((event) => event["event_id"]);
  expect(ids.slice(-2)).toEqual([lost, next]);
});

test("a repeated transaction has the same events under another id", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("repeat");
  site.server.serviceFaults.repeatTransactions();
  const twice = await ghost.sendText(room, "twice");
  await site.heard(await ghost.sendText(room, "once"));
  const with_ = site.appservice.transactions.filter((txn) =>
    txn.events.some((event) => event.event_id === twice),
  );
  expect(new Set(with_.map((txn) => txn.txnId)).size).toBe(2);
  expect(site.server.observations.pushedTwice()).toEqual([twice]);
});

test("a wrong token is a failure of the service, which recovers", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("token");
  site.appservice.behave(({ authorization }) => ({
    status: authorization === "Bearer hs-token" ? 200 : 403,
  }));
  site.server.serviceFaults.wrongTokens();
  const event = await ghost.sendText(room, "guarded");
  await site.server.observations.until(() =>
    site.server.observations.pushes.some((push) => push.delivered && push.eventIds.includes(event)),
  );
  const attempts = site.server.observations.pushes.filter((push) => push.eventIds.includes(event));
  expect(attempts.map(({ status, delivered }) => [status, delivered])).toEqual([
    [403, false],
    [200, true],
  ]);
});

test("garbage reaches the service as it is", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("garbage");
  const inject = (events: readonly unknown[]) => site.server.injectTransaction(events);
  expect(await inject(garbage.withoutEventId(room))).toBe(200);
  expect(site.appservice.transactions.at(-1)?.events[0]).not.toHaveProperty("event_id");
  expect(await inject(garbage.contentIsNoObject(room))).toBe(200);
  expect(site.appservice.transactions.at(-1)?.events[0]?.content).toBe("text");
  expect(await inject(garbage.notEvenObjects())).toBe(200);
  const large = garbage.large(room, ghost.userId);
  expect(await inject(large)).toBe(200);
  expect(JSON.stringify(site.appservice.transactions.at(-1)?.body).length).toBeGreaterThan(6e6);
  site.appservice.behave(() => ({ status: 500 }));
  expect(await inject([])).toBe(500);
});

test("doubled letters are found by whatever makes them the same", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("letters");
  for (const letter of ["a", "b", "a"]) await ghost.send(room, "de.example.letter", { letter });
  const keyOf = (event: Record<string, unknown>): string | undefined => {
    const { letter } = event["content"] as Record<string, unknown>;
    return typeof letter === "string" ? letter : undefined;
  };
  expect(site.server.observations.duplicates(room, keyOf)).toEqual(["a"]);
  expect(site.server.observations.sends).toBe(4);
});
