import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  addDays,
  dayOf,
  isDay,
  spokenDay,
  startOfDay,
  type Day,
} from "../../../src/transition/berlin.ts";
import {
  easterOf,
  isNationalHoliday,
  isWorkingDay,
  nextWorkingDay,
} from "../../../src/transition/holidays.ts";
import {
  clockLine,
  legalClock,
  openQuestions,
  type ClockFacts,
} from "../../../src/transition/legal-clock.ts";
import {
  basisOf,
  clockTable,
  LEGAL_TABLE,
  OZG_QUESTION,
  type ClockRule,
} from "../../../src/transition/legal-table.ts";

/** Noon of that day in Germany, or the given UTC time of it. */
const at = (day: string, time = "11:00:00Z") => new Date(`${day}T${time}`);
const ours = (...times: Date[]) => times.map((moment) => ({ side: "matrix" as const, at: moment }));
const facts = (given: Partial<ClockFacts> = {}): ClockFacts => ({
  legalBasis: "§ 9 OZG",
  side: "matrix",
  available: ours(at("2025-06-02")),
  retrieved: [],
  ...given,
});
const table = clockTable([]);
const clock = (given: Partial<ClockFacts> = {}, now = at("2030-01-01"), rules = table) =>
  legalClock(facts(given), { table: rules }, now);
const dayIn = (given: Partial<ClockFacts>, rules = table) => {
  const state = clock(given, undefined, rules);
  return state.state === "deemed" ? state.day : state.state;
};

describe("days in Germany", () => {
  test.each([
    ["2026-03-28T22:59:59Z", "2026-03-28"],
    ["2026-03-28T23:00:00Z", "2026-03-29"],
    ["2026-03-29T21:59:59Z", "2026-03-29"],
    ["2026-03-29T22:00:00Z", "2026-03-30"],
    ["2026-10-24T22:00:00Z", "2026-10-25"],
    ["2026-10-25T22:59:59Z", "2026-10-25"],
    ["2025-12-31T23:00:00Z", "2026-01-01"],
    ["2024-02-28T23:30:00Z", "2024-02-29"],
  ])("%s falls on %s", (moment, day) => {
    expect(dayOf(new Date(moment))).toBe(day);
  });

  test("days are added in the calendar: over the clock change, the leap day and the end of the year", () => {
    expect(addDays("2026-03-28", 2)).toBe("2026-03-30");
    expect(addDays("2026-10-24", 2)).toBe("2026-10-26");
    expect(addDays("2024-02-28", 1)).toBe("2024-02-29");
    expect(addDays("2025-02-28", 1)).toBe("2025-03-01");
    expect(addDays("2025-12-30", 4)).toBe("2026-01-03");
    expect(addDays("2026-01-01", -1)).toBe("2025-12-31");
  });

  test("a day begins at midnight there, all through a year with both clock changes", () => {
    for (let day: Day = "2026-01-01"; day < "2027-01-02"; day = addDays(day, 1)) {
      const start = startOfDay(day);
      expect(dayOf(start)).toBe(day);
      expect(dayOf(new Date(start.getTime() - 1))).toBe(addDays(day, -1));
    }
  });

  test("what is no day is refused", () => {
    expect(["2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", ""].filter(isDay)).toEqual([]);
    expect(isDay("2028-02-29")).toBe(true);
    expect(spokenDay("2025-06-06")).toBe("Freitag, 06.06.2025");
  });
});

describe("§ 9 OZG", () => {
  test("the worked example: available Monday 02.06.2025, four days, deemed Friday 06.06.2025", () => {
    const state = clock();
    expect(state).toMatchObject({ state: "deemed", day: "2025-06-06", by: "fiction" });
    expect(clockLine(state)).toBe(
      "Gilt als bekannt gegeben am Freitag, 06.06.2025 (§ 9 OZG: vierter Tag nach der Bereitstellung).",
    );
  });

  test.each([
    ["before the postal reform three days", "2024-12-31", "2025-01-03"],
    ["from the postal reform on four", "2025-01-01", "2025-01-05"],
    ["over the end of the year", "2025-12-30", "2026-01-03"],
    ["over the leap day", "2028-02-27", "2028-03-02"],
    ["over no leap day", "2027-02-27", "2027-03-03"],
    ["over the clock change in spring", "2026-03-27", "2026-03-31"],
    ["over the clock change in autumn", "2026-10-23", "2026-10-27"],
    ["a weekend moves nothing", "2025-06-03", "2025-06-07"],
    ["a holiday moves nothing", "2025-12-21", "2025-12-25"],
  ])("%s", (_name, available, day) => {
    expect(dayIn({ available: ours(at(available)) })).toBe(day);
  });

  test("the day is that of Germany, not of UTC", () => {
    expect(dayIn({ available: ours(at("2025-06-01", "22:00:00Z")) })).toBe("2025-06-06");
    expect(dayIn({ available: ours(at("2025-06-01", "21:59:59Z")) })).toBe("2025-06-05");
    expect(dayIn({ available: ours(at("2024-12-31", "23:00:00Z")) })).toBe("2025-01-05");
  });

  test("made available again: an earlier first retrieval counts; without a second time it changes nothing", () => {
    const retrieved = ours(at("2025-06-03"), at("2025-06-20"));
    expect(dayIn({ retrieved })).toBe("2025-06-06");
    const again = ours(at("2025-06-10"), at("2025-06-02"));
    expect(clock({ available: again, retrieved })).toMatchObject({
      day: "2025-06-03",
      by: "first-retrieval",
    });
    expect(dayIn({ available: again })).toBe("2025-06-14");
    expect(dayIn({ available: again, retrieved: ours(at("2025-06-13", "23:00:00Z")) })).toBe(
      "2025-06-14",
    );
  });

  test("only the side that counts: what happens on the other one changes nothing, in either direction", () => {
    const legacy = [{ side: "legacy" as const, at: at("2025-05-20") }];
    const both = { available: [...legacy, ...ours(at("2025-06-02"))], retrieved: legacy };
    expect(dayIn(both)).toBe("2025-06-06");
    expect(dayIn({ ...both, side: "legacy" })).toBe("2025-05-24");
    expect(clock({ available: legacy })).toEqual({ state: "not-started", why: "not-available" });
  });

  test("three or four days is configuration; the open question is named whatever is set", () => {
    const three: ClockRule = {
      ...(LEGAL_TABLE[1] as ClockRule),
      days: 3,
      text: "§ 9 OZG: dritter Tag nach der Bereitstellung",
    };
    expect(dayIn({}, clockTable([three]))).toBe("2025-06-05");
    expect(clockTable([three])).toHaveLength(LEGAL_TABLE.length);
    expect(openQuestions(table, at("2026-01-01"))).toEqual([OZG_QUESTION]);
    expect(openQuestions(clockTable([three]), at("2026-01-01"))).toEqual([OZG_QUESTION]);
    expect(openQuestions(table, at("2024-01-01"))).toEqual([]);
  });

  test("notification at the latest on the same day", () => {
    expect(clock({ notified: at("2025-06-02", "21:59:00Z") })).toMatchObject({
      noticeInTime: true,
    });
    const late = clock({ notified: at("2025-06-02", "22:00:00Z") });
    expect(late).toMatchObject({ noticeInTime: false });
    expect(clockLine(late)).toContain("Benachrichtigung nicht am selben Tag");
    expect(clock()).toMatchObject({ noticeInTime: undefined });
  });

  test("who objected is not deemed to be notified", () => {
    expect(clock({ objected: true })).toEqual({ state: "not-started", why: "objected" });
  });
});

describe("§ 41 Abs. 2a VwVfG", () => {
  const given = { legalBasis: "§ 41 Abs. 2a VwVfG" };

  test("the day after the retrieval, also over the end of the year", () => {
    expect(dayIn({ ...given, retrieved: ours(at("2025-06-05")) })).toBe("2025-06-06");
    const available = ours(at("2025-12-28"));
    expect(dayIn({ ...given, available, retrieved: ours(at("2025-12-31", "22:59:59Z")) })).toBe(
      "2026-01-01",
    );
    expect(dayIn({ ...given, available, retrieved: ours(at("2025-12-31", "23:00:00Z")) })).toBe(
      "2026-01-02",
    );
  });

  test("ten days: the tenth still counts, after it nothing does", () => {
    const state = (now: Date, retrieved: Date[] = []) =>
      clock({ ...given, retrieved: ours(...retrieved) }, now);
    expect(state(at("2025-06-12", "21:59:59Z"))).toMatchObject({
      state: "waits",
      until: "2025-06-12",
    });
    const over = state(at("2025-06-12", "22:00:00Z"));
    expect(over).toMatchObject({ state: "not-notified", since: "2025-06-13" });
    expect(clockLine(over)).toContain("Erneut oder auf anderem Weg bekannt geben");
    expect(state(at("2025-07-01"), [at("2025-06-12", "21:59:59Z")])).toMatchObject({
      day: "2025-06-13",
    });
    expect(state(at("2025-07-01"), [at("2025-06-12", "22:00:00Z")])).toMatchObject({
      state: "not-notified",
    });
  });

  test("a retrieval before it was made available is none", () => {
    expect(clock({ ...given, retrieved: ours(at("2025-06-01")) }, at("2025-06-03"))).toMatchObject({
      state: "waits",
    });
  });
});

describe("other rules", () => {
  test("§ 41 Abs. 2 VwVfG: three days, from 2025 on four", () => {
    const legalBasis = "VwVfG § 41 (2)";
    expect(dayIn({ legalBasis, available: ours(at("2024-12-31")) })).toBe("2025-01-03");
    expect(dayIn({ legalBasis, available: ours(at("2025-01-01")) })).toBe("2025-01-05");
  });

  test.each([
    ["§ 9 OZG", "ozg-9"],
    ["§ 9 Abs. 1 Satz 3 OZG", "ozg-9"],
    ["OZG 9", "ozg-9"],
    ["ozg-9", "ozg-9"],
    ["§ 41 Abs. 2a VwVfG", "vwvfg-41-2a"],
    ["vwvfg-41-2a", "vwvfg-41-2a"],
    ["§ 41 Absatz 2 VwVfG", "vwvfg-41-2"],
    ["vwvfg-41-2", "vwvfg-41-2"],
    ["§ 90 OZG", "§ 90 ozg"],
    ["SGB X § 37", "sgb x § 37"],
    ["OZG", "ozg"],
  ])("%s is %s", (written, basis) => {
    expect(basisOf(written)).toBe(basis);
  });

  test("nothing is said about an unknown legal basis", () => {
    const state = clock({ legalBasis: "SGB X § 37" });
    expect(state).toEqual({ state: "no-rule" });
    expect(clockLine(state)).toBeUndefined();
  });

  test("the shift of non-working days is off by default and works over holidays when it is on", () => {
    const shifted: ClockRule = { ...(LEGAL_TABLE[1] as ClockRule), shiftNonWorking: true };
    const rules = clockTable([shifted]);
    expect(LEGAL_TABLE.some(({ shiftNonWorking }) => shiftNonWorking)).toBe(false);
    // 2025-04-14 + 4 = Good Friday → Tuesday after Easter.
    expect(dayIn({ available: ours(at("2025-04-14")) }, rules)).toBe("2025-04-22");
    expect(dayIn({ available: ours(at("2025-12-21")) }, rules)).toBe("2025-12-29");
    expect(dayIn({ available: ours(at("2025-06-03")) }, rules)).toBe("2025-06-10");
    const corpus = { table: rules, holidays: new Set(["2025-06-06"]) };
    expect(legalClock(facts(), corpus, at("2030-01-01"))).toMatchObject({ day: "2025-06-10" });
  });
});

describe("holidays", () => {
  test.each([
    [2024, "2024-03-31"],
    [2025, "2025-04-20"],
    [2026, "2026-04-05"],
    [2027, "2027-03-28"],
    [2038, "2038-04-25"],
    [1981, "1981-04-19"],
    [1954, "1954-04-18"],
    [2285, "2285-03-22"],
  ])("Easter %i", (year, day) => {
    expect(easterOf(year)).toBe(day);
  });

  test("nine national holidays a year; Easter Sunday is a Sunday", () => {
    for (const year of [2024, 2025, 2026, 2027, 2028]) {
      const days: Day[] = [];
      for (let day = `${year}-01-01` as Day; day <= `${year}-12-31`; day = addDays(day, 1))
        if (isNationalHoliday(day)) days.push(day);
      expect(days).toHaveLength(9);
    }
    expect(isWorkingDay("2026-04-03")).toBe(false);
    expect(isWorkingDay("2026-04-07")).toBe(true);
    const endless = new Set(Array.from({ length: 99 }, (_, n) => addDays("2026-01-01", n)));
    expect(() => nextWorkingDay("2026-01-01", endless)).toThrow(RangeError);
  });
});

test("docs/transition.md shows the built-in table as it is in the code", () => {
  const docs = readFileSync(new URL("../../../docs/transition.md", import.meta.url), "utf8");
  const rows = [...docs.matchAll(/^\| ([a-z0-9-]+) +\| (\d{4}-\d\d-\d\d) +\|(.*)\|$/gm)].map(
    ([, basis = "", from = "", rest = ""]) => [
      basis,
      from,
      ...rest.split("|").map((it) => it.trim()),
    ],
  );
  expect(rows).toEqual(
    LEGAL_TABLE.map((it) => [it.basis, it.validFrom, it.start, String(it.days), it.text]),
  );
});
