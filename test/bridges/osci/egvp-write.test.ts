import { describe, expect, it } from "vitest";
import { writeEgvp } from "../../../bridges/osci/egvp/index.ts";
import { readProperties } from "../../../bridges/osci/egvp/properties.ts";
import { courtLetter, datasetOf, documentOf, fileOf, letterOf } from "./egvp-letters.ts";
import { PARTIES, pathsOf, SENT } from "./egvp-letters.ts";

const write = (
  more: Parameters<typeof letterOf>[0] = {},
  answered?: Awaited<ReturnType<typeof courtLetter>>,
) => writeEgvp(letterOf(more), PARTIES, answered, SENT);
const permanent = (code: string) =>
  expect.objectContaining({ fault: "permanent", code }) as unknown;

describe("a letter", () => {
  it("has both containers and all documents", () => {
    const { containers, customHeaders, kind } = write({ attachments: [fileOf("a.pdf")] });
    expect(containers.map(({ id, documents }) => [id, documents.map((one) => one.id)])).toEqual([
      [
        "project_coco",
        [
          "nachricht.xml",
          "nachricht.xsl",
          "visitenkarte.xml",
          "visitenkarte.xsl",
          "herstellerinformation.xml",
        ],
      ],
      ["govello_coco", ["additional_infos"]],
    ]);
    expect(customHeaders).toEqual([
      {
        namespace: "http://gov.bos-bremen.de/osci/customHeader",
        name: "RequestSignatureMandatory",
      },
    ]);
    expect(kind).toBe("Allgemeine Nachricht");
  });
  it("says in nachricht.xml what its author wrote", () => {
    expect(pathsOf(documentOf(write({ case: { reference: "III-2" } }), "nachricht.xml"))).toEqual([
      "/Nachricht/Nachrichtentyp=Allgemeine Nachricht",
      "/Nachricht/Signaturniveau=no",
      `/Nachricht/Empfaengerkennung=${PARTIES.addressee.safeId}`,
      "/Nachricht/Betreff=Antwort <&> 🏛️",
      "/Nachricht/Aktenzeichen_Absender=III-2",
      "/Nachricht/Freitext=Guten Tag,\n\nanbei.",
    ]);
  });
  it("carries the card of the mailbox", () => {
    const card = pathsOf(documentOf(write(), "visitenkarte.xml"));
    expect(card).toEqual(
      expect.arrayContaining([
        "/Visitenkarte/Organisation=Stadt Größe",
        "/Visitenkarte/Name=Rechtsamt",
        "/Visitenkarte/Ort=Größe",
        "/Visitenkarte/E-Mail=post@groesse.example",
        `/Visitenkarte/Nutzer_ID=${PARTIES.sender.safeId}`,
        "/Visitenkarte/Rollen_ID=egvp_bebpo",
      ]),
    );
  });
  it("repeats the subject in additional_infos", () => {
    expect(Object.fromEntries(readProperties(documentOf(write(), "additional_infos")))).toEqual({
      user_id: PARTIES.sender.safeId,
      signature_level: "no",
      subject: "Antwort <&> 🏛️",
    });
  });
  it("gives files legal names, the same in the delivery and in the dataset", () => {
    const names = [
      "Bescheid über Gebühren.pdf",
      "bescheid_über_gebühren.pdf",
      "Bild",
      "x".repeat(200),
    ];
    const [bescheid, other, image, long] = names.map((name) => fileOf(name));
    const attachments = [
      bescheid,
      other,
      { ...image, mediaType: "image/tiff" },
      long,
    ] as ReturnType<typeof fileOf>[];
    const outgoing = write({ attachments });
    const files = outgoing.containers[0]?.files ?? [];
    const expected = [
      "Bescheid_über_Gebühren.pdf",
      "bescheid_über_gebühren_2.pdf",
      "Bild.tif",
      `${"x".repeat(86)}.pdf`,
    ];
    expect(files.map(({ cid }) => cid)).toEqual([...expected, "xjustiz_nachricht.xml"]);
    expect(files.map(({ contentId }) => contentId)).toEqual(
      [1, 2, 3, 4, 5].map((n) => `content${n}`),
    );
    const listed = pathsOf(datasetOf(outgoing)).filter((row) => row.includes("/dateiname="));
    expect(listed.map((row) => row.split("=")[1])).toEqual(expected);
  });
  it("names its files in an XJustiz dataset of the configured version", () => {
    const rows = pathsOf(
      datasetOf(write({ attachments: [fileOf("a b.pdf")], case: { reference: "III-2" } })),
    );
    const root = "/nachricht.gds.uebermittlungSchriftgutobjekte.0005005";
    const document = `${root}/schriftgutobjekte/dokument`;
    expect(rows.map((row) => row.replace(/=[0-9a-f]{8}-.*/, "=<uuid>"))).toEqual([
      `${root}@schemaLocation=http://www.xjustiz.de xjustiz_0005_nachrichten_3_1.xsd`,
      `${root}/nachrichtenkopf@xjustizVersion=3.5.1`,
      `${root}/nachrichtenkopf/aktenzeichen.absender=III-2`,
      `${root}/nachrichtenkopf/erstellungszeitpunkt=2026-12-04T10:00:00.000Z`,
      `${root}/nachrichtenkopf/auswahl_absender/absender.sonstige=Stadt Größe`,
      `${root}/nachrichtenkopf/auswahl_empfaenger/empfaenger.sonstige=Amtsgericht Musterstadt`,
      `${root}/nachrichtenkopf/eigeneNachrichtenID=<uuid>`,
      `${document}/identifikation/id=<uuid>`,
      `${document}/identifikation/nummerImUebergeordnetenContainer=1`,
      `${document}/xjustiz.fachspezifischeDaten/dokumentklasse@listVersionID=1.4`,
      `${document}/xjustiz.fachspezifischeDaten/dokumentklasse/code=001`,
      `${document}/xjustiz.fachspezifischeDaten/anzeigename=a b.pdf`,
      `${document}/xjustiz.fachspezifischeDaten/datei/dateiname=a_b.pdf`,
      `${document}/xjustiz.fachspezifischeDaten/datei/bestandteil@listVersionID=2.2`,
      `${document}/xjustiz.fachspezifischeDaten/datei/bestandteil/code=001`,
    ]);
  });
  it("sends the author's own dataset untouched and makes none", () => {
    const own = fileOf("XJustiz_Nachricht.xml", "application/xml");
    const { containers, references } = write({ attachments: [own] });
    expect(containers[0]?.files).toEqual([
      {
        contentId: "content1",
        cid: "xjustiz_nachricht.xml",
        mediaType: "application/xml",
        content: own.blob,
      },
    ]);
    expect(references.xjustizId).toBe(undefined);
  });
  it.each(["text/x\r\nX-Y: z", "a>b/c", "", 'text/plain; charset="x"'])(
    "%j is no media type that could get into a header",
    (mediaType) => {
      const { containers } = write({ attachments: [fileOf("a.pdf", mediaType)] });
      expect(containers[0]?.files[0]?.mediaType).toBe("application/octet-stream");
    },
  );
  it("gives every id once", () => {
    const dataset = datasetOf(write({ attachments: [fileOf("a.pdf"), fileOf("b.pdf")] }));
    const ids = pathsOf(dataset).flatMap(
      (row) => /=([0-9a-f]{8}-[0-9a-f-]{27})$/.exec(row)?.[1] ?? [],
    );
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(3);
  });
  it("without files has no dataset", () => {
    expect(write().containers[0]?.files).toEqual([]);
  });
  it("is the same at every attempt, and another for another letter", () => {
    const attachments = [fileOf("a.pdf")];
    expect(write({ attachments })).toEqual(write({ attachments }));
    const ids = [write({ attachments }), write({ attachments, id: "other" })].map(
      ({ references }) => references.xjustizId,
    );
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(ids[1]).not.toBe(ids[0]);
  });
});

describe("an answer", () => {
  it("names the court's file number as the court's, ours as ours, and the message it answers", async () => {
    const answered = await courtLetter("court-xjustiz-35");
    const outgoing = write({ attachments: [fileOf("a.pdf")] }, answered);
    expect(outgoing.references).toMatchObject({
      theirs: "12 C 34/26",
      ours: "III-2/2026 Rö",
      answers: ["f9d36902-b60a-4a38-aa40-000000000035"],
    });
    const rows = pathsOf(datasetOf(outgoing)).map((row) => row.split("/").at(-1));
    expect(rows).toContain("fremdeNachrichtenID=F9D36902-B60A-4A38-AA40-000000000035");
    const letter = documentOf(outgoing, "nachricht.xml").toString();
    expect(letter).toContain("<Aktenzeichen_Empfaenger>12 C 34/26<");
    expect(letter).toContain("<Aktenzeichen_Absender>III-2/2026 Rö<");
  });
  it("never sends the court's number as ours, though the room still carries it", async () => {
    const answered = await courtLetter("court-xjustiz-35");
    const { references } = write({ case: { reference: "12 C 34/26" } }, answered);
    expect(references).toMatchObject({ theirs: "12 C 34/26", ours: "III-2/2026 Rö" });
  });
});

describe("what cannot be written", () => {
  it.each([
    [
      "another addressee than the one looked up",
      { to: [{ address: "DE.Justiz.x" }] },
      "ROUTING_INVALID",
    ],
    [
      "several addressees",
      { to: [{ address: PARTIES.addressee.safeId }, { address: "b" }] },
      "LETTER_INVALID",
    ],
    ["a character that XML does not know", { text: "a\u0000b" }, "CONTENT_REJECTED"],
    ["a lone surrogate", { text: "a\ud800" }, "CONTENT_REJECTED"],
  ])("%s", (_name, more, code) => {
    expect(() => write(more)).toThrow(permanent(code));
  });
});
