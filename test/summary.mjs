/** What `npm test` was asked for, and what came of it: pure functions, tested in test/unit/tools/. */

export const usage = `npm test                          everything
npm test -- <lane>...             only these lanes
npm test -- --file <path>         only these test files (may be repeated)
npm test -- -t <pattern>          only tests whose name matches`;

/** Throws an Error with the remedy for anything that is not understood. */
export function parseArguments(argv, laneNames) {
  const options = { lanes: [], files: [], pattern: undefined, help: false };
  const rest = [...argv];
  while (rest.length > 0) {
    const word = rest.shift();
    if (word === "--help" || word === "-h") options.help = true;
    else if (word === "--file") options.files.push(takeValue(word, rest));
    else if (word === "-t") options.pattern = takeValue(word, rest);
    else if (laneNames.includes(word)) options.lanes.push(word);
    else throw new Error(`'${word}' is no lane; there are: ${laneNames.join(", ")}\n${usage}`);
  }
  return options;
}

function takeValue(word, rest) {
  const value = rest.shift();
  if (value === undefined) throw new Error(`${word} needs a value\n${usage}`);
  return value;
}

export function isFocused({ lanes, files, pattern }) {
  return lanes.length > 0 || files.length > 0 || pattern !== undefined;
}

/** The lanes that will run: those named, those of the files named, or all. */
export function chooseLanes({ lanes, files }, all) {
  const folderOf = (file) => /(?:^|\/)test\/([^/]+)\//.exec(file)?.[1];
  const byFile = files.map(folderOf);
  if (lanes.length === 0 && files.length === 0) return all;
  return all.filter((lane) => lanes.includes(lane.name) || byFile.includes(lane.folder));
}

/**
 * Adds up vitest's JSON report and the troubles outside of it (failed checks, missing services that are required).
 * A file that failed before its first test counts as one failure; so do a report that is missing or empty, and a
 * vitest that ended badly although every test passed.
 */
export function countResults(report, exitCode, troubles) {
  const failures = [...troubles];
  for (const file of report?.testResults ?? [])
    if (file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"))
      failures.push(`${file.name} failed outside of its tests`);
  const passed = report?.numPassedTests ?? 0;
  const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
  const failedTests = report?.numFailedTests ?? 0;
  if (report === undefined) failures.push("vitest left no report");
  else if (passed + failedTests + skipped === 0 && failures.length === 0)
    failures.push("no test was found");
  if (report !== undefined && exitCode !== 0 && failedTests + failures.length === 0)
    failures.push(`vitest ended with ${String(exitCode)} although no test failed`);
  return { passed, failed: failedTests + failures.length, skipped, failures };
}

export function formatSummary({ passed, failed, skipped }) {
  return `${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`;
}

/** One line for each thing that could not run; `recorded` holds the lines the tests wrote (JSON each). */
export function listSkips(reasons, recorded) {
  const lines = [...reasons].map(([name, reason]) => ({ name, reason }));
  for (const text of recorded.split("\n").filter(Boolean)) lines.push(JSON.parse(text));
  return [
    ...new Map(lines.map(({ name, reason }) => [name, `SKIPPED ${name}: ${reason}`])).values(),
  ];
}
