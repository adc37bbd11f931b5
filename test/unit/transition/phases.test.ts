import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Phase } from "../../../src/bridge/contract.ts";
import { isCopy, mayGo, PHASE_NAMES, PHASES, wayBetween } from "../../../src/transition/phases.ts";

test("whoever acknowledges is the one that counts, and only one side notifies and starts the clock", () => {
  for (const rule of Object.values(PHASES)) {
    expect(rule.acknowledges).toBe(rule.authority === "matrix");
    expect(rule.receipts).toBe(rule.authority === "matrix");
    expect(rule.notifies).toBe(rule.authority);
    expect(rule.clock).toBe(rule.authority);
    if (rule.copyTo) expect(rule.copyTo).not.toBe(rule.authority);
    if (rule.takes === "nothing") expect(rule.authority).toBeUndefined();
  }
});

test("the way to Matrix and back goes step by step; the brake works from everywhere", () => {
  const way: Phase[] = ["off", "observe", "mirror", "matrix-first", "matrix", "drain", "off"];
  way.slice(1).forEach((to, n) => expect(mayGo(way[n] ?? "off", to)).toBe(true));
  const back: Phase[] = ["matrix", "matrix-first", "mirror", "observe", "off"];
  back.slice(1).forEach((to, n) => expect(mayGo(back[n] ?? "off", to)).toBe(true));
  for (const [from, to] of [
    ["observe", "matrix"],
    ["observe", "matrix-first"],
    ["mirror", "matrix"],
    ["matrix", "mirror"],
    ["matrix", "observe"],
    ["drain", "mirror"],
  ] as const)
    expect(mayGo(from, to), `${from} → ${to}`).toBe(false);
  for (const phase of PHASE_NAMES) {
    expect(mayGo(phase, "off")).toBe(true);
    expect(mayGo(phase, phase)).toBe(true);
  }
});

test("advice is the shortest way, in allowed steps, and never through off or drain", () => {
  expect(wayBetween("observe", "matrix")).toEqual(["observe", "mirror", "matrix-first", "matrix"]);
  expect(wayBetween("matrix", "observe")).toEqual(["matrix", "matrix-first", "mirror", "observe"]);
  for (const from of PHASE_NAMES)
    for (const to of PHASE_NAMES) {
      const way = wayBetween(from, to);
      expect([way[0], way.at(-1)]).toEqual([from, to]);
      way.slice(1).forEach((step, n) => expect(mayGo(way[n] ?? from, step)).toBe(true));
      for (const between of way.slice(1, -1)) expect(["off", "drain"]).not.toContain(between);
    }
});

test("a copy is what goes to the side that does not count", () => {
  const legacy = { origin: "legacy" } as const;
  expect(isCopy({ ...legacy, destination: "matrix", phase: "mirror" })).toBe(true);
  expect(isCopy({ ...legacy, destination: "legacy", phase: "mirror" })).toBe(false);
  expect(isCopy({ ...legacy, destination: "legacy", phase: "matrix-first" })).toBe(true);
  expect(isCopy({ ...legacy, destination: "matrix", phase: "matrix-first" })).toBe(false);
  expect(isCopy({ ...legacy, destination: "matrix" })).toBe(false);
  expect(isCopy({ origin: "matrix", destination: "legacy", phase: "matrix-first" })).toBe(false);
});

test("docs/transition.md shows the table as it is in the code", () => {
  const docs = readFileSync(new URL("../../../docs/transition.md", import.meta.url), "utf8");
  const rows = [...docs.matchAll(/^\| `([a-z-]+)` +\|(.*)\|$/gm)].map(
    ([, phase = "", rest = ""]) => [phase, ...rest.split("|").map((cell) => cell.trim())],
  );
  const side = (value: string | undefined) => value ?? "–";
  const expected = PHASE_NAMES.map((name) => {
    const rule = PHASES[name];
    return [
      ...[name, rule.takes, side(rule.authority), side(rule.copyTo)],
      ...[rule.acknowledges ? "yes" : "no", rule.receipts ? "yes" : "no"],
      ...[side(rule.notifies), side(rule.clock), rule.fromMatrix, rule.next.join(", ")],
    ];
  });
  const isOfPhases = (row: readonly string[]) => row.length === expected[0]?.length;
  expect(rows.filter(isOfPhases)).toEqual(expected);
  for (const { meaning } of Object.values(PHASES)) expect(docs).toContain(meaning);
});
