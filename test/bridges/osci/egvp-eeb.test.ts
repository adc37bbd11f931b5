import { describe, expect, it } from "vitest";
import { readEgvp, reviewEgvp, writeEgvp } from "../../../bridges/osci/egvp/index.ts";
import type { Message } from "../../../src/model/message.ts";
import { actOf, courtLetter, datasetOf, documentOf, fileOf, LIMITS } from "./egvp-letters.ts";
import { PARTIES, pathsOf, SENT } from "./egvp-letters.ts";
import { COURT, deliveryOf } from "./egvp-support.ts";

const ROOT = "/nachricht.eeb.zuruecklaufend.2200007";
const masked = (bytes: Buffer) =>
  pathsOf(bytes).map((row) => row.replace(/(eigene\w+ID)=.*/, "$1=<uuid>").replace(ROOT, ""));
const answer = async (name: string, choice: string, argument?: string) =>
  writeEgvp(actOf(choice, argument), PARTIES, await courtLetter(name), SENT);

describe("a receipt is written as the demand was", () => {
  it("2.4", async () => {
    const rows = masked(datasetOf(await answer("court-xjustiz-24", "abgeben", "2026-12-02")));
    expect(rows).toEqual([
      "@schemaLocation=http://www.xjustiz.de xjustiz_2200_eeb_2_2.xsd",
      "/nachrichtenkopf/aktenzeichen.absender=22-114-B19 SB/jaw",
      "/nachrichtenkopf/aktenzeichen.empfaenger=12 C 34/26",
      "/nachrichtenkopf/erstellungszeitpunkt=2026-12-04T10:00:00.000Z",
      "/nachrichtenkopf/absender_Sonstige=Stadt Größe & Rechtsamt",
      "/nachrichtenkopf/empfaenger_Gericht@listVersionID=2.6",
      "/nachrichtenkopf/empfaenger_Gericht/code=X1234",
      "/nachrichtenkopf/eigene_Nachrichten_ID=<uuid>",
      "/nachrichtenkopf/fremde_Nachrichten_ID=F9D36902-B60A-4A38-AA40-000000000024",
      "/grunddaten@xjustizVersion=2.4.0",
      "/fachdaten/empfangsbestaetigung=2026-12-02",
    ]);
  });
  it("3.5", async () => {
    const rows = masked(
      datasetOf(await answer("court-xjustiz-35", "ablehnen", "2: Seite 3 fehlt")),
    );
    expect(rows).toEqual([
      "@schemaLocation=http://www.xjustiz.de xjustiz_2200_eeb_3_1.xsd",
      "/nachrichtenkopf@xjustizVersion=3.5.1",
      "/nachrichtenkopf/aktenzeichen.absender=III-2/2026 Rö",
      "/nachrichtenkopf/aktenzeichen.empfaenger=12 C 34/26",
      "/nachrichtenkopf/erstellungszeitpunkt=2026-12-04T10:00:00.000Z",
      "/nachrichtenkopf/auswahl_absender/absender.sonstige=Stadt Größe, Rechtsamt",
      "/nachrichtenkopf/auswahl_empfaenger/empfaenger.gericht@listVersionID=3.6",
      "/nachrichtenkopf/auswahl_empfaenger/empfaenger.gericht/code=X1234",
      "/nachrichtenkopf/eigeneNachrichtenID=<uuid>",
      "/nachrichtenkopf/fremdeNachrichtenID=F9D36902-B60A-4A38-AA40-000000000035",
      "/fachdaten/stoerungsmeldung/stoerungsID@listVersionID=2.1",
      "/fachdaten/stoerungsmeldung/stoerungsID/code=2",
      "/fachdaten/stoerungsmeldung/stoerungsGrund=Seite 3 fehlt",
    ]);
  });
  it("3.6", async () => {
    const rows = masked(datasetOf(await answer("court-xjustiz-36", "abgeben")));
    expect(rows).toEqual([
      "@schemaLocation=http://www.xjustiz.de xjustiz_2200_eeb_3_1.xsd",
      "/nachrichtenkopf@xjustizVersion=3.6.2",
      "/nachrichtenkopf/erstellungszeitpunkt=2026-12-04T10:00:00.000Z",
      "/nachrichtenkopf/absender/informationen/auswahl_kommunikationspartner/sonstige=Stadt Größe",
      "/nachrichtenkopf/absender/aktenzeichen=III-2/2026",
      "/nachrichtenkopf/absender/eigeneNachrichtenID=<uuid>",
      "/nachrichtenkopf/empfaenger/informationen/auswahl_kommunikationspartner/gericht@listVersionID=3.8",
      "/nachrichtenkopf/empfaenger/informationen/auswahl_kommunikationspartner/gericht/code=X1234",
      "/nachrichtenkopf/empfaenger/auswahl_aktenzeichen/aktenzeichen.freitext=7 K 8/26",
      "/nachrichtenkopf/empfaenger/fremdeNachrichtenID=f9d36902-b60a-4a38-aa40-000000000036",
      "/nachrichtenkopf/herstellerinformation/nameDesProdukts=postfach-bridge",
      "/nachrichtenkopf/herstellerinformation/herstellerDesProdukts=Postfachbrücke",
      "/nachrichtenkopf/herstellerinformation/version=egvp-2026",
      "/fachdaten/empfangsbestaetigung=2026-12-04",
    ]);
  });
  it("is a letter of its own: type, subject, numbers, nothing of the command", async () => {
    const outgoing = await answer("court-xjustiz-35", "abgeben", "2026-12-02");
    expect(outgoing.kind).toBe("Allgemeine Nachricht");
    expect(outgoing.references.answers).toEqual(["f9d36902-b60a-4a38-aa40-000000000035"]);
    expect(pathsOf(documentOf(outgoing, "nachricht.xml"))).toEqual(
      expect.arrayContaining(["/Nachricht/Betreff=EB zu: 12 C 34/26"]),
    );
    expect(documentOf(outgoing, "nachricht.xml").toString()).not.toContain("!eeb");
    expect(outgoing.containers.flatMap(({ files }) => files)).toHaveLength(1);
  });
  it("is the same at every attempt", async () => {
    const [first, again] = [
      await answer("court-xjustiz-35", "abgeben"),
      await answer("court-xjustiz-35", "abgeben"),
    ];
    expect(again).toEqual(first);
  });
  it("is read by the other side as what it is", async () => {
    const outgoing = await answer("court-xjustiz-24", "ablehnen", "nicht unser Mandant");
    const { letter, references } = await readEgvp(
      deliveryOf({ files: [["xjustiz_nachricht.xml", datasetOf(outgoing)]] }),
    );
    expect(references.answers).toEqual(["f9d36902-b60a-4a38-aa40-000000000024"]);
    expect(letter.details).toContainEqual({
      label: "Empfangsbekenntnis",
      value: "abgelehnt: Zustellungsempfänger nicht am Verfahren beteiligt: nicht unser Mandant",
    });
  });
});

describe("a receipt that cannot be given", () => {
  const refuse = async (act: Message, more: Partial<Message> = {}) => {
    const answered = { ...(await courtLetter("court-xjustiz-35")), ...more };
    const refusal = reviewEgvp(act, LIMITS, answered);
    expect(() => writeEgvp(act, PARTIES, answered, SENT)).toThrow(
      expect.objectContaining({ fault: "permanent", code: refusal?.code }),
    );
    return refusal;
  };
  it.each([
    ["tomorrow", "abgeben", "2026-12-05", "liegt in der Zukunft"],
    ["before the deposit", "abgeben", "2026-11-30", "vor dem Eingang des Schreibens am 01.12.2026"],
    ["no calendar day", "abgeben", "2026-02-30", "muss ein Datum der Form"],
    ["the German form", "abgeben", "02.12.2026", "muss ein Datum der Form"],
    ["no reason", "ablehnen", " ", "braucht einen Grund"],
    ["too long a reason", "ablehnen", "x".repeat(1_001), "zu lang"],
    ["an unknown choice", "vielleicht", undefined, "Möglich sind"],
  ])("%s", async (_name, choice, argument, notice) => {
    expect((await refuse(actOf(choice, argument)))?.notice).toContain(notice);
  });
  it("the days of deposit and act themselves are fine, by German time", async () => {
    const answered = await courtLetter("court-xjustiz-35");
    const late = { sentAt: new Date("2026-12-04T23:30:00Z") }; // 5 December in Germany
    for (const day of ["2026-12-01", "2026-12-05"])
      expect(reviewEgvp(actOf("abgeben", day, late), LIMITS, answered)).toBe(undefined);
  });
  it("with files", async () => {
    const refusal = await refuse(actOf("abgeben", undefined, { attachments: [fileOf("a.pdf")] }));
    expect(refusal?.notice).toContain("keine Anlagen");
  });
  it("to a letter that asks for none", async () => {
    const refusal = await refuse(actOf("abgeben"), {
      request: { name: "anders", title: "Anderes", choices: [] },
    });
    expect(refusal?.code).toBe("REPLY_NOT_POSSIBLE");
  });
  it("to a demand that carries too little", async () => {
    expect((await refuse(actOf("abgeben"), { extra: {} }))?.code).toBe("REPLY_NOT_POSSIBLE");
  });
  it("to anybody but who asked", async () => {
    const refusal = await refuse(actOf("abgeben"), { from: { address: "DE.Justiz.other" } });
    expect(refusal?.code).toBe("ROUTING_INVALID");
    expect(COURT).not.toBe("DE.Justiz.other");
  });
  it("to nothing at all", () => {
    const { inReplyTo: _gone, ...loose } = actOf("abgeben");
    expect(reviewEgvp(loose, LIMITS)?.code).toBe("REPLY_NOT_POSSIBLE");
    expect(() => writeEgvp(actOf("abgeben"), PARTIES, undefined, SENT)).toThrow(
      expect.objectContaining({ code: "REPLY_NOT_POSSIBLE" }),
    );
  });
  it("with a character that cannot be written", () => {
    expect(reviewEgvp(actOf("ablehnen", "a\u0001"), LIMITS)?.code).toBe("CONTENT_REJECTED");
  });
  it.each([
    ["3 Signatur kaputt", "3", "Signatur kaputt"],
    ["3", "3", undefined],
    ["2. Fassung fehlt", "2", "Fassung fehlt"],
    ["4: unbekannte Ziffer", "1", "4: unbekannte Ziffer"],
    ["30 Seiten fehlen", "1", "30 Seiten fehlen"],
  ])("a reason %j is code %s", async (argument, code, reason) => {
    const rows = masked(datasetOf(await answer("court-xjustiz-35", "ablehnen", argument)));
    const outcome = rows.filter((row) => row.includes("stoerungs") && !row.includes("@"));
    const at = "/fachdaten/stoerungsmeldung/stoerungs";
    expect(outcome).toEqual([
      `${at}ID/code=${code}`,
      ...(reason === undefined ? [] : [`${at}Grund=${reason}`]),
    ]);
  });
});
