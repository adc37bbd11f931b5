import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import {
  federationSettings,
  participantsSettings,
} from "../../../bridges/fink/federation/index.ts";
import { CODES } from "../../../bridges/fink/federation/participants.ts";
import {
  describePlanDate,
  hasCome,
  parsePlanDate,
} from "../../../bridges/fink/federation/plan-date.ts";

type Entry = Record<string, unknown>;
const live = { state: "production", since: "2020-07-01" };
const good: Entry = {
  code: "NW",
  agreement: "va",
  account: { ...live, entityIds: ["https://idp.nw.example"] },
  mailbox: { ...live, adapter: "as4-pfisk" },
};
const faults = (...list: Entry[]) => {
  const result = participantsSettings.safeParse({ snapshot: "2026-11-01", list });
  return (result.error?.issues ?? []).map(
    ({ path, message }) => `${path.slice(1).join(".")}: ${message}`,
  );
};
const planned = (date?: string) => ({ state: "planned", ...(date ? { plannedFor: date } : {}) });

test("the example of the whole country is valid, and has everybody once", () => {
  const text = readFileSync(
    new URL("../../../fixtures/fink/participants.yaml", import.meta.url),
    "utf8",
  );
  const { list, snapshot } = participantsSettings.parse(parse(text));
  expect(list.map(({ code }) => code)).toEqual([...CODES]);
  expect(snapshot).toBe("2020-07-01");
  expect(list.filter(({ coupled }) => coupled).map(({ code }) => code)).toEqual(["BW", "SN"]);
  expect(
    list.filter(({ blockedBecause }) => blockedBecause !== null).map(({ code }) => code),
  ).toEqual(["BY", "NI"]);
});

describe("rules of the roll-out facts", () => {
  test("a good entry is good", () => expect(faults(good)).toEqual([]));

  test("the snapshot has its date", () => {
    expect(participantsSettings.safeParse({ list: [good] }).success).toBe(false);
    expect(participantsSettings.safeParse({ snapshot: "2026-02-30", list: [good] }).success).toBe(
      false,
    );
  });

  test.each<[string, Entry, string]>([
    ["production needs an agreement", { ...good, agreement: "none" }, "list.0.agreement"],
    [
      "a mailbox in production needs its account",
      { ...good, account: planned("2030") },
      "list.0.mailbox.state",
    ],
    [
      "a mailbox in production needs its adapter",
      { ...good, mailbox: live },
      "list.0.mailbox.adapter",
    ],
    [
      "production has a date",
      { ...good, account: { state: "production" } },
      "list.0.account.since",
    ],
    [
      "coupled: not one without the other",
      { ...good, coupled: true, mailbox: planned() },
      "list.0.mailbox.state",
    ],
    [
      "coupled: the same day",
      { ...good, coupled: true, mailbox: { ...live, since: "2020-08-01", adapter: "bsp-soap" } },
      "list.0.mailbox.since",
    ],
    [
      "coupled: the same plan",
      { ...good, coupled: true, account: planned("2021-Q1"), mailbox: planned("2021-Q2") },
      "list.0.mailbox.plannedFor",
    ],
    [
      "retired: a successor or the post",
      { ...good, account: { ...live, state: "retired" }, mailbox: { state: "none" } },
      "list.0",
    ],
    [
      "retired: the mailbox too",
      { ...good, account: { ...live, state: "retired" }, postalFallback: true },
      "list.0.mailbox.state",
    ],
    [
      "the successor is somebody else",
      { ...good, successor: { code: "NW", from: "2024-07-31" } },
      "list.0.successor.code",
    ],
    [
      "the successor is in the list",
      { ...good, successor: { code: "Bund", from: "2024-07-31" } },
      "list.0.successor.code",
    ],
    [
      "a date cannot be finer than it is written",
      { ...good, mailbox: { state: "planned", plannedFor: "2021-Q2", precision: "day" } },
      "list.0.mailbox.precision",
    ],
    [
      "a precision belongs to a date",
      { ...good, mailbox: { state: "planned", precision: "month" } },
      "list.0.mailbox.precision",
    ],
    [
      "a date is in the calendar",
      { ...good, account: { ...live, since: "2021-02-29" } },
      "list.0.account.since",
    ],
    [
      "an entity id is a URI",
      { ...good, account: { ...live, entityIds: ["no uri"] } },
      "list.0.account.entityIds.0",
    ],
    [
      "a state that does not exist",
      { ...good, account: { state: "live" } },
      "list.0.account.state",
    ],
  ])("%s", (_name, entry, place) => {
    expect(faults(entry).map((fault) => fault.split(": ")[0])).toContain(
      place.replace("list.", ""),
    );
  });

  test("nobody stands there twice, and no entity belongs to two", () => {
    expect(faults(good, good)).toEqual([
      "1.code: NW stands here twice",
      "1.account.entityIds.0: belongs to two participants",
    ]);
  });

  test("a retired account with a successor is good", () => {
    const retired = {
      ...good,
      account: { ...live, state: "retired" },
      mailbox: { ...live, state: "retired" },
    };
    const bund = { ...good, code: "Bund", account: live };
    expect(faults({ ...retired, successor: { code: "Bund", from: "2024-07-31" } }, bund)).toEqual(
      [],
    );
    expect(faults({ ...retired, postalFallback: true })).toEqual([]);
  });
});

describe("dates with their precision", () => {
  test.each([
    ["2020-07-01", undefined, "2020-07-01", "2020-07-01", "01.07.2020"],
    ["2020-07", undefined, "2020-07-01", "2020-07-31", "07/2020"],
    ["2020-02", undefined, "2020-02-01", "2020-02-29", "02/2020"],
    ["2021-Q2", undefined, "2021-04-01", "2021-06-30", "Q2 2021"],
    ["2021", undefined, "2021-01-01", "2021-12-31", "2021"],
    ["2021-06-30", "quarter", "2021-04-01", "2021-06-30", "Q2 2021"],
    ["2021-12-31", "month", "2021-12-01", "2021-12-31", "12/2021"],
    ["2021-11", "quarter", "2021-10-01", "2021-12-31", "Q4 2021"],
    ["2020-07-01", "year", "2020-01-01", "2020-12-31", "2020"],
  ] as const)("%s (%s)", (text, precision, first, last, shown) => {
    const date = parsePlanDate(text, precision);
    expect(date).toMatchObject({ text, first, last });
    expect(date && describePlanDate(date)).toBe(shown);
  });

  test.each([
    "2021-13",
    "2021-00",
    "2021-Q5",
    "2021-04-31",
    "1999",
    "21-01-01",
    "2021-1",
    "",
    "soon",
  ])("%s is none", (text) => expect(parsePlanDate(text)).toBeUndefined());

  test("has come by the German calendar, and a quarter only with its last day", () => {
    const day = parsePlanDate("2026-07-01");
    const quarter = parsePlanDate("2026-Q2");
    if (!day || !quarter) throw new Error("dates");
    expect(hasCome(day, new Date("2026-06-30T21:59:59Z"))).toBe(false);
    expect(hasCome(day, new Date("2026-06-30T22:00:00Z"))).toBe(true);
    expect(hasCome(quarter, new Date("2026-06-29T21:59:59Z"))).toBe(false);
    expect(hasCome(quarter, new Date("2026-06-29T22:00:00Z"))).toBe(true);
  });
});

describe("settings of the federation", () => {
  const problems = (more: Entry) => {
    const result = federationSettings.safeParse({
      name: "production",
      stage: "production",
      ...more,
    });
    return (result.error?.issues ?? []).map(({ path }) => path.join("."));
  };
  const metadata = { url: "https://md.example/metadata.xml", pins: ["file:pin.pem"] };
  const override = { entityId: "https://idp.example", endpoint: "https://node.example" };
  test.each<[string, Entry, string[]]>([
    ["metadata alone", { metadata }, []],
    ["neither metadata nor overrides", {}, ["metadata"]],
    ["metadata without a source", { metadata: { pins: ["file:pin.pem"] } }, ["metadata.url"]],
    ["metadata without a pin", { metadata: { ...metadata, pins: [] } }, ["metadata.pins"]],
    ["http", { metadata: { ...metadata, url: "http://md.example" } }, ["metadata.url"]],
    [
      "pulled less than daily",
      { metadata: { ...metadata, pullEvery: "25h" } },
      ["metadata.pullEvery"],
    ],
    [
      "a file that is not absolute",
      { metadata: { ...metadata, file: "metadata.xml" } },
      ["metadata.file"],
    ],
    ["an override twice", { metadata, overrides: [override, override] }, ["overrides.1.entityId"]],
    [
      "an unlisted override without certificates",
      { overrides: [{ ...override, listed: false }] },
      ["overrides.0.certificates"],
    ],
    [
      "a listed override without metadata",
      { overrides: [{ ...override, certificates: "file:n.pem" }] },
      ["overrides.0.listed"],
    ],
    [
      "unlisted overrides alone",
      { overrides: [{ ...override, listed: false, certificates: "file:n.pem" }] },
      [],
    ],
  ])("%s", (_name, given, places) => expect(problems(given)).toEqual(places));
});
