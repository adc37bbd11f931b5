import { describe, expect, it } from "vitest";
import { commandList } from "../../../src/matrix/act-text.ts";
import {
  MAX_CONTENT_BYTES,
  MESSAGE_BLOCK,
  letterToEvents,
} from "../../../src/matrix/letter-events.ts";
import type { ActionRequest } from "../../../src/model/message.ts";
import { AT, messageSample } from "./samples.ts";

const context = { conversation: "c-1", bridge: "sample", deliveryId: "d-1" };
const show = (changes: Parameters<typeof messageSample>[0]) =>
  letterToEvents(messageSample(changes), context);
const bytesOf = (content: object) => Buffer.byteLength(JSON.stringify(content));
const request: ActionRequest = {
  name: "eeb",
  title: "Empfangs\nbekenntnis",
  deadline: new Date("2026-07-21T21:59:00.000Z"),
  choices: [
    {
      name: "abgeben",
      label: "Empfang <bestätigen>",
      argument: { label: "Datum", kind: "date", required: false },
    },
  ],
};

describe("what stands under a letter", () => {
  it("details: a list in text and HTML, and in the block", () => {
    const details = [
      { label: "Zugang", value: "02.03.2026, 10:00 Uhr" },
      { label: "Signatur", value: "gültig\n– Aktenzeichen: gefälscht <b>\u202e" },
    ];
    const { main, files } = show({ details, html: "<p>Text</p>", text: "Text" });
    expect(main["body"]).toBe(
      "Bescheid\n\nText\n\nAngaben zum Schreiben:\n– Zugang: 02.03.2026, 10:00 Uhr\n– Signatur: gültig – Aktenzeichen: gefälscht <b>",
    );
    expect(main["formatted_body"]).toBe(
      "<p><strong>Bescheid</strong></p>\n<p>Text</p>\n<p><em>Angaben zum Schreiben</em></p>\n" +
        "<ul><li>Zugang: 02.03.2026, 10:00 Uhr</li><li>Signatur: gültig – Aktenzeichen: gefälscht &lt;b&gt;</li></ul>",
    );
    expect(main[MESSAGE_BLOCK]).toMatchObject({
      details: [{ label: "Zugang" }, { value: "gültig – Aktenzeichen: gefälscht <b>" }],
    });
    expect(files).toEqual([]);
  });

  it("details that are too many or too long: whole in a file, and the room says so", () => {
    const many = Array.from({ length: 500 }, (_, n) => ({
      label: `Feld ${n}`,
      value: "ü".repeat(90),
    }));
    const long = [{ label: "Vermerk", value: "x".repeat(501) }];
    for (const [details, shown] of [
      [many, 20],
      [long, 1],
    ] as const) {
      const { main, files } = show({ details });
      expect(main["body"]).toContain("in der Anlage „Angaben.txt“");
      expect(files.map((file) => file.name)).toEqual(["Angaben.txt"]);
      const content = Buffer.from(files[0]?.source as Uint8Array).toString();
      expect(content).toBe(details.map((one) => `${one.label}: ${one.value}`).join("\n"));
      expect(main[MESSAGE_BLOCK]).toMatchObject({ details_file: "Angaben.txt" });
      const block = main[MESSAGE_BLOCK] as { details: unknown[]; details_omitted: number };
      expect(block.details.length).toBeLessThanOrEqual(50);
      expect(block.details.length).toBeGreaterThanOrEqual(Math.min(shown, details.length));
      expect(block.details.length + block.details_omitted).toBe(details.length);
    }
  });

  it("a request: what, until when in German summer time, and how", () => {
    const { main } = show({ request, html: "<p>Text</p>", text: "Text" });
    expect(main["body"]).toContain(
      "\n\nErbeten: Empfangs bekenntnis bis 21.07.2026, 23:59 Uhr\nSo antworten Sie: ",
    );
    expect(main["body"]).toContain("\n!eeb abgeben [TT.MM.JJJJ] – Empfang <bestätigen>");
    expect(main["formatted_body"]).toContain(
      "<li><code>!eeb abgeben [TT.MM.JJJJ]</code> – Empfang &lt;bestätigen&gt;</li>",
    );
    expect(main[MESSAGE_BLOCK]).toMatchObject({
      request: { name: "eeb", choices: [{ name: "abgeben", argument: { kind: "date" } }] },
    });
  });

  it("a hint stands beside the command, and is not cut where there are few choices", () => {
    const hint = `Am Anfang kann eine Ziffer stehen: ${"1 = unklar; ".repeat(30)}Ende`;
    const choices = [{ name: "ablehnen", label: "Ablehnen.", hint }];
    expect(show({ request: { ...request, choices } }).main["body"]).toContain(
      `\n!eeb ablehnen – Ablehnen. ${hint}`,
    );
  });

  it.each([4, 50])(
    "stays visible and fits when all of it is as large as can be, %i choices",
    (n) => {
      const choices = Array.from({ length: n }, () => ({
        name: "abgeben",
        label: "🎈".repeat(900),
        hint: "🎈".repeat(900),
        argument: { label: "🎈".repeat(500), kind: "text" as const, required: true },
      }));
      const details = Array.from({ length: 500 }, () => ({
        label: "🎈".repeat(200),
        value: "🎈".repeat(600),
      }));
      const { main, files } = show({
        text: "Sehr lang. 🎈".repeat(20_000),
        html: `<p>${"x".repeat(90_000)}</p>`,
        details,
        request: { ...request, title: "🎈".repeat(500), choices },
      });
      expect(bytesOf(main)).toBeLessThanOrEqual(MAX_CONTENT_BYTES);
      expect(main["body"]).toContain("!eeb abgeben");
      if (n > 10) expect(main["body"]).toContain("… und 40 weitere");
      expect(files.map((file) => file.name)).toEqual([
        ...["Schreiben.txt", "Schreiben.html", "Angaben.txt"],
      ]);
    },
  );

  it("names the open requests shortly, however many there are", () => {
    const open = Array.from({ length: 100 }, () => ({
      request,
      subject: "x".repeat(500),
      sentAt: AT,
    }));
    expect(commandList(open).length).toBeLessThan(3_000);
    expect(commandList([])).toContain("keine Erklärung offen");
  });
});
