import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { LETTER_BLOCK } from "../../src/matrix/event-letter.ts";
import { ATTACHMENT_BLOCK, MESSAGE_BLOCK } from "../../src/matrix/letter-events.ts";
import type { MatrixClient } from "../support/matrix-client.ts";
import { SERVER, eventually } from "./matrix-harness.ts";
import { enterRoom, lettersIn, say, statusBecomes } from "./matrix-people.ts";
import { homeserver, replaceHomeserver, start, useHomeserver, world } from "./matrix-site.ts";

useHomeserver();
let erika: MatrixClient;
beforeEach(async () => {
  erika = homeserver.registerUser("erika");
  await start();
});

const sendsOf = (requests: readonly string[]) => requests.filter((line) => line.includes("/send/"));

describe("letters of the legacy side", () => {
  it("stands in one room, by the authority's ghost, at its own time", async () => {
    const id = await world.fromLegacy({});
    const { remoteId } = await world.settled(id);
    const roomId = await enterRoom(erika);
    const event = await erika.event(roomId, remoteId ?? "");
    expect(event.sender).toMatch(/^@_postfach_sample_[a-z2-7]{26}:hs\.test$/);
    expect(event.origin_server_ts).toBe(Date.parse("2026-03-02T09:00:00.000Z"));
    expect(event.content).toMatchObject({ msgtype: "m.text", [MESSAGE_BLOCK]: { message_id: id } });
    expect((await erika.state(roomId, "m.room.name"))?.["name"]).toBe("Bescheid");
    const member = await erika.state(roomId, "m.room.member", event.sender);
    expect(member?.["displayname"]).toBe("Bauamt Musterstadt");
  });

  it("keeps their order, costs one request each, and always names the ghost's device", async () => {
    await world.settled(await world.fromLegacy({}));
    const before = world.requests.length;
    const ids: string[] = [];
    for (let n = 0; n < 30; n += 1) ids.push(await world.fromLegacy({ text: `Nummer ${n}` }));
    for (const id of ids) await world.settled(id);
    const requests = world.requests.slice(before);
    expect(requests).toHaveLength(30);
    expect(sendsOf(requests)).toHaveLength(30);
    for (const line of sendsOf(world.requests)) expect(line).toMatch(/[?&]device_id=POSTFACH(&|$)/);
    const roomId = await enterRoom(erika);
    const bodies = (await lettersIn(erika, roomId)).slice(1);
    expect(bodies).toEqual(ids.map((_id, n) => `Bescheid\n\nNummer ${n}`));
  });

  it("carries 5 MB through, byte for byte, with digest and reference to the letter", async () => {
    const bytes = randomBytes(5_000_000);
    const blob = await world.blobs.put(Readable.from([bytes]), 10_000_000);
    const attachments = [{ name: "Bescheid.pdf", mediaType: "application/pdf", blob }];
    const { remoteId } = await world.settled(await world.fromLegacy({ attachments }));
    const roomId = await enterRoom(erika);
    const file = (await erika.timeline(roomId)).find((event) => ATTACHMENT_BLOCK in event.content);
    expect(file?.content).toMatchObject({
      msgtype: "m.file",
      filename: "Bescheid.pdf",
      info: { size: 5_000_000, mimetype: "application/pdf" },
      "m.relates_to": { rel_type: "m.reference", event_id: remoteId },
      [ATTACHMENT_BLOCK]: { sha256: blob.digest.slice(7) },
    });
    const download = await erika.download(String(file?.content["url"]));
    const received = Buffer.from(await download.arrayBuffer());
    expect(received.equals(bytes)).toBe(true);
  });

  it("shows a letter that is too long for an event whole, as a file", async () => {
    const text = "Sehr lange Begründung. ".repeat(10_000);
    await world.settled(await world.fromLegacy({ text }));
    const roomId = await enterRoom(erika);
    const events = await erika.timeline(roomId);
    const file = events.find((event) => event.content["filename"] === "Schreiben.txt");
    const received = await (await erika.download(String(file?.content["url"]))).text();
    expect(received).toBe(text);
    expect((await lettersIn(erika, roomId))[0]).toContain("Auszug");
  });

  it("is not delivered when its attachment is larger than the homeserver takes, and leaves no half letter", async () => {
    const blob = await world.blobs.put(Readable.from([Buffer.alloc(52_500_000)]), 60_000_000);
    const attachments = [{ name: "gross.bin", mediaType: "application/octet-stream", blob }];
    const id = await world.fromLegacy({ attachments });
    expect(await world.settled(id, "failed")).toMatchObject({ code: "ATTACHMENT_REJECTED" });
    const roomId = await enterRoom(erika);
    expect(await lettersIn(erika, roomId)).toEqual([]);
    const told = await eventually(() =>
      world.legacy.told.find((one) => one.receipt.kind === "not-delivered"),
    );
    expect(told.receipt.notice).toBe("Eine Anlage wird vom Empfangssystem nicht angenommen.");
  });
});

describe("letters written in Matrix", () => {
  let roomId: string;
  let first: string;
  beforeEach(async () => {
    first = await world.fromLegacy({ level: 2, case: { reference: "AZ-7" } });
    await world.settled(first);
    roomId = await enterRoom(erika);
  });
  const nextLetter = () => eventually(() => world.legacy.letters[0]);

  it("answer the letter they relate to, and show their status by one notice that is edited", async () => {
    const { remoteId } = await world.letter(first);
    let deliver: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (deliver = resolve));
    world.legacy.behave = () => held;
    const written = await say(erika, roomId, {
      msgtype: "m.text",
      body: "Vielen Dank",
      "m.relates_to": { "m.in_reply_to": { event_id: remoteId } },
    });
    const accepted = await statusBecomes(erika, roomId, written, "submission-accepted");
    expect(accepted.text).toBe("Angenommen – wird übermittelt");
    deliver();
    expect(await nextLetter()).toMatchObject({
      sourceId: written,
      subject: "Re: Bescheid",
      text: "Vielen Dank",
      inReplyTo: first,
      level: 2,
      case: { reference: "AZ-7" },
      from: { address: "mailbox-1", name: "Erika Beispiel" },
      to: [{ address: "authority-7" }],
      extra: { "matrix.sender": `@erika:${SERVER}`, "matrix.room": roomId },
    });
    const delivered = await statusBecomes(erika, roomId, written, "delivered");
    expect(delivered.text).toMatch(
      /^Zugestellt in das Postfach am \d\d\.\d\d\.\d{4}, \d\d:\d\d Uhr$/,
    );
    expect(delivered.events).toHaveLength(2);
    expect(delivered.events[1]?.content["m.relates_to"]).toEqual({
      rel_type: "m.replace",
      event_id: delivered.events[0]?.event_id,
    });
  });

  it("keep what was written as evidence", async () => {
    const written = await say(erika, roomId, { msgtype: "m.text", body: "Beweis" });
    const { original } = await nextLetter();
    const kept = original && world.blobs.all.get(original.digest)?.toString();
    expect(JSON.parse(kept ?? "{}")).toMatchObject({
      event_id: written,
      content: { body: "Beweis" },
    });
  });

  it("carry 5 MB and a caption through", async () => {
    const bytes = randomBytes(5_000_000);
    const url = await erika.upload(bytes, "application/pdf");
    const file = { msgtype: "m.file", filename: "Nachweis.pdf", body: "Hier der Nachweis", url };
    await say(erika, roomId, { ...file, info: { mimetype: "application/pdf" } });
    const letter = await nextLetter();
    expect(letter.text).toBe("Hier der Nachweis");
    const [attachment] = letter.attachments;
    expect(attachment).toMatchObject({ name: "Nachweis.pdf", mediaType: "application/pdf" });
    expect(attachment?.blob).toEqual({
      digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
      size: 5_000_000,
    });
  });

  it("may hold several attachments in a structured block", async () => {
    const urls = [await erika.upload(Buffer.from("eins"), "text/plain")];
    urls.push(await erika.upload(Buffer.from("zwei"), "text/plain"));
    const attachments = urls.map((url, n) => ({ url, name: `${n}.txt`, mimetype: "text/plain" }));
    await say(erika, roomId, {
      msgtype: "m.text",
      body: "Zwei Anlagen",
      [LETTER_BLOCK]: { subject: "Nachreichung", level: 3, attachments },
    });
    const letter = await nextLetter();
    expect(letter).toMatchObject({ subject: "Nachreichung", level: 3 });
    expect(letter.attachments.map(({ name, blob }) => [name, blob.size])).toEqual([
      ["0.txt", 4],
      ["1.txt", 4],
    ]);
  });

  it("become a new letter that corrects the first one when they are edited", async () => {
    const written = await say(erika, roomId, { msgtype: "m.text", body: "Ich komme um 9" });
    await statusBecomes(erika, roomId, written, "delivered");
    const edit = await say(erika, roomId, {
      msgtype: "m.text",
      body: "* Ich komme um 10",
      "m.new_content": { msgtype: "m.text", body: "Ich komme um 10" },
      "m.relates_to": { rel_type: "m.replace", event_id: written },
    });
    await statusBecomes(erika, roomId, edit, "delivered");
    const [before, after] = world.legacy.letters;
    expect(after).toMatchObject({
      sourceId: edit,
      subject: "Korrektur zu: Bescheid",
      text: "Ich komme um 10",
      inReplyTo: before?.id,
    });
  });

  it.each<[string, string, Record<string, unknown>]>([
    [
      "CONTENT_UNSUPPORTED",
      "m.room.message",
      { msgtype: "m.location", body: "x", geo_uri: "geo:1,1" },
    ],
    ["CONTENT_UNSUPPORTED", "m.room.message", { msgtype: "m.emote", body: "winkt" }],
    ["CONTENT_UNSUPPORTED", "m.sticker", { body: "x", url: "mxc://hs.test/x", info: {} }],
    [
      "CONTENT_ENCRYPTED",
      "m.room.encrypted",
      { algorithm: "m.megolm.v1.aes-sha2", ciphertext: "x" },
    ],
    [
      "ATTACHMENT_MISSING",
      "m.room.message",
      { msgtype: "m.file", body: "x", url: "mxc://hs.test/gone" },
    ],
    [
      "LETTER_INVALID",
      "m.room.message",
      { msgtype: "m.text", body: "x", [LETTER_BLOCK]: { level: 7 } },
    ],
  ])("are refused with %s where everybody sees it (%s %j)", async (code, type, content) => {
    const written = await erika.send(roomId, type, content);
    const shown = await statusBecomes(erika, roomId, written, "submission-rejected");
    expect(shown.code).toBe(code);
    expect(shown.text).toMatch(/^Nicht angenommen: .{10,}\.$/);
    expect(world.legacy.letters).toEqual([]);
    const after = await say(erika, roomId, { msgtype: "m.text", body: "Und weiter" });
    await statusBecomes(erika, roomId, after, "delivered");
  });

  it("are refused when an attachment has another digest than promised", async () => {
    const url = await erika.upload(Buffer.from("echt"), "text/plain");
    const attachments = [{ url, name: "a.txt", sha256: "0".repeat(64) }];
    const written = await say(erika, roomId, {
      msgtype: "m.text",
      body: "x",
      [LETTER_BLOCK]: { attachments },
    });
    expect((await statusBecomes(erika, roomId, written, "submission-rejected")).code).toBe(
      "ATTACHMENT_REJECTED",
    );
  });

  it("wait while media is out of reach, and then arrive once", async () => {
    const url = await erika.upload(Buffer.from("später"), "text/plain");
    homeserver.faults.add({
      path: "/media/download",
      times: 3,
      action: { kind: "status", status: 502 },
    });
    await say(erika, roomId, { msgtype: "m.file", body: "a.txt", url });
    await say(erika, roomId, { msgtype: "m.text", body: "danach" });
    await eventually(() => world.legacy.letters.length === 2);
    expect(world.legacy.letters.map((letter) => letter.text ?? "Datei")).toEqual([
      "Datei",
      "danach",
    ]);
  });

  it("are refused in a conversation that may not be answered", async () => {
    await world.settled(await world.fromLegacy({ replyPolicy: "forbidden" }));
    const written = await say(erika, roomId, { msgtype: "m.text", body: "Doch!" });
    const shown = await statusBecomes(erika, roomId, written, "submission-rejected");
    expect(shown.code).toBe("REPLY_NOT_POSSIBLE");
  });

  it("of programs and of other bridges are ignored without an answer", async () => {
    const { remoteId } = await world.letter(first);
    await say(erika, roomId, { msgtype: "m.notice", body: "ich bin ein Programm" });
    await erika.send(roomId, "m.reaction", {
      "m.relates_to": { rel_type: "m.annotation", event_id: remoteId, key: "👍" },
    });
    const last = await say(erika, roomId, { msgtype: "m.text", body: "Mensch" });
    await statusBecomes(erika, roomId, last, "delivered");
    expect(world.legacy.letters.map((letter) => letter.text)).toEqual(["Mensch"]);
  });

  it("are refused when they are edits and the configuration wants none", async () => {
    await replaceHomeserver();
    erika = homeserver.registerUser("erika");
    await start({ homeserver: { edits: "refuse" } });
    await world.settled(await world.fromLegacy({}));
    roomId = await enterRoom(erika);
    const written = await say(erika, roomId, { msgtype: "m.text", body: "Ich komme um 9" });
    await statusBecomes(erika, roomId, written, "delivered");
    const edit = await say(erika, roomId, {
      msgtype: "m.text",
      body: "* Ich komme um 10",
      "m.new_content": { msgtype: "m.text", body: "Ich komme um 10" },
      "m.relates_to": { rel_type: "m.replace", event_id: written },
    });
    expect((await statusBecomes(erika, roomId, edit, "submission-rejected")).code).toBe(
      "EDIT_REFUSED",
    );
    expect(world.legacy.letters).toHaveLength(1);
  });
});
