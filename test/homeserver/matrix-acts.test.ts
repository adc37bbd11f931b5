import { describe, expect, it } from "vitest";
import { ACTION_BLOCK } from "../../src/matrix/event-letter.ts";
import { MESSAGE_BLOCK } from "../../src/matrix/letter-events.ts";
import { STATUS_BLOCK } from "../../src/matrix/status-block.ts";
import { DeliveryError } from "../../src/model/errors.ts";
import { Court, REQUEST } from "./matrix-court.ts";
import { SERVER, eventually } from "./matrix-harness.ts";
import { statusBecomes } from "./matrix-people.ts";

const court = new Court();

describe("a letter that asks for an act", () => {
  it("says what, until when and how, and as a block", async () => {
    const id = await court.begin();
    const { content } = await court.anna.event(court.roomId, await court.eventOf(id));
    expect(content["body"]).toContain("Erbeten: Empfangsbekenntnis bis 21.11.2099, 23:59 Uhr");
    expect(content["body"]).toContain("!eeb abgeben TT.MM.JJJJ – Empfang bestätigen");
    expect(content["body"]).toContain("!eeb ablehnen Grund… – Empfang ablehnen");
    expect(content[MESSAGE_BLOCK]).toMatchObject({
      request: { name: "eeb", deadline: "2099-11-21T22:59:00.000Z", choices: [{}, {}] },
    });
  });

  it("is answered by a typed command, as a letter of its own, and shows by whom and when", async () => {
    const id = await court.begin();
    const event = await court.type(court.anna, "!eeb abgeben 2026-11-21", await court.replyTo(id));
    const shown = await statusBecomes(court.anna, court.roomId, event, "delivered");
    expect(shown.text).toMatch(/^Zugestellt in das Postfach am [\d.]+, [\d:]+ Uhr$/);
    expect(court.acts()).toHaveLength(1);
    expect(court.acts()[0]).toMatchObject({
      sourceId: `act:${id}:eeb`,
      inReplyTo: id,
      subject: "Empfangsbekenntnis: Ladung",
      text: "Empfang bestätigen\nDatum: 21.11.2026",
      action: { name: "eeb", choice: "abgeben", argument: "2026-11-21" },
      from: { address: "bauamt" },
      to: [{ address: "gericht-1" }],
      extra: { "matrix.sender": `@anna:${SERVER}`, "matrix.event": event },
    });
    expect(court.acts()[0]?.original).toBeDefined();
    const asked = await statusBecomes(
      court.anna,
      court.roomId,
      await court.eventOf(id),
      "answered",
    );
    expect(asked.text).toMatch(
      /^Beantwortet: Empfangsbekenntnis – Empfang bestätigen \(Datum: 21\.11\.2026\) – von @anna:hs\.test am \d\d\.\d\d\.\d{4}, /,
    );
    expect(asked.events).toHaveLength(1);
    expect(asked.events[0]?.content[STATUS_BLOCK]).toMatchObject({ by: `@anna:${SERVER}` });
    // A later stage of the act changes its own status and nothing else.
    const before = court.world.requests.length;
    const read = { kind: "retrieved", at: new Date() } as const;
    await court.world.store.addReceipt(court.acts()[0]?.id ?? "", read, new Date());
    await statusBecomes(court.anna, court.roomId, event, "retrieved");
    const sent = court.world.requests.slice(before).filter((line) => line.includes("/send/"));
    expect(sent).toHaveLength(1);
  });

  it("is answered without a reply when it is the only open one, in German date and any case", async () => {
    await court.begin();
    const event = await court.type(court.anna, "  !EEB Abgeben 1.3.2026 ");
    await statusBecomes(court.anna, court.roomId, event, "delivered");
    expect(court.acts()[0]?.action).toEqual({
      name: "eeb",
      choice: "abgeben",
      argument: "2026-03-01",
    });
  });

  it("is answered by the block of a client with buttons", async () => {
    const id = await court.begin();
    const block = { name: "eeb", choice: "ablehnen", argument: "Nicht zuständig", letter: id };
    const event = await court.type(court.anna, "Abgelehnt", { [ACTION_BLOCK]: block });
    await statusBecomes(court.anna, court.roomId, event, "delivered");
    expect(court.acts()[0]).toMatchObject({
      text: "Empfang ablehnen\nGrund: Nicht zuständig",
      action: { choice: "ablehnen", argument: "Nicht zuständig" },
    });
  });

  it("takes a late act, and says that it is late", async () => {
    await court.open();
    const late = { ...REQUEST, deadline: new Date("2026-01-31T22:59:00.000Z") };
    await court.ask({ request: late });
    await court.enter();
    const event = await court.type(court.anna, "!eeb abgeben 30.01.2026");
    const shown = await statusBecomes(court.anna, court.roomId, event, "delivered");
    expect(shown.text).toContain(
      "\nHinweis: Die Frist bis 31.01.2026, 23:59 Uhr war bei der Abgabe abgelaufen.",
    );
    expect(court.acts()).toHaveLength(1);
  });
});

describe("an act never leaves twice", () => {
  it("tells who repeats it, and who says something else, and sends neither", async () => {
    await court.begin();
    const first = await court.type(court.anna, "!eeb abgeben 21.11.2026");
    await statusBecomes(court.anna, court.roomId, first, "delivered");
    const again = await court.refused(
      court.bernd,
      await court.type(court.bernd, "!eeb abgeben 2026-11-21"),
    );
    expect(again).toMatchObject({ code: "ACT_REPEATED" });
    expect(again.text).toMatch(/Bereits erklärt: .*von @anna:hs\.test am .*; übermittelt\./);
    const other = await court.refused(
      court.bernd,
      await court.type(court.bernd, "!eeb abgeben 2026-11-22"),
    );
    expect(other).toMatchObject({ code: "ACT_CONFLICT" });
    expect(other.text).toContain("Ihre neue Angabe wurde nicht übermittelt.");
    expect(court.world.legacy.letters).toHaveLength(1);
    expect(await court.world.store.listQuarantine({ limit: 10 })).toEqual([]);
  });

  it("stays one when two clerks act at the same moment and the first is still under way", async () => {
    await court.begin();
    let deliver: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (deliver = resolve));
    court.world.legacy.behave = () => held;
    const events = await Promise.all([
      court.type(court.anna, "!eeb abgeben 21.11.2026"),
      court.type(court.bernd, "!eeb ablehnen Nicht zuständig"),
    ]);
    const states = async () => {
      const letters = await court.world.store.listMessages({ origin: "matrix", limit: 10 });
      return letters.map((one) => one.state).sort();
    };
    await eventually(async () => (await states()).join() === "rejected,sending");
    deliver();
    await eventually(async () => (await states()).join() === "delivered,rejected");
    expect(court.acts()).toHaveLength(1);
    const winner = court.acts()[0]?.extra?.["matrix.event"] ?? "";
    expect(events).toContain(winner);
    const loser = events.find((event) => event !== winner) ?? "";
    expect(await court.refused(court.anna, loser)).toMatchObject({ code: "ACT_CONFLICT" });
  });

  it("stays one after a restart, and when the same event comes once more", async () => {
    const id = await court.begin();
    const event = await court.type(court.anna, "!eeb abgeben 21.11.2026");
    await statusBecomes(court.anna, court.roomId, event, "delivered");
    await court.world.restart();
    // A second request is open now: the old event must not become its act.
    const second = await court.ask({ subject: "Zweite Ladung" });
    const raw = JSON.stringify({
      ...(await court.anna.event(court.roomId, event)),
      room_id: court.roomId,
    });
    const stored = { eventId: event, roomId: court.roomId, lane: "-", raw, seq: 0, attempts: 0 };
    const result = await court.world.matrix.takeEvent(
      { ...stored, recordedAt: new Date() },
      AbortSignal.timeout(5_000),
    );
    expect(result).toMatchObject({ outcome: "done", detail: "already taken in" });
    expect(await court.world.store.messageBySource("bauamt", `act:${second}:eeb`)).toBeUndefined();
    const again = await court.type(court.bernd, "!eeb abgeben 21.11.2026", await court.replyTo(id));
    expect(await court.refused(court.bernd, again)).toMatchObject({ code: "ACT_REPEATED" });
    expect(court.acts()).toHaveLength(1);
  });

  it("stays one when two nodes take in two commands in the same instant", async () => {
    const id = await court.begin();
    const take = (eventId: string, sender: string, body: string) => {
      const event = { event_id: eventId, room_id: court.roomId, sender, type: "m.room.message" };
      const raw = JSON.stringify({ ...event, content: { msgtype: "m.text", body } });
      const stored = { eventId, roomId: court.roomId, lane: "-", raw, seq: 0, attempts: 0 };
      const signal = AbortSignal.timeout(5_000);
      return court.world.matrix.takeEvent({ ...stored, recordedAt: new Date() }, signal);
    };
    const anna = take("$a", court.anna.userId, "!eeb abgeben 21.11.2026");
    const bernd = take("$b", court.bernd.userId, "!eeb abgeben 22.11.2026");
    const same = take("$c", court.bernd.userId, "!eeb abgeben 2026-11-21");
    const twice = [anna, bernd, same, take("$a", court.anna.userId, "!eeb abgeben 21.11.2026")];
    for (const result of await Promise.all(twice))
      expect(result).toMatchObject({ outcome: "done" });
    await eventually(() => court.acts().length > 0);
    const letters = await court.world.store.listMessages({ origin: "matrix", limit: 10 });
    const given = letters.filter((one) => one.message.sourceId.startsWith("act:"));
    expect(given.map((one) => one.message.sourceId)).toEqual([`act:${id}:eeb`]);
    expect(letters).toHaveLength(3);
    const codes = letters.filter((one) => one.state === "rejected").map((one) => one.code);
    expect(codes).toHaveLength(2);
    for (const code of codes) expect(["ACT_CONFLICT", "ACT_REPEATED"]).toContain(code);
    expect(court.acts()).toHaveLength(1);
  });

  it("is not changed by an edit, and its author is told", async () => {
    await court.begin();
    const event = await court.type(court.anna, "!eeb abgeben 21.11.2026");
    await statusBecomes(court.anna, court.roomId, event, "delivered");
    const edit = await court.type(court.anna, "* !eeb abgeben 20.11.2026", {
      "m.new_content": { msgtype: "m.text", body: "!eeb abgeben 20.11.2026" },
      "m.relates_to": { rel_type: "m.replace", event_id: event },
    });
    expect(await court.refused(court.anna, edit)).toMatchObject({ code: "EDIT_REFUSED" });
    expect(court.world.legacy.letters).toHaveLength(1);
  });

  it("stays when its command is removed from the room, and can be replied to", async () => {
    await court.begin({ homeserver: { roomVersion: "12" } });
    const event = await court.type(court.anna, "!eeb abgeben 21.11.2026");
    await statusBecomes(court.anna, court.roomId, event, "delivered");
    const act = court.acts()[0]?.id ?? "";
    const reply = { "m.relates_to": { "m.in_reply_to": { event_id: event } } };
    const answer = await court.write({ inReplyTo: act });
    const { content } = await court.anna.event(court.roomId, await court.eventOf(answer));
    expect(content["m.relates_to"]).toEqual(reply["m.relates_to"]);
    const letter = await court.type(court.anna, "Nachtrag zum Empfangsbekenntnis", reply);
    await statusBecomes(court.anna, court.roomId, letter, "delivered");
    expect(court.world.legacy.letters.at(-1)).toMatchObject({ inReplyTo: act });
    await court.homeserver.clientFor(`@_postfach_keeper:${SERVER}`).redact(court.roomId, event);
    const audit = () => court.world.store.listAudit({ subject: act, limit: 10 });
    await eventually(async () => (await audit()).some((one) => one.action === "matrix.redaction"));
    expect((await court.world.letter(act)).state).toBe("delivered");
  });

  it("may be repeated when it failed for good, with other words, and only then", async () => {
    const id = await court.begin();
    court.world.legacy.behave = () => {
      throw new DeliveryError("permanent", "CONTENT_REJECTED", "refused by the court");
    };
    const first = await court.type(court.anna, "!eeb abgeben 21.11.2026");
    await statusBecomes(court.anna, court.roomId, first, "not-delivered");
    court.world.legacy.behave = () => Promise.resolve();
    const second = await court.type(court.bernd, "!eeb abgeben 20.11.2026");
    await statusBecomes(court.bernd, court.roomId, second, "delivered");
    expect(court.acts()).toMatchObject([
      { sourceId: `act:${id}:eeb:2`, action: { argument: "2026-11-20" } },
    ]);
    const third = await court.type(court.anna, "!eeb abgeben 21.11.2026");
    expect(await court.refused(court.anna, third)).toMatchObject({ code: "ACT_CONFLICT" });
    const asked = await statusBecomes(
      court.anna,
      court.roomId,
      await court.eventOf(id),
      "answered",
    );
    expect(asked.text).toContain("@bernd");
  });

  it("is not used up by an act that the bridge refused", async () => {
    const id = await court.begin({
      review: (letter) => {
        const future = (letter.action?.argument ?? "") > "2026-11-30";
        const notice = "Das Datum liegt in der Zukunft.";
        const refusal = { code: "LETTER_INVALID", detail: "date in the future", notice } as const;
        return Promise.resolve(future ? refusal : undefined);
      },
    });
    const wrong = await court.refused(
      court.anna,
      await court.type(court.anna, "!eeb abgeben 21.12.2026"),
    );
    expect(wrong.text).toBe("Nicht angenommen: Das Datum liegt in der Zukunft.");
    const right = await court.type(court.anna, "!eeb abgeben 21.11.2026");
    await statusBecomes(court.anna, court.roomId, right, "delivered");
    expect(court.acts()).toMatchObject([{ sourceId: `act:${id}:eeb` }]);
  });
});
