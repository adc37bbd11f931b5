import { expect, test } from "vitest";
import { facts, safeText, spanText, styleFor, table } from "../../../src/cli/output.ts";

test.each([
  [0, "0.000 s"],
  [350, "0.350 s"],
  [12_400, "12.4 s"],
  [59_999, "60.0 s"],
  [185_000, "3 min 05 s"],
  [7_800_000, "2 h 10 min"],
  [356_400_000, "4 d 03 h"],
])("%i ms: %s", (milliseconds, text) => {
  expect(spanText(milliseconds)).toBe(text);
});

test("columns are aligned, whatever stands in them", () => {
  expect(
    table(
      ["A", "LONG HEAD", "C"],
      [
        ["xyz", 1, undefined],
        ["ü", "two\nlines", "end"],
      ],
    ),
  ).toBe("A    LONG HEAD  C\nxyz  1\nü    two�lines  end\n");
});

test("facts leave out what is not known", () => {
  expect(facts({ a: 1, long: undefined, bcd: false })).toBe("a    1\nbcd  false\n");
});

test.each([
  ["\u001b[2Jgone", "�[2Jgone"],
  ["a\u202eb\u2066c", "a�b�c"],
  ["line\u2028two\r\n", "line�two��"],
  ["\u009b31m", "�31m"],
  ["Grüße 🙂", "Grüße 🙂"],
])("%j is shown as %s", (text, shown) => {
  expect(safeText(text)).toBe(shown);
});

test("long values are cut", () => {
  expect(safeText("x".repeat(5_000))).toHaveLength(201);
});

test("colours only for a person at a terminal", () => {
  const terminal = { write: () => undefined, writeError: () => undefined, environment: {} };
  expect(styleFor({ ...terminal, isTty: false }).bad("x")).toBe("x");
  expect(styleFor({ ...terminal, isTty: true }).bad("x")).toBe("\u001b[31mx\u001b[39m");
});
