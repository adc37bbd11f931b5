import { describe, expect, it } from "vitest";
import { readEgvp } from "../../../bridges/osci/egvp/index.ts";
import type { EgvpDelivery } from "../../../bridges/osci/egvp/contract.ts";
import { Blobs, certificate, COURT, deliveryOf, LETTER_XML, US } from "./egvp-support.ts";
import type { DeliveryParts } from "./egvp-support.ts";

const read = (parts: DeliveryParts, blobs?: Blobs) => readEgvp(deliveryOf(parts, blobs));
const code = (wanted: string) => expect.objectContaining({ code: wanted }) as unknown;
const cardOf = (id: string) =>
  `<Visitenkarte><Name>Rechtsamt</Name><Nutzer_ID>${id}</Nutzer_ID></Visitenkarte>`;
const letter = { "nachricht.xml": LETTER_XML };
const detail = (reading: Awaited<ReturnType<typeof read>>, label: string) =>
  reading.letter.details?.find((row) => row.label === label)?.value;

describe("hostile documents", () => {
  const entities = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "&l${n};&l${n};">`);
  const bomb = `<!DOCTYPE l [<!ENTITY l0 "ha">${entities.join("")}]><Nachricht>&l9;</Nachricht>`;
  it.each([
    ["a bomb of entities", { "nachricht.xml": bomb }, "INPUT_HOSTILE"],
    ["a deep one", { "nachricht.xml": "<a>".repeat(5_000) }, "INPUT_HOSTILE"],
    ["a huge one", { "nachricht.xml": Buffer.alloc(4_000_001, 0x20) }, "INPUT_HOSTILE"],
    ["UTF-16", { "nachricht.xml": Buffer.from(`\ufeff${LETTER_XML}`, "utf16le") }, "INPUT_INVALID"],
    [
      "Latin-1",
      { "nachricht.xml": Buffer.from("<Nachricht>ä</Nachricht>", "latin1") },
      "INPUT_INVALID",
    ],
    ["another root", { "nachricht.xml": "<Brief/>" }, "INPUT_INVALID"],
    [
      "two subjects",
      { "nachricht.xml": "<Nachricht><Betreff/><Betreff/></Nachricht>" },
      "INPUT_INVALID",
    ],
    [
      "markup in the text",
      { "nachricht.xml": "<Nachricht><Freitext><b/></Freitext></Nachricht>" },
      "INPUT_INVALID",
    ],
    ["a broken card", { ...letter, "visitenkarte.xml": "<Visitenkarte>" }, "INPUT_INVALID"],
    [
      "too many elements",
      { "nachricht.xml": `<Nachricht>${"<a/>".repeat(201)}</Nachricht>` },
      "INPUT_HOSTILE",
    ],
  ])("%s is refused", async (_name, documents, wanted) => {
    await expect(read({ documents })).rejects.toThrow(code(wanted));
  });
  it("two letters in one delivery are refused: none is picked", async () => {
    const { containers, ...rest } = deliveryOf({ documents: letter });
    const twice = { ...rest, containers: [...containers, ...containers] };
    await expect(readEgvp(twice)).rejects.toThrow(code("INPUT_HOSTILE"));
  });
  it("a flood of documents is refused", async () => {
    const documents = Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`d${n}`, "x"]));
    await expect(read({ documents })).rejects.toThrow(code("INPUT_HOSTILE"));
  });
  it("a stylesheet is neither read nor shown", async () => {
    const { letter: arrived } = await read({
      documents: { ...letter, "nachricht.xsl": "<!DOCTYPE x>&boom;" },
    });
    expect(arrived.attachments).toEqual([]);
    expect(JSON.stringify(arrived)).not.toContain("boom");
  });
});

describe("what is missing", () => {
  it("no nachricht.xml: the subject stands in additional_infos", async () => {
    const infos = `user_id=${COURT}\r\nsubject=EB zu\\: 1 K 5/20\r\n`;
    const { letter: arrived } = await read({ documents: { additional_infos: infos } });
    expect(arrived).toMatchObject({ subject: "EB zu: 1 K 5/20", from: { address: COURT } });
  });
  it("a delivery without anything is refused", async () => {
    await expect(read({})).rejects.toThrow(code("INPUT_INVALID"));
  });
  it("files alone are a letter", async () => {
    const { letter: arrived } = await read({ files: [["a.pdf", "%PDF-1"]] });
    expect(arrived).toMatchObject({
      subject: "Allgemeine Nachricht",
      attachments: [{ name: "a.pdf" }],
    });
  });
  it("a file that is named and not there holds the letter back", async () => {
    const delivery = deliveryOf({ documents: letter, files: [["a.pdf", "x"]] });
    await expect(readEgvp({ ...delivery, files: new Map() })).rejects.toThrow(
      code("INPUT_INVALID"),
    );
  });
  it("nobody says who wrote: no reply, and the mailbox certificate tells senders apart", async () => {
    const more: Partial<EgvpDelivery> = { originator: certificate("mailbox-court") };
    const { letter: arrived } = await read({ documents: letter, more });
    expect(arrived.replyPolicy).toBe("forbidden");
    expect(arrived.from.address).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});

describe("files", () => {
  const pdf = "%PDF-1.4";
  it("1000 are taken, 1001 refused", async () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, n) => [`${n}.txt`, "x"] as const);
    const { letter: arrived } = await read({ documents: letter, files: many(1_000) });
    expect(arrived.attachments).toHaveLength(1_000);
    await expect(read({ documents: letter, files: many(1_001) })).rejects.toThrow(
      code("INPUT_HOSTILE"),
    );
  });
  it("equal names become distinct, every file stays", async () => {
    const { letter: arrived } = await read({
      documents: letter,
      files: [
        ["x/Anlage.pdf", pdf],
        ["y\\ANLAGE.pdf", `${pdf}2`],
        ["Anlage.pdf", `${pdf}3`],
      ],
    });
    expect(arrived.attachments.map(({ name }) => name)).toEqual([
      "Anlage.pdf",
      "ANLAGE (2).pdf",
      "Anlage (3).pdf",
    ]);
    expect(new Set(arrived.attachments.map(({ blob }) => blob.digest)).size).toBe(3);
  });
  it("tells the reader what was renamed, with hidden characters made visible", async () => {
    const reading = await read({ documents: letter, files: [["Rechnung\u202efdp.exe", "MZ"]] });
    expect(detail(reading, "Dateiname angepasst")).toBe(
      "„Rechnung\u{fffd}fdp.exe“ → „Rechnungfdp.exe“",
    );
  });
  it("NFD and NFC are the same name, in the Content Id and in the dataset", async () => {
    const xjustiz = `<nachricht.x xmlns="http://www.xjustiz.de"><nachrichtenkopf/><dokument><datei><dateiname>Übersicht.pdf</dateiname></datei></dokument></nachricht.x>`;
    const reading = await read({
      documents: letter,
      files: [
        ["Übersicht.pdf".normalize("NFD"), pdf],
        ["xjustiz_nachricht.xml", xjustiz],
      ],
      contentId: (name) => name.normalize("NFC"),
    });
    expect(reading.letter.attachments[0]?.name).toBe("Übersicht.pdf".normalize("NFC"));
    const labels = reading.letter.details?.map(({ label }) => label) ?? [];
    expect(labels).toContain("XJustiz: Dokumente");
    expect(labels.filter((label) => /Dateiname|fehlende/.test(label))).toEqual([]);
  });
  it("says when the Content Id names another file", async () => {
    const reading = await read({
      documents: letter,
      files: [["a.pdf", pdf]],
      contentId: () => "b.pdf",
    });
    expect(detail(reading, "Dateiname uneinheitlich")).toBe("„a.pdf“ heißt auch „b.pdf“");
  });
  it("the type is that of the name only when the first bytes agree", async () => {
    const { letter: arrived } = await read({
      documents: letter,
      files: [
        ["a.pdf", pdf],
        ["b.pdf", "MZ"],
        ["c.PDF", pdf],
        ["d", "x"],
      ],
    });
    const octets = "application/octet-stream";
    expect(arrived.attachments.map(({ mediaType }) => mediaType)).toEqual([
      "application/pdf",
      octets,
      "application/pdf",
      octets,
    ]);
  });
  it("leaves no stream open", async () => {
    const blobs = new Blobs();
    await read({ documents: letter, files: [["a.pdf", Buffer.alloc(100_000)]] }, blobs);
    expect(blobs.opened.length).toBeGreaterThan(0);
    expect(blobs.opened.every((stream) => stream.destroyed)).toBe(true);
  });
  it("parts that no container names are shown, too", async () => {
    const blobs = new Blobs();
    const delivery = deliveryOf({ documents: letter }, blobs);
    const lone = { cid: "lone.pdf", blob: blobs.put(pdf) };
    const { letter: arrived } = await readEgvp({
      ...delivery,
      files: new Map([["lone.pdf", lone]]),
    });
    expect(arrived.attachments.map(({ name }) => name)).toEqual(["lone.pdf"]);
  });
  it("inline documents of others become files, or hold the letter back", async () => {
    const documents = { ...letter, "beiblatt.txt": "Beiblatt" };
    await expect(read({ documents })).rejects.toThrow(code("INPUT_INVALID"));
    const blobs = new Blobs();
    const store = (_name: string, bytes: Buffer) => Promise.resolve(blobs.put(bytes));
    const { letter: arrived } = await read({ documents, more: { store } }, blobs);
    const [file] = arrived.attachments;
    expect(file).toMatchObject({ name: "beiblatt.txt", mediaType: "text/plain" });
    expect(file && blobs.read(file.blob).toString()).toBe("Beiblatt");
  });
});

describe("who wrote", () => {
  const signed = (card: string, ...authorities: string[]) =>
    read({
      documents: { ...letter, "visitenkarte.xml": cardOf(card) },
      more: {
        signer: certificate("vhn-bebpo"),
        vhnAuthorities: authorities.map(certificate),
      },
    });
  it("a proved certificate decides the address, and the card of another gives no name", async () => {
    const reading = await signed(COURT, "vhn-ca-bebpo");
    expect(reading.letter.from).toEqual({ address: US, role: "authority" });
    expect(detail(reading, "Hinweis zum Absender")).toContain(COURT);
  });
  it.each([
    ["another authority of the same name", "vhn-bebpo", "vhn-ca-forged"],
    ["somebody who took the authority's name", "vhn-forged", "vhn-ca-bebpo"],
    ["a certificate that may not issue any", "vhn-under-leaf", "vhn-ca-leaf"],
  ])("%s proves nothing", async (_name, signer, authority) => {
    const reading = await read({
      documents: { ...letter, "visitenkarte.xml": cardOf(COURT) },
      more: { signer: certificate(signer), vhnAuthorities: [certificate(authority)] },
    });
    expect(reading.letter.from.address).toBe(COURT);
    expect(detail(reading, "Herkunft")).toBe("ohne vertrauenswürdigen Herkunftsnachweis");
    expect(reading.letter.extra).not.toHaveProperty("egvp.vhn");
  });
  it("each of the two would prove it under its own authority", async () => {
    const more = {
      signer: certificate("vhn-forged"),
      vhnAuthorities: [certificate("vhn-ca-forged")],
    };
    const reading = await read({ documents: letter, more });
    expect(detail(reading, "Herkunft")).toBe("Absender: besonderes Behördenpostfach (VHN)");
  });
  it("no authority configured: the sentence says that the issuer was not checked", async () => {
    const reading = await signed(US);
    expect(detail(reading, "Herkunft")).toContain("nicht geprüft");
  });
  it("a certificate that was not valid yet proves nothing", async () => {
    const depositedAt = new Date("2020-01-01T00:00:00Z");
    const more = {
      signer: certificate("vhn-bebpo"),
      vhnAuthorities: [certificate("vhn-ca-bebpo")],
      depositedAt,
    };
    const reading = await read({ documents: letter, more });
    expect(detail(reading, "Herkunft")).toBe("ohne vertrauenswürdigen Herkunftsnachweis");
  });
});

describe("odd fields", () => {
  it("a huge subject is cut where it is a heading, and whole among the details", async () => {
    const long = "B".repeat(1_500);
    const reading = await read({
      documents: { "nachricht.xml": `<Nachricht><Betreff>${long}</Betreff></Nachricht>` },
    });
    expect(reading.letter.subject).toHaveLength(500);
    expect(detail(reading, "Betreff")).toBe(long);
  });
  it.each(["Ohne", "unbekannt", " - ", "./.", ""])("%j is no file number", async (number) => {
    const xml = `<Nachricht><Aktenzeichen_Absender>${number}</Aktenzeichen_Absender></Nachricht>`;
    const { letter: arrived, references } = await read({ documents: { "nachricht.xml": xml } });
    expect(references).toEqual({ answers: [] });
    expect(arrived.case).toBe(undefined);
  });
  it("huge fields become neither address nor file number nor name", async () => {
    const huge = "9".repeat(100_000);
    const card = `<Visitenkarte><Name>${huge}</Name><Nutzer_ID>${huge}</Nutzer_ID></Visitenkarte>`;
    const xml = `<Nachricht><Aktenzeichen_Absender>${huge}</Aktenzeichen_Absender></Nachricht>`;
    const reading = await read({ documents: { "nachricht.xml": xml, "visitenkarte.xml": card } });
    expect(reading.letter.from).toEqual({ address: "unbekannt", name: "9".repeat(300) });
    expect(reading.references).toEqual({ answers: [] });
    expect(JSON.stringify(reading).length).toBeLessThan(10_000);
  });
  it("file numbers keep whose they are", async () => {
    const xml = `<Nachricht><Aktenzeichen_Empfaenger>unseres</Aktenzeichen_Empfaenger><Aktenzeichen_Absender>deren\n Zeichen</Aktenzeichen_Absender></Nachricht>`;
    const { letter: arrived, references } = await read({ documents: { "nachricht.xml": xml } });
    expect(references).toMatchObject({ theirs: "deren Zeichen", ours: "unseres" });
    expect(arrived.case).toEqual({ reference: "deren Zeichen" });
  });
});
