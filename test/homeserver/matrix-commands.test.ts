import { describe, expect, it } from "vitest";
import { Court } from "./matrix-court.ts";
import { SERVER } from "./matrix-harness.ts";
import { enterRoom, statusBecomes } from "./matrix-people.ts";

const court = new Court();

describe("what is no act", () => {
  it.each([
    ["a misspelt name", "!ebe abgeben 21.11.2026", "nicht bekannt"],
    ["a misspelt choice", "!eeb abgebn 21.11.2026", "„!eeb abgebn“ ist hier kein Befehl"],
    ["no choice", "!eeb", "unvollständig"],
    ["no date", "!eeb abgeben", "Es fehlt die Angabe „Datum“"],
    ["the placeholder", "!eeb ablehnen Grund…", "Es fehlt die Angabe „Grund“"],
    ["a day that does not exist", "!eeb abgeben 31.02.2026", "ist kein Datum"],
    ["more words", "!eeb abgeben 21.11.2026 danke", "ist kein Datum"],
    ["any other exclamation", "! Achtung", "nicht bekannt"],
    ["a command without its sign", "eeb abgeben 21.11.2026", "Meinten Sie „!eeb abgeben …“?"],
  ])("%s is answered and leaves as nothing", async (_what, body, answer) => {
    await court.begin();
    const shown = await court.refused(court.anna, await court.type(court.anna, body));
    expect(shown).toMatchObject({ code: "ACT_INVALID" });
    expect(shown.text).toContain(answer);
    if (body.startsWith("!")) expect(shown.text).toContain("\n  !eeb abgeben TT.MM.JJJJ");
    expect(court.world.legacy.letters).toEqual([]);
  });

  it("a stranger's command is refused, whatever it says", async () => {
    await court.begin();
    const mallory = court.homeserver.registerUser("mallory");
    await court.homeserver
      .clientFor(`@_postfach_keeper:${SERVER}`)
      .invite(court.roomId, mallory.userId);
    await mallory.join(court.roomId);
    const shown = await court.refused(
      mallory,
      await court.type(mallory, "!eeb abgeben 21.11.2026"),
    );
    expect(shown).toMatchObject({ code: "SENDER_NOT_ALLOWED" });
    expect(shown.text).not.toContain("!eeb");
    const event = await court.type(court.anna, "!eeb abgeben 21.11.2026");
    await statusBecomes(court.anna, court.roomId, event, "delivered");
    expect(court.acts()).toHaveLength(1);
  });

  it("several open letters: never a guess, but a reply decides", async () => {
    const first = await court.begin();
    const second = await court.ask({ subject: "Zweite Ladung" });
    const shown = await court.refused(
      court.anna,
      await court.type(court.anna, "!eeb abgeben 21.11.2026"),
    );
    expect(shown.text).toContain("Empfangsbekenntnis zu „Ladung“ vom 02.03.2026");
    expect(shown.text).toContain("Empfangsbekenntnis zu „Zweite Ladung“ vom 02.03.2026");
    const event = await court.type(
      court.anna,
      "!eeb abgeben 21.11.2026",
      await court.replyTo(second),
    );
    await statusBecomes(court.anna, court.roomId, event, "delivered");
    expect(court.acts()).toMatchObject([{ inReplyTo: second }]);
    // Now only one is left.
    const other = await court.type(court.anna, "!eeb abgeben 21.11.2026");
    await statusBecomes(court.anna, court.roomId, other, "delivered");
    expect(court.acts()).toMatchObject([{ inReplyTo: second }, { inReplyTo: first }]);
  });

  it("a reply to a letter that asks for nothing is refused, a reply to a notice is not", async () => {
    await court.begin();
    const plain = await court.write({});
    const wrong = await court.type(
      court.anna,
      "!eeb abgeben 21.11.2026",
      await court.replyTo(plain),
    );
    const shown = await court.refused(court.anna, wrong);
    expect(shown.text).toContain("erbittet diese Erklärung nicht");
    const notice = shown.events[0]?.event_id;
    const relation = { "m.relates_to": { "m.in_reply_to": { event_id: notice } } };
    const right = await court.type(court.anna, "!eeb abgeben 21.11.2026", relation);
    await statusBecomes(court.anna, court.roomId, right, "delivered");
    const own = { "m.relates_to": { "m.in_reply_to": { event_id: wrong } } };
    const again = await court.type(court.anna, "!eeb abgeben 21.11.2026", own);
    expect(await court.refused(court.anna, again)).toMatchObject({ code: "ACT_REPEATED" });
  });

  it("in a room in which nothing was ever asked for it stays a letter", async () => {
    await court.open();
    const id = await court.world.fromLegacy({
      to: [{ address: "bauamt", role: "authority" }],
      from: { address: "mailbox-1", name: "Erika Beispiel", role: "citizen" },
    });
    await court.world.settled(id);
    await court.enter();
    const event = await court.type(court.anna, "!Wichtig: bitte beachten");
    await statusBecomes(court.anna, court.roomId, event, "delivered");
    expect(court.world.legacy.letters[0]).toMatchObject({ text: "!Wichtig: bitte beachten" });
  });

  it("a command of somebody who reads another mailbox of the same conversation is refused", async () => {
    const asked = await court.begin();
    const erika = court.homeserver.registerUser("erika");
    // The conversation goes on with another mailbox: from now on its reader writes in the room, the clerks do not.
    await court.write({ to: [{ address: "mailbox-1", role: "citizen" }] });
    await enterRoom(erika);
    const event = await court.type(erika, "!eeb abgeben 21.11.2026", await court.replyTo(asked));
    expect(await court.refused(erika, event)).toMatchObject({ code: "SENDER_NOT_ALLOWED" });
    expect(court.acts()).toEqual([]);
  });
});
