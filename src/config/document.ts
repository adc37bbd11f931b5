import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Document, Node, Pair } from "yaml";
import { GatewayError } from "../model/errors.ts";

const MAX_FILE_BYTES = 1_000_000;

export interface Place {
  /** Both count from 1. */
  readonly line: number;
  readonly column: number;
}
/** One thing that is wrong: where, which key, what, and what is allowed instead. Line 0: the file as a whole. */
export interface Problem extends Place {
  readonly file: string;
  readonly key: string;
  readonly message: string;
}

/** Everything that is wrong with a configuration or another input file, all at once, in the order of the file. */
export class ConfigError extends GatewayError {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[], options: { cause?: unknown } = {}) {
    super("CONFIG_INVALID", problems.map(formatProblem).join("\n"), options);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

export function formatProblem({ file, line, column, key, message }: Problem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return key === "" ? `${place} — ${message}` : `${place} ${key} — ${message}`;
}

/** A YAML file as plain data, and where each part of it stands. */
export interface SettingsDocument {
  readonly file: string;
  readonly raw: unknown;
  /** Faults of the YAML itself. */
  readonly problems: readonly Problem[];
  /** false: the structure is broken, everything further would be guessed. */
  readonly readable: boolean;
  /** Of the value at this path; of its nearest parent when there is none. */
  placeOf(path: readonly PropertyKey[], what?: "key" | "value"): Place;
}

/** Throws ConfigError when the file cannot be read at all. */
export function readDocument(file: string): SettingsDocument {
  const text = readText(file);
  const lines = new LineCounter();
  const document = parse(file, text, lines);
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = [...document.errors, ...document.warnings];
  const problems = faults.map((fault) => ({
    file,
    ...at(fault.pos[0]),
    key: "",
    message:
      fault.code === "DUPLICATE_KEY"
        ? "this key stands twice in the same place; keep one"
        : `not valid YAML: ${fault.message}`,
  }));
  const aliases = aliasesOf(document).map((node) => ({
    file,
    ...at(node.range?.[0] ?? 0),
    key: "",
    message: "anchors and aliases (& and *) are not allowed; write the value out",
  }));
  const readable = aliases.length === 0 && faults.every(({ code }) => code === "DUPLICATE_KEY");
  return {
    file,
    raw: readable ? (document.toJS({ maxAliasCount: 0 }) as unknown) : undefined,
    problems: [...problems, ...aliases],
    readable,
    placeOf: (path, what = "value") => at(offsetOf(document, path, what)),
  };
}

function readText(file: string): string {
  const fail = (why: string, cause?: unknown) => wholeFile(file, why, cause);
  let handle: number | undefined;
  try {
    handle = openSync(file, "r");
    if (fstatSync(handle).isDirectory()) throw fail("is a folder, not a file");
    const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
    let size = 0;
    for (let read = -1; read !== 0; size += read)
      read = readSync(handle, bytes, size, bytes.length - size, null);
    if (size > MAX_FILE_BYTES) throw fail(`is larger than ${MAX_FILE_BYTES / 1_000_000} MB`);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, size));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (error instanceof TypeError) throw fail("is not UTF-8", error);
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw fail("does not exist; begin with a copy of config.example.yaml", error);
    throw fail(code === "EACCES" ? "may not be read by this user" : String(error), error);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function wholeFile(file: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ file, line: 0, column: 0, key: "", message }], { cause });
}

function parse(file: string, text: string, lineCounter: LineCounter): Document {
  try {
    return parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      uniqueKeys: true,
      stringKeys: true,
    });
  } catch (cause) {
    // The parser recurses: a file made of brackets alone ends here.
    throw wholeFile(file, "is nested too deeply", cause);
  }
}

function aliasesOf(document: Document): Node[] {
  const found: Node[] = [];
  visit(document, {
    Node(_key, node) {
      if (isAlias(node) || ("anchor" in node && node.anchor)) found.push(node);
    },
  });
  return found;
}

function offsetOf(document: Document, path: readonly PropertyKey[], what: "key" | "value"): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    const pair = isMap(node) ? findPair(node.items, String(step)) : undefined;
    const below = isSeq(node) ? node.items[Number(step)] : pair?.value;
    if (below === undefined && pair === undefined) break;
    const keyStart = startOf(pair?.key);
    const isLast = depth === path.length - 1;
    const wanted = isLast && what === "value" ? (scalarStart(below) ?? keyStart) : keyStart;
    offset = wanted ?? startOf(below) ?? offset;
    node = below;
  }
  return offset;
}

/** A map or list is pointed at by its key: its own first character belongs to something else. */
function scalarStart(node: unknown): number | undefined {
  return isScalar(node) && node.value !== null ? startOf(node) : undefined;
}
function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
function findPair(items: readonly Pair[], key: string): Pair | undefined {
  return items.findLast((item) => isScalar(item.key) && String(item.key.value) === key);
}
