import { LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import type { z } from "zod";
import { GatewayError } from "../../../src/model/errors.ts";

const MAX_PROBLEMS = 20;

/** What a YAML file says, in the form of a schema, and where in it something stands. */
export interface YamlFile<T> {
  readonly data: T;
  /** A complaint about the value at `path`, with file, line and column. */
  complain(path: readonly PropertyKey[], message: string): GatewayError;
}

/**
 * Reads a settings file of this bridge. Aliases are refused (they multiply), keys must be unique.
 * @throws GatewayError CONFIG_INVALID: every fault with line and column
 */
export function readYaml<S extends z.ZodType>(
  text: string,
  name: string,
  schema: S,
  maxCharacters: number,
): YamlFile<z.output<S>> {
  if (text.length > maxCharacters)
    throw invalid([`${name}: more than ${maxCharacters} characters`]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const place = (at: { line: number; col: number }) => `${name}:${at.line}:${at.col}`;
  if (document.errors.length > 0)
    throw invalid(
      document.errors.map(
        ({ pos, message }) => `${place(lines.linePos(pos[0]))}: ${message.split("\n")[0]}`,
      ),
    );
  const result = schema.safeParse(toPlain(document, name));
  const say = (path: readonly PropertyKey[], message: string) =>
    `${place(placeOf(document, lines, path))}: ${path.join(".") || "file"}: ${message}`;
  if (!result.success)
    throw invalid(
      result.error.issues.map((issue) => {
        const surplus = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
        return say([...issue.path, ...surplus], issue.message);
      }),
    );
  return { data: result.data, complain: (path, message) => invalid([say(path, message)]) };
}

function toPlain(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new GatewayError("CONFIG_INVALID", `${name}: aliases are not allowed`, { cause });
  }
}

/** The deepest part of the path that stands in the file: a missing key is reported where its parent begins. */
function placeOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]) {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const range = typeof node === "object" && node !== null && "range" in node && node.range;
    if (Array.isArray(range) && typeof range[0] === "number") return lines.linePos(range[0]);
  }
  return { line: 1, col: 1 };
}

function invalid(problems: readonly string[]): GatewayError {
  return new GatewayError("CONFIG_INVALID", problems.slice(0, MAX_PROBLEMS).join("\n"));
}
