import type { z } from "zod";
import { ConfigError, type Problem } from "../config/load.ts";
import type { CoreConfig } from "../config/schema.ts";
import { describeError } from "../model/errors.ts";
import { checkLink, linkRowSchema } from "./links.ts";

export type LinkRow = z.output<typeof linkRowSchema>;

const MAX_ROWS = 100_000;
const MAX_PROBLEMS = 100;
const COLUMNS = ["account", "mailbox", "user"] as const;
/** May follow, in any order; an empty value says nothing. */
const MORE_COLUMNS: readonly string[] = ["from", "until", "role"];

/** One row and the line on which it begins; JSON has no lines, there it is the number of the entry. */
interface RawRow {
  readonly line: number;
  readonly row: unknown;
}

/**
 * A list of links: CSV with the header account,mailbox,user (comma or semicolon), or a JSON list of such objects. Either
 * all of it is good, or ConfigError names every line that is not, and nothing is taken.
 */
export function parseLinks(file: string, text: string, config: CoreConfig): readonly LinkRow[] {
  const problems: Problem[] = [];
  const complain = (line: number, key: string, message: string) =>
    void problems.push({ file, line, column: 1, key, message });
  const raw = /^\s*[[{]/.test(text) ? parseJson(text, complain) : parseCsv(text, complain);
  if (raw.length > MAX_ROWS) complain(0, "", `has more than ${MAX_ROWS} rows; split it`);
  const rows: LinkRow[] = [];
  const firstLine = new Map<string, number>();
  for (const { line, row } of raw.slice(0, MAX_ROWS)) {
    const link = checkRow(row, line, config, complain);
    if (!link) continue;
    const key = JSON.stringify([link.account, link.mailbox, link.user]);
    const first = firstLine.get(key);
    if (first === undefined) firstLine.set(key, line);
    else complain(line, "", `is the same link as line ${first}`);
    rows.push(link);
  }
  if (problems.length === 0 && rows.length === 0) complain(0, "", "holds no link");
  if (problems.length > 0) throw new ConfigError(problems.slice(0, MAX_PROBLEMS));
  return rows;
}

type Complain = (line: number, key: string, message: string) => void;

function checkRow(
  row: unknown,
  line: number,
  config: CoreConfig,
  complain: Complain,
): LinkRow | undefined {
  const parsed = linkRowSchema.safeParse(row);
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) complain(line, path.join("."), message);
    return undefined;
  }
  try {
    checkLink(config, parsed.data);
    return parsed.data;
  } catch (error) {
    complain(line, "", describeError(error));
    return undefined;
  }
}

function parseJson(text: string, complain: Complain): readonly RawRow[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value.map((row: unknown, n) => ({ line: n + 1, row }));
    complain(0, "", "must be a JSON list of {account, mailbox, user}");
  } catch (error) {
    complain(0, "", `is not valid JSON: ${describeError(error)}`);
  }
  return [];
}

function parseCsv(text: string, complain: Complain): readonly RawRow[] {
  const records = readRecords(text.replace(/^\uFEFF/, ""), complain);
  const [head, ...rest] = records;
  const names = head?.cells.map((cell) => cell.trim().toLowerCase()) ?? [];
  const missing = COLUMNS.filter((name) => !names.includes(name));
  const known = [...COLUMNS, ...MORE_COLUMNS];
  const isWrong = names.some((name, n) => !known.includes(name) || names.indexOf(name) !== n);
  if (missing.length > 0 || isWrong) {
    complain(head?.line ?? 1, "", `the first line must be the header: ${COLUMNS.join(",")}`);
    return [];
  }
  return rest.flatMap(({ line, cells }) => {
    if (cells.length === names.length) return [{ line, row: rowOf(names, cells) }];
    complain(line, "", `has ${cells.length} values, the header has ${names.length}`);
    return [];
  });
}

function rowOf(names: readonly string[], cells: readonly string[]): Record<string, string> {
  const entries = names.map((name, n) => [name, cells[n]?.trim() ?? ""] as const);
  return Object.fromEntries(
    entries.filter(([name, value]) => value !== "" || !MORE_COLUMNS.includes(name)),
  );
}

interface CsvRecord {
  readonly line: number;
  readonly cells: string[];
}

/** RFC 4180 with comma or semicolon (whichever the header has); empty lines and lines that begin with # are skipped. */
function readRecords(text: string, complain: Complain): CsvRecord[] {
  const separator = /^[^\n,]*;/.test(text.replace(/^(#.*)?\r?\n/gm, "")) ? ";" : ",";
  const records: CsvRecord[] = [];
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    if (records.length > MAX_ROWS + 1) break;
    const line = index + 1;
    if (content.trim() === "" || content.startsWith("#")) continue;
    const cells = splitLine(content, separator);
    if (cells) records.push({ line, cells });
    else complain(line, "", "has quotes that do not match");
  }
  return records;
}

/** undefined: the quotes do not match. A quoted value may not contain a line break: no mailbox or user has one. */
function splitLine(line: string, separator: string): string[] | undefined {
  const cells: string[] = [];
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^"${separator}]*))(${separator}|$)`, "y");
  for (;;) {
    const match = cell.exec(line);
    if (!match) return undefined;
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return cells;
  }
}
