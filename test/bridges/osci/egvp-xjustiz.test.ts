import { describe, expect, it } from "vitest";
import { readEgvp } from "../../../bridges/osci/egvp/index.ts";
import { readXjustiz } from "../../../bridges/osci/egvp/xjustiz.ts";
import { deliveryOf, LETTER_XML } from "./egvp-support.ts";

const message = (head: string, body = "", name = "nachricht.probe") =>
  `<x:${name} xmlns:x="http://www.xjustiz.de"><x:nachrichtenkopf xjustizVersion="3.5.1">${head}</x:nachrichtenkopf>${body}</x:${name}>`;
const parse = (xml: string) => readXjustiz(Buffer.from(xml));
const SENDER =
  "<x:auswahl_absender><x:absender.gericht><code>X1</code></x:absender.gericht></x:auswahl_absender>";
const ID = "<x:eigeneNachrichtenID>ABC-1</x:eigeneNachrichtenID>";
const flag = (name: string, value: string) =>
  `<x:dokument><x:${name}>${value}</x:${name}></x:dokument>`;

describe("a dataset", () => {
  it.each([
    ["ruecksendungEEB.erforderlich", "true", true],
    ["ruecksendungEEB.erforderlich", " 1 ", true],
    ["ruecksendungEEB.erforderlich", "false", false],
    ["ruecksendung_EEB_erforderlich", "true", true],
    ["ruecksendung_EEB_erforderlich", "TRUE", false],
    ["ruecksendungEEB.moeglich", "true", false],
  ])("%s = %j demands a receipt: %s", async (name, value, expected) => {
    const { receiptDemanded } = await parse(message("", flag(name, value)));
    expect(receiptDemanded).toBe(expected);
  });
  it.each([
    ["2026-12-24", "2026-12-24T23:59:59.000Z"],
    ["2026-12-24T12:00:00+01:00", "2026-12-24T11:00:00.000Z"],
    ["bald", undefined],
    ["2026-13-45", undefined],
  ])("a date for the receipt: %s", async (text, expected) => {
    const { deadline } = await parse(message("", flag("ruecksendungEEB.frist", text)));
    expect(deadline?.toISOString()).toBe(expected);
  });
  it("lists documents however deep they are nested, each once", async () => {
    const nested = `${"<x:akte><x:dokument>".repeat(20)}<x:datei><x:dateiname>a.pdf</x:dateiname></x:datei>${"</x:dokument></x:akte>".repeat(20)}`;
    const { documents } = await parse(message("", nested));
    expect(documents).toMatchObject([{ files: ["a.pdf"] }]);
  });
  it.each([
    ["another namespace", `<nachricht.x xmlns="urn:x"><nachrichtenkopf/></nachricht.x>`],
    ["no header", `<nachricht.x xmlns="http://www.xjustiz.de"/>`],
    ["no message", `<x xmlns="http://www.xjustiz.de"><nachrichtenkopf/></x>`],
    ["two ids of its own", message(`${ID}${ID}`)],
    ["cut off", message(ID).slice(0, -5)],
  ])("%s: says nothing", async (_name, xml) => {
    await expect(parse(xml)).rejects.toThrow(expect.objectContaining({ code: "INPUT_INVALID" }));
  });
});

describe("a dataset in a letter", () => {
  const read = (...xml: (string | Buffer)[]) =>
    readEgvp(
      deliveryOf({
        documents: { "nachricht.xml": LETTER_XML },
        files: xml.map((one, n) => [`${n === 0 ? "x" : "X"}justiz_nachricht.xml`, one] as const),
      }),
    );
  const shown = (reading: Awaited<ReturnType<typeof read>>) =>
    reading.letter.details?.find(({ label }) => label === "XJustiz")?.value;
  it.each([
    ["not XML", ["%PDF-1.4"]],
    ["a bomb", [`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`]],
    ["Latin-1", [Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?><a>ä</a>`, "latin1")]],
    ["huge", [Buffer.alloc(16_000_001, 0x20)]],
    ["several", [message(ID), message(ID)]],
    ["too deep", ["<a>".repeat(1_000)]],
  ])("%s never blocks the letter", async (_name, files) => {
    const reading = await read(...files);
    expect(shown(reading)).toMatch(/^XJustiz-Datensatz nicht lesbar: \S/);
    expect(reading.letter).toMatchObject({ subject: "Probe", text: "Text" });
    expect(reading.letter.attachments).toHaveLength(files.length);
    expect(reading.letter.request).toBe(undefined);
  });
  it.each([
    ["without id", SENDER],
    ["without sender", ID],
  ])("a demand %s is shown and cannot be answered", async (_name, head) => {
    const reading = await read(message(head, flag("ruecksendungEEB.erforderlich", "true")));
    expect(reading.letter.request).toBe(undefined);
    const labels = reading.letter.details?.map(({ label }) => label);
    expect(labels).toContain("Hinweis zum Empfangsbekenntnis");
  });
  it("a deadline is passed on", async () => {
    const body =
      flag("ruecksendungEEB.erforderlich", "true") + flag("ruecksendungEEB.frist", "2026-12-24");
    const reading = await read(message(SENDER + ID, body));
    expect(reading.letter.request).toMatchObject({
      name: "eeb",
      deadline: new Date("2026-12-24T23:59:59Z"),
    });
  });
});
