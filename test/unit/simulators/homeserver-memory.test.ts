/** What the simulator remembers and forgets, over time, restarts and processes. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { startHomeserver } from "../../../fixtures/simulators/homeserver/index.ts";
import type { Json, MatrixClient } from "../../support/matrix-client.ts";
import { openSite, registrationFor } from "./homeserver-site.ts";

const hourMs = 3_600_000;
const text = (body: string): Json => ({ msgtype: "m.text", body });

async function sendAs(client: MatrixClient, room: string, txnId: string, body = "x") {
  return client.send(room, "m.room.message", text(body), { txnId });
}

test("a transaction with a device is remembered for a day, one without for an hour at most", async () => {
  let now = Date.now();
  await using site = await openSite({ clock: () => now });
  const { ghost, room } = await site.settled("hours");
  await ghost.call("PUT", "/_matrix/client/v3/devices/D", { body: {} });
  const device = ghost.as(ghost.userId, "D");
  const first = await sendAs(ghost, room, "plain");
  const kept = await sendAs(device, room, "kept");
  now += hourMs / 4;
  expect(await sendAs(ghost, room, "plain")).toBe(first);
  now += hourMs;
  expect(await sendAs(ghost, room, "plain")).not.toBe(first);
  expect(await sendAs(device, room, "kept")).toBe(kept);
  now += 24 * hourMs;
  expect(await sendAs(device, room, "kept")).not.toBe(kept);
});

test("rate limits recover with time", async () => {
  let now = Date.now();
  const rateLimit = { perSecond: 1, burst: 3 };
  await using site = await openSite({ clock: () => now, rateLimit });
  const { ghost, room } = await site.settled("limits");
  const user = site.server.registerUser("fast");
  await ghost.invite(room, user.userId);
  await user.join(room);
  await sendAs(user, room, "1");
  await sendAs(user, room, "2");
  await expect(sendAs(user, room, "3")).rejects.toMatchObject({ status: 429, retryAfterMs: 1_000 });
  now += 1_000;
  await sendAs(user, room, "3");
  for (let n = 0; n < 5; n += 1) await sendAs(ghost, room, `free${String(n)}`);
});

test("an equal /sync is answered from the cache for two minutes, also when there is news", async () => {
  let now = Date.now();
  await using site = await openSite({ clock: () => now });
  const { ghost, room } = await site.settled("cached");
  const bodies = async () => {
    const synced = await ghost.sync();
    return synced.rooms?.join?.[room]?.timeline.events.map((event) => event.content["body"]);
  };
  const before = await bodies();
  await ghost.sendText(room, "news");
  expect(await bodies()).toEqual(before);
  now += 2 * 60_000 + 1;
  expect(await bodies()).toContain("news");
});

test("what waits behind a transaction in flight is lost with the process", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("lost");
  site.appservice.behave(() => new Promise(() => undefined));
  const inFlight = await ghost.sendText(room, "in flight");
  await site.heard(inFlight);
  const lost = [await ghost.sendText(room, "one"), await ghost.sendText(room, "two")];
  site.appservice.behave(() => ({ status: 200 }));
  await site.server.restart({ graceful: false });
  await site.heard(await ghost.sendText(room, "after"));
  const delivered = site.server.observations.pushes.filter((push) => push.delivered);
  const ids = delivered.flatMap((push) => push.eventIds);
  for (const id of [inFlight, ...lost]) expect(ids).not.toContain(id);
  const { chunk } = await ghost.messages(room, { dir: "b", limit: 4 });
  expect(chunk.map((event) => event.content["body"])).toEqual(["after", "two", "one", "in flight"]);
});

test("after kill nobody answers until the next start", async () => {
  await using site = await openSite();
  const { ghost, room } = await site.settled("killed");
  await site.server.kill();
  await expect(ghost.sendText(room, "x")).rejects.toThrow();
  await site.server.restart({ graceful: false });
  await ghost.sendText(room, "y");
});

test("a snapshot carries everything into another process", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "snapshot-"));
  const snapshotFile = path.join(folder, "world.json");
  const registration = registrationFor(null);
  const first = await startHomeserver({ registration, snapshotFile });
  const user = first.registerUser("anna", "geheim");
  const other = first.registerUser("berta", "auch geheim");
  const room = await user.createRoom({ name: "Akte", invite: [other.userId] });
  await other.join(room);
  const sent = await sendAs(user, room, "t1", "Brief");
  const mxc = await user.upload(new TextEncoder().encode("Anlage"), "text/plain", "a.txt");
  await other.sendReceipt(room, sent);
  const { next_batch: since } = await user.sync();
  const timeline = await user.timeline(room);
  await first.stop();

  const second = await startHomeserver({ registration, snapshotFile });
  const back = new (user.constructor as typeof MatrixClient)({
    ...user.options,
    baseUrl: second.baseUrl,
  });
  const withoutAge = (events: readonly Json[]) =>
    events.map(({ age: _age, unsigned: _unsigned, ...rest }) => rest);
  expect(withoutAge(await back.timeline(room))).toEqual(withoutAge(timeline));
  expect(await sendAs(back, room, "t1")).toBe(sent);
  expect(await (await back.download(mxc)).text()).toBe("Anlage");
  await sendAs(back, room, "t2", "Antwort");
  const news = (await back.sync({ since })).rooms?.join?.[room]?.timeline.events ?? [];
  expect(news.map((event) => event.content["body"])).toEqual(["Antwort"]);
  await second.stop();
  await rm(folder, { recursive: true });
});

test("media goes through without being kept in memory, and is removed at the end", async () => {
  const maxUploadBytes = 64 * 2 ** 20;
  await using site = await openSite({ maxUploadBytes });
  const { ghost } = await site.settled("media");
  const block = new Uint8Array(2 ** 20).fill(7);
  const before = process.memoryUsage.rss();
  const answer = await ghost.fetch("POST", "/_matrix/media/v3/upload", {
    raw: new Blob(Array.from({ length: 48 }, () => block)),
  });
  const { content_uri: mxc } = (await answer.json()) as { content_uri: string };
  const response = await ghost.download(mxc);
  let size = 0;
  for await (const chunk of Readable.fromWeb(response.body as never)) {
    size += (chunk as Uint8Array).byteLength;
  }
  expect(size).toBe(48 * 2 ** 20);
  expect(process.memoryUsage.rss() - before).toBeLessThan(256 * 2 ** 20);
});

test("an upload that breaks off leaves no media", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "broken-upload-"));
  const snapshotFile = path.join(folder, "world.json");
  await using site = await openSite({ snapshotFile });
  const { ghost } = await site.settled("broken");
  const gone = new AbortController();
  const body = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new Uint8Array(1_000));
    },
    pull: () => {
      gone.abort();
    },
  });
  const { baseUrl } = site.server;
  const upload = fetch(`${baseUrl}/_matrix/media/v3/upload?user_id=${ghost.userId}`, {
    method: "POST",
    headers: { authorization: "Bearer as-token", "content-length": "2000" },
    body,
    duplex: "half",
    signal: gone.signal,
  });
  await expect(upload).rejects.toThrow();
  await site.server.stop();
  expect(await readdir(`${snapshotFile}.media`).catch(() => [])).toEqual([]);
  await rm(folder, { recursive: true });
});
