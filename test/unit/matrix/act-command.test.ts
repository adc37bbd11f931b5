import { describe, expect, it } from "vitest";
import {
  MAX_ARGUMENT,
  checkAct,
  isCommand,
  readCommand,
  readDate,
  readForgotten,
} from "../../../src/matrix/act-command.ts";
import type { ActionRequest } from "../../../src/model/message.ts";

const request: ActionRequest = {
  name: "eeb",
  title: "Empfangsbekenntnis",
  choices: [
    {
      name: "abgeben",
      label: "Empfang bestätigen",
      argument: { label: "Datum", kind: "date", required: true },
    },
    {
      name: "ablehnen",
      label: "Empfang ablehnen",
      argument: { label: "Grund", kind: "text", required: false },
    },
    { name: "merken", label: "Später" },
  ],
};
const check = (text: string) => checkAct(request, readCommand(text) ?? { name: "", choice: "" });

describe("a typed command", () => {
  it.each([
    ["!eeb abgeben 2026-11-21", { name: "eeb", choice: "abgeben", argument: "2026-11-21" }],
    ["！eeb abgeben", { name: "eeb", choice: "abgeben" }],
    [
      "\u200b !EEB\u00a0ABGEBEN\t1.1.2026 ",
      { name: "eeb", choice: "abgeben", argument: "1.1.2026" },
    ],
    [
      "! eeb\nablehnen erste Zeile\nzweite",
      { name: "eeb", choice: "ablehnen", argument: "erste Zeile\nzweite" },
    ],
    ["!", { name: "", choice: "" }],
    ["!!eeb", { name: "!eeb", choice: "" }],
  ])("%j is read as %j", (text, command) => {
    expect(isCommand(text)).toBe(true);
    expect(readCommand(text)).toEqual(command);
  });

  it.each(["", "eeb abgeben", "Achtung!", "> !eeb abgeben", "¡eeb"])("%j is none", (text) => {
    expect(readCommand(text)).toBeUndefined();
  });

  it("whose sign was forgotten is one line that begins with two words", () => {
    expect(readForgotten("EEB abgeben 2026-11-21")).toMatchObject({ choice: "abgeben" });
    expect(readForgotten("Guten Tag\neeb abgeben")).toBeUndefined();
    expect(readForgotten("Straße gesperrt")).toBeUndefined();
  });
});

describe("an act", () => {
  it.each([
    ["!eeb abgeben 2026-11-21", { argument: "2026-11-21" }],
    ["!eeb abgeben 1.2.2026", { argument: "2026-02-01" }],
    ["!eeb ablehnen", {}],
    ["!eeb ablehnen Grund…", {}],
    ["!eeb ablehnen a\u0000b", { argument: "ab" }],
    ["!eeb merken", {}],
  ])("%s has what it needs", (text, argument) => {
    const checked = check(text);
    if (checked.kind !== "act") throw new Error(checked.problem);
    const { name, choice, ...rest } = checked.action;
    expect([name, checked.choice.name]).toEqual(["eeb", choice]);
    expect(rest).toEqual(argument);
  });

  it.each([
    ["!eeb", "unvollständig"],
    ["!eeb abgebn 2026-11-21", "„!eeb abgebn“"],
    ["!ebe abgeben 2026-11-21", "„!ebe abgeben“"],
    ["!eeb abgeben", "Es fehlt"],
    ["!eeb abgeben TT.MM.JJJJ", "Es fehlt"],
    ["!eeb abgeben morgen", "kein Datum"],
    ["!eeb abgeben 2026-02-30", "kein Datum"],
    ["!eeb merken bitte", "darf nichts weiter stehen"],
    [`!eeb ablehnen ${"x".repeat(MAX_ARGUMENT + 1)}`, "zu lang"],
  ])("%.40s is none", (text, problem) => {
    expect(check(text)).toMatchObject({ problem: expect.stringContaining(problem) as string });
  });

  it("quotes what was typed in one short line", () => {
    const checked = check(`!eeb ab\u202egeben${"x".repeat(1_000)}`);
    expect(checked.kind === "problem" && checked.problem.length).toBeLessThan(120);
    expect(JSON.stringify(checked)).not.toContain("\u202e");
  });
});

describe("a date", () => {
  it.each([
    ["2026-11-21", "2026-11-21"],
    ["21.11.2026", "2026-11-21"],
    ["1. 3. 2028", "2028-03-01"],
    ["29.02.2028", "2028-02-29"],
  ])("%s is %s", (text, date) => {
    expect(readDate(text)).toBe(date);
  });
  it.each([
    ...["29.02.2027", "2026-13-01", "00.01.2026", "21.11.26", "2026-1-1", "11/21/2026", "heute"],
    ...["2026-11-21T10:00", "21.11.2026 x", "", "undefined-undefined-undefined"],
  ])("%s is none", (text) => {
    expect(readDate(text)).toBeUndefined();
  });
});
