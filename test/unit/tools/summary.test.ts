import { describe, expect, test } from "vitest";
import { lanes } from "../../lanes.mjs";
import {
  chooseLanes,
  countResults,
  formatSummary,
  isFocused,
  listSkips,
  parseArguments,
  type TestReport,
} from "../../summary.mjs";

const names = lanes.map((lane) => lane.name);
const report = (changes: Partial<TestReport> = {}): TestReport => ({
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
  ...changes,
});

describe("arguments", () => {
  test("nothing means everything", () => {
    const options = parseArguments([], names);
    expect(isFocused(options)).toBe(false);
    expect(chooseLanes(options, lanes)).toEqual(lanes);
  });

  test("lanes, files and a pattern narrow the run", () => {
    const argv = ["unit", "--file", "test/e2e/a.test.ts", "-t", "once"];
    const options = parseArguments(argv, names);
    expect(isFocused(options)).toBe(true);
    expect(options.pattern).toBe("once");
    expect(chooseLanes(options, lanes).map((lane) => lane.name)).toEqual(["unit", "synapse"]);
  });

  test.each([[["unti"]], [["--file"]], [["--fast"]]])(
    "refuses %j with what is possible",
    (argv) => {
      expect(() => parseArguments(argv, names)).toThrow(/npm test/);
    },
  );
});

describe("counting", () => {
  test("takes passed, failed, pending and todo from the report", () => {
    const counts = { numFailedTests: 2, numPendingTests: 3, numTodoTests: 1 };
    const result = countResults(report(counts), 1, []);
    expect(formatSummary(result)).toBe("5 passed, 2 failed, 4 skipped");
  });

  test("a failed check is one failure", () => {
    expect(countResults(report(), 0, ["lint failed", "type check failed"]).failed).toBe(2);
  });

  test("a file that fails before its first test is one failure", () => {
    const file = { name: "a.test.ts", status: "failed", assertionResults: [] };
    expect(countResults(report({ testResults: [file] }), 1, []).failed).toBe(1);
  });

  test("a file whose tests failed is counted by its tests", () => {
    const file = { name: "a.test.ts", status: "failed", assertionResults: [{ status: "failed" }] };
    expect(countResults(report({ numFailedTests: 1, testResults: [file] }), 1, []).failed).toBe(1);
  });

  test.each([
    ["no report", undefined, 0],
    ["no test at all", report({ numPassedTests: 0 }), 0],
    ["a bad end without a failed test", report(), 1],
  ])("%s is a failure", (_, given, exitCode) => {
    expect(countResults(given, exitCode, []).failed).toBe(1);
  });

  test("a good run has none", () => {
    expect(countResults(report(), 0, []).failed).toBe(0);
  });
});

test("a skip is listed once for each service", () => {
  const recorded =
    `{"name":"redis","reason":"not here"}\n`.repeat(3) +
    `{"name":"synapse","reason":"no Python"}\n`;
  const reasons = new Map([["synapse", "no Python"]]);
  expect(listSkips(reasons, recorded)).toEqual([
    "SKIPPED synapse: no Python",
    "SKIPPED redis: not here",
  ]);
});
