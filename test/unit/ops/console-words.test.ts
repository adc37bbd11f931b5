import { expect, test } from "vitest";
import { RECEIPT_RANK } from "../../../src/model/receipt.ts";
import { MESSAGE_STATES } from "../../../src/model/state.ts";
import { PHASE_NAMES } from "../../../src/transition/phases.ts";
import { OZG_QUESTION } from "../../../src/transition/legal-table.ts";
// The console is JavaScript without a build step.
// @ts-expect-error -- it has no types
import * as words from "../../../src/ops/console/words.js";

const {
  attention,
  bytes,
  clockLines,
  dayOf,
  daysAgo,
  directionOf,
  hashOf,
  mayAct,
  questionOf,
  refusalLines,
  routeOf,
  ruleOf,
  shortId,
  stateOf,
  stepOf,
  when,
} = words as Record<string, (...given: unknown[]) => never>;
const { PHASES, STATES } = words as Record<string, Record<string, unknown>>;

const NOW = new Date("2026-11-21T09:00:00Z");

test("every state, phase and receipt has a German word", () => {
  expect(Object.keys(STATES ?? {}).toSorted()).toEqual([...MESSAGE_STATES].toSorted());
  expect(Object.keys(PHASES ?? {}).toSorted()).toEqual([...PHASE_NAMES].toSorted());
  for (const kind of Object.keys(RECEIPT_RANK))
    expect(stepOf?.(`receipt ${kind} (origin: told)`)).toMatch(
      /^Nachweis: .+ \(dem Absender gesagt\)$/,
    );
  expect(stateOf?.("new-one")).toEqual({ text: "new-one", tone: "" });
});

test("steps in German; what is not known stays as it is", () => {
  expect(stepOf?.("accepted from legacy")).toBe("angenommen aus: bisheriges Postfach");
  expect(stepOf?.("attempt 2 began")).toBe("Versuch 2 begonnen");
  expect(stepOf?.("attempt 2: transient")).toBe("Versuch 2: gestört, wird wiederholt");
  expect(stepOf?.("attempt 1: held")).toBe("Versuch 1: zurückgehalten");
  expect(stepOf?.("quarantine q1: open")).toBe("quarantine q1: open");
});

test("times and days are those of Germany, in summer and in winter", () => {
  expect(when?.("2026-07-01T22:30:00Z")).toBe("02.07.2026, 00:30:00");
  expect(when?.("2026-12-31T23:30:00Z")).toBe("01.01.2027, 00:30:00");
  expect(when?.(undefined)).toBeUndefined();
  expect([dayOf?.("2026-11-20"), dayOf?.("2026-11-20T23:30:00Z")]).toEqual([
    "20.11.2026",
    "21.11.2026",
  ]);
  expect(daysAgo?.(7, NOW)).toBe("2026-11-14");
  expect(daysAgo?.(0, new Date("2026-11-21T23:30:00Z"))).toBe("2026-11-22");
});

test("sizes, ids and directions", () => {
  expect([999, 1_500, 2_000_000].map((size) => bytes?.(size))).toEqual(["999 B", "1,5 kB", "2 MB"]);
  expect(shortId?.("01a1fd0c-faa4-7bda-b5ba-2fdcfef32eb5")).toBe("01a1fd0c…2eb5");
  expect(directionOf?.("legacy → matrix")).toBe("bisheriges Postfach → Matrix");
});

test("addresses of pages go there and back, with whatever an id has in it", () => {
  const id = "a/b?c#d ü%";
  expect(routeOf?.(hashOf?.("schreiben", id, { state: "failed" }) as never)).toEqual({
    page: "schreiben",
    id,
    query: { state: "failed" },
  });
  expect(routeOf?.("")).toEqual({ page: "uebersicht", id: undefined, query: {} });
  expect(routeOf?.("#/protokoll")).toEqual({ page: "protokoll", id: undefined, query: {} });
});

test("an address that nobody can decode is taken as it is", () => {
  expect(routeOf?.("#/schreiben/100%")).toMatchObject({ page: "schreiben", id: "100%" });
});

test("what decided about a letter, in German; the name of a cohort stays", () => {
  expect(["account", "(history)", "pilot", undefined].map((rule) => ruleOf?.(rule))).toEqual([
    "Phase des Kontos, keine Kohorte passt",
    "Übernahme des Altbestands",
    "pilot",
    undefined,
  ]);
});

test("a role may what the ones before it may", () => {
  expect([mayAct?.("viewer", "operator"), mayAct?.("admin", "operator")]).toEqual([false, true]);
  expect(mayAct?.("stranger", "viewer")).toBe(false);
});

test("the clock of a letter: the sentence first, then why and by which rule", () => {
  const rule = {
    text: "§ 9 OZG: vierter Tag",
    validFrom: "2025-01-01",
    openQuestion: OZG_QUESTION,
  };
  const clock = {
    ...{ state: "deemed", channel: "matrix", legalBasis: "§ 9 OZG", noticeInTime: false, rule },
    line: "Gilt als bekannt gegeben am Freitag, 06.06.2025.",
  };
  const lines = clockLines?.(clock) as unknown as string[];
  expect(lines).toHaveLength(5);
  expect(lines[0]).toBe(clock.line);
  expect(lines[2]).toBe("Regel: § 9 OZG: vierter Tag (gültig ab 01.01.2025).");
  expect(lines[4]).toContain("Das muss Ihre Rechtsstelle entscheiden");
  const bare = { channel: "matrix", legalBasis: "Satzung" };
  expect((clockLines?.({ ...bare, state: "no-rule" }) as unknown as string[])[0]).toBe(
    "Zu „Satzung“ kennt die Tabelle keine Regel.",
  );
  expect(
    (clockLines?.({ ...bare, state: "not-started", why: "objected" }) as unknown as string[])[0],
  ).toContain("widersprochen");
  expect(questionOf?.("something new")).toBe("something new");
});

const fine = {
  ready: { ready: true, database: "ok", doorbell: "ok" },
  homeserver: { ok: true },
  accounts: [{ name: "a", ok: true, started: true, phase: "matrix" }],
  ...{ quarantine: 0, unknown: 0, failed: 0, waiting: [], watched: [] },
};
const texts = (more: object) =>
  (attention?.({ ...fine, ...more }, NOW) as unknown as { tone: string; text: string }[]).map(
    ({ tone, text }) => `${tone} ${text}`,
  );

test("all is well only when nothing needs anybody", () => {
  expect(texts({})).toEqual([]);
  const off = { name: "a", ok: false, started: false, phase: "off" };
  expect(texts({ accounts: [off] }), "who is off needs nobody").toEqual([]);
});

test("a letter that waits for more than an hour is named, with what keeps it", () => {
  const letter = { id: "m1", account: "a", code: "UNREACHABLE" };
  const watched = (state: string) => ({ watched: [{ account: "a", state, count: 2 }] });
  expect(texts(watched("waits"))).toEqual([]);
  expect(texts(watched("due"))[0]).toContain("warn Konto a: 2 Schreiben müssen bis morgen");
  expect(texts(watched("over"))[0]).toContain("bad Konto a: 2 Schreiben nicht rechtzeitig");
  expect(texts({ waiting: [{ ...letter, acceptedAt: "2026-11-21T08:00:00Z" }] })).toEqual([]);
  expect(texts({ waiting: [{ ...letter, acceptedAt: "2026-11-21T07:59:59Z" }] })).toEqual([
    "warn Konto a: ein Schreiben wartet seit 21.11.2026, 08:59:59 (UNREACHABLE)",
  ]);
});

test("what needs somebody is named, the worst first", () => {
  const certificate = (notAfter: string) => [{ subject: "CN=x", purpose: "key", notAfter }];
  const found = texts({
    quarantine: 1,
    unknown: 2,
    failed: 3,
    homeserver: { ok: false, detail: "away" },
    ready: { ready: false, database: "unavailable", doorbell: "degraded" },
    accounts: [
      { name: "a", ok: false, started: true, phase: "matrix", detail: "no answer" },
      { name: "b", ok: true, started: false, phase: "matrix" },
      { ...fine.accounts[0], certificates: certificate("2026-11-30T00:00:00Z") },
      { ...fine.accounts[0], certificates: certificate("2026-11-01T00:00:00Z") },
      { ...fine.accounts[0], certificates: certificate("2027-11-01T00:00:00Z") },
    ],
  });
  expect(found.map((line) => line.split(" ")[0])).toEqual([
    ...Array.from({ length: 6 }, () => "bad"),
    ...Array.from({ length: 4 }, () => "warn"),
  ]);
  expect(found.join("\n")).toContain("2 Schreiben mit unbekanntem Ausgang");
  expect(found.join("\n")).toContain("1 Eintrag in der Quarantäne");
  expect(found.join("\n")).toContain("läuft in 8 Tagen ab");
  expect(found.join("\n")).toContain("ist abgelaufen");
});

test("a refusal says what, and what to do", () => {
  expect(refusalLines?.({ status: 0, code: "", message: "", next: "" })).toEqual([
    "Das Gateway antwortet nicht.",
    "Läuft es? Diese Seite lädt sich nicht von selbst neu.",
  ]);
  const lines = refusalLines?.({ status: 409, code: "PLAN_REFUSED", message: "m", next: "n" });
  expect(lines).toEqual([
    "Das Gateway hat es nicht getan.",
    "m",
    "Was zu tun ist: n",
    "Code: PLAN_REFUSED",
  ]);
});
