import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { bufferSource, textSource } from "../../../fixtures/simulators/osci-intermediary/bytes.ts";
import { buildEgvp, writeEeb } from "../../../fixtures/simulators/osci-intermediary/egvp.ts";
import type { EgvpLetter } from "../../../fixtures/simulators/osci-intermediary/egvp.ts";
import {
  makeAuthority,
  makeVhn,
  packPkcs12,
} from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { Party } from "../../../fixtures/simulators/osci-intermediary/party.ts";
import { parseXml } from "../../../fixtures/simulators/osci-intermediary/xml.ts";
import { useIntermediary } from "./intermediary-support.ts";

const bed = useIntermediary();
const court = { safeId: "DE.Justiz.0001", organisation: "Amtsgericht <Test> & Co" };
const city = { safeId: "DE.Test.recipient", organisation: "Stadt Beispielhausen" };
const pdf = randomBytes(70_000);
const letter: EgvpLetter = {
  ...{ sender: court, addressee: city, subject: "Übersicht: Termin = 1", text: "Zeile 1\nZeile 2" },
  ...{ ours: "12 C 34/26", theirs: "AZ-7", xjustizId: "11111111-2222-4333-8444-555555555555" },
  files: [
    { name: "001 Übersicht ä.pdf", content: bufferSource(pdf), eeb: true },
    { name: "leer.txt", content: textSource("") },
  ],
};

const open: Party[] = [];
afterEach(() => {
  for (const party of open.splice(0)) party.close();
});

async function start() {
  const intermediary = await bed.start();
  const authority = await makeAuthority("Justiz VHN CA", "BNotK");
  const signature = await makeVhn("justice", court.safeId, authority);
  const parties = {
    court: new Party({ intermediary, cipher: bed.keys.sender.cipher, signature }),
    city: new Party({ intermediary, ...bed.keys.recipient }),
  };
  open.push(parties.court, parties.city);
  return { intermediary, ...parties };
}

describe("a court", () => {
  it("deposits a letter that its addressee fetches, opens and confirms", async () => {
    const { intermediary, court: sender, city: reader } = await start();
    const deposited = await sender.depositLetter(letter, bed.keys.recipient.cipher.certPem);
    expect(intermediary.card(deposited.messageId)?.creation).toEqual(deposited.creation);
    const [fetched, ...others] = await reader.fetchAll();
    expect([fetched?.messageId, others.length]).toEqual([deposited.messageId, 0]);
    expect(fetched?.subject).toBe("Allgemeine Nachricht");
    expect(fetched?.containers.map(({ id, encrypted }) => [id, encrypted])).toEqual([
      ["project_coco", true],
      ["govello_coco", true],
    ]);
    expect(fetched?.fileNames).toEqual([
      "001 Übersicht ä.pdf",
      "leer.txt",
      "xjustiz_nachricht.xml",
    ]);
    expect(await fetched?.file("001 Übersicht ä.pdf")).toEqual(pdf);
    expect(await fetched?.file("leer.txt")).toEqual(Buffer.alloc(0));
    const infos = fetched?.document("additional_infos");
    expect(infos).toContain("subject=\\u00DCbersicht\\: Termin \\= 1\r\n");
    const nachricht = fetched?.document("nachricht.xml") ?? "";
    expect(parseXml(Buffer.from(nachricht)).root.textContent).toContain("Zeile 1\nZeile 2");
    const dataSet = (await fetched?.file("xjustiz_nachricht.xml"))?.toString() ?? "";
    expect(parseXml(Buffer.from(dataSet)).root.localName).toContain("Schriftgutobjekte");
    expect(dataSet.match(/ruecksendungEEB.erforderlich>(\w+)</g)).toHaveLength(2);
    expect(dataSet).toContain("<eigeneNachrichtenID>11111111-2222-4333-8444-555555555555<");
    expect(intermediary.waiting()).toEqual([]);
  });

  it("shows who signed the transport, by name, SAFE-ID and CA", async () => {
    const { city: reader, court: sender } = await start();
    await sender.depositLetter(letter, bed.keys.recipient.cipher.certPem);
    const [lying] = await reader.openAll();
    expect(lying?.transport).toMatchObject({
      ...{ signed: true, algorithm: "rsa-sha256", signerName: "VHN - Justiz" },
      ...{ signerSafeId: court.safeId, issuerName: "Justiz VHN CA" },
      customHeaders: ["{http://gov.bos-bremen.de/osci/customHeader}RequestSignatureMandatory"],
    });
    expect((await reader.fetchAll({ confirm: false }))[0]?.transport.algorithm).toBe("rsa-sha256");
  });

  it("cannot open what is for another", async () => {
    const { intermediary, court: sender } = await start();
    await sender.depositLetter(letter, bed.keys.recipient.cipher.certPem);
    const opened = await sender.open(intermediary.deliveries()[0] ?? expect.fail());
    expect([opened.containers, opened.closed]).toEqual([[], 2]);
  });

  it("keeps an unconfirmed letter waiting", async () => {
    const { intermediary, court: sender, city: reader } = await start();
    const { messageId } = await sender.depositLetter(letter, bed.keys.recipient.cipher.certPem);
    expect(await reader.fetchAll({ confirm: false })).toHaveLength(1);
    expect(intermediary.waiting().map((one) => one.messageId)).toEqual([messageId]);
  });

  it("says so when the intermediary does not take a letter", async () => {
    const { intermediary, court: sender } = await start();
    intermediary.faults.next("StoreDelivery", { kind: "feedback", codes: ["9811"] });
    const { certPem } = bed.keys.recipient.cipher;
    await expect(sender.depositLetter(letter, certPem)).rejects.toThrow("StoreDelivery: HTTP 200");
  });

  it("can leave the data set out, or send another one", () => {
    const names = (...given: Parameters<typeof buildEgvp>) =>
      buildEgvp(...given).containers[0]?.files.map(({ cid }) => cid);
    expect(names({ ...letter, files: [], xjustizId: "none" })).toEqual([]);
    const eeb = writeEeb({ ...letter, answers: "court-id" }, "own-id", "2026-03-01");
    expect(parseXml(Buffer.from(eeb)).root.localName).toBe("nachricht.eeb.zuruecklaufend.2200007");
    expect(names({ ...letter, files: [] }, eeb)).toEqual(["xjustiz_nachricht.xml"]);
  });
});

describe("PKCS#12", () => {
  it("opens with its PIN and holds the same key", async () => {
    const forge = (await import("node-forge")).default;
    const bytes = packPkcs12(bed.keys.sender.cipher, "123456");
    const asn1 = forge.asn1.fromDer(bytes.toString("latin1"));
    expect(() => forge.pkcs12.pkcs12FromAsn1(asn1, "wrong")).toThrow();
    const bags = forge.pkcs12.pkcs12FromAsn1(asn1, "123456").getBags({
      bagType: forge.pki.oids["pkcs8ShroudedKeyBag"] ?? "",
    });
    expect(Object.values(bags).flat()).toHaveLength(1);
  });
});
