import { beforeEach, describe, expect, it } from "vitest";
import { MESSAGE_BLOCK } from "../../src/matrix/letter-events.ts";
import type { MatrixClient } from "../support/matrix-client.ts";
import { eventually } from "./matrix-harness.ts";
import type { WorldOptions } from "./matrix-harness.ts";
import { enterRoom, say, statusBecomes } from "./matrix-people.ts";
import { homeserver, start, useHomeserver, world } from "./matrix-site.ts";

useHomeserver();
let erika: MatrixClient;
beforeEach(() => void (erika = homeserver.registerUser("erika")));

async function enter(review?: WorldOptions["review"]): Promise<string> {
  await start(review ? { review } : {});
  await world.settled(await world.fromLegacy({}));
  return enterRoom(erika);
}
const text = (roomId: string, body: string) => say(erika, roomId, { msgtype: "m.text", body });

describe("the bridge's review", () => {
  it("refuses at once, with its reason in the room, and the next letter goes on", async () => {
    const roomId = await enter((letter) => {
      const bad = letter.text?.includes("verboten") ?? false;
      const notice = "Dieses Zeichen nimmt das Postfach nicht an.";
      const refusal = { code: "CONTENT_REJECTED", detail: "character 7", notice } as const;
      return Promise.resolve(bad ? refusal : undefined);
    });
    const bad = await text(roomId, "verboten");
    const shown = await statusBecomes(erika, roomId, bad, "submission-rejected");
    expect(shown).toMatchObject({ code: "CONTENT_REJECTED" });
    expect(shown.text).toBe("Nicht angenommen: Dieses Zeichen nimmt das Postfach nicht an.");
    const good = await text(roomId, "erlaubt");
    await statusBecomes(erika, roomId, good, "delivered");
    expect(world.legacy.letters.map((letter) => letter.text)).toEqual(["erlaubt"]);
  });

  it("that fails loses and blocks nothing", async () => {
    const roomId = await enter(() => {
      throw new Error("broken");
    });
    const event = await text(roomId, "Guten Tag");
    await statusBecomes(erika, roomId, event, "delivered");
    expect(world.legacy.letters).toHaveLength(1);
    expect(world.lines.some((line) => line.event === "review-failed")).toBe(true);
  });
});

describe("without a special client", () => {
  it("details of a letter stand under its text", async () => {
    const roomId = await enter();
    const details = [{ label: "Zugang auf dem Server", value: "02.03.2026, 10:00 Uhr" }];
    const { remoteId } = await world.settled(await world.fromLegacy({ text: "Text", details }));
    const { content } = await erika.event(roomId, remoteId ?? "");
    expect(content["body"]).toBe(
      "Bescheid\n\nText\n\nAngaben zum Schreiben:\n– Zugang auf dem Server: 02.03.2026, 10:00 Uhr",
    );
    expect(content[MESSAGE_BLOCK]).toMatchObject({ details });
  });

  it("subject and file number are written above the text", async () => {
    const roomId = await enter();
    await text(roomId, "Betreff: Widerspruch\nAz.: 7 C 1/26\n\nHiermit lege ich Widerspruch ein.");
    const letter = await eventually(() => world.legacy.letters[0]);
    expect(letter).toMatchObject({
      subject: "Widerspruch",
      text: "Hiermit lege ich Widerspruch ein.",
      case: { reference: "7 C 1/26" },
    });
    await text(roomId, "Betreff: so fing der Satz an\nund ging weiter");
    const second = await eventually(() => world.legacy.letters[1]);
    expect(second).toMatchObject({
      subject: "Re: Bescheid",
      text: "Betreff: so fing der Satz an\nund ging weiter",
    });
  });

  it("the room says how", async () => {
    const roomId = await enter();
    const topic = String((await erika.state(roomId, "m.room.topic"))?.["topic"]);
    expect(topic).toContain("„Betreff: …“");
  });
});
