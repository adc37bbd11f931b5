import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import { GatewayError } from "../../src/model/errors.ts";
import { profileSchema } from "./profile-schema.ts";
import type { Profile } from "./profile-schema.ts";

export type { ErrorRule, Profile } from "./profile-schema.ts";

const BUILT_IN_NAME = "zbp-v6";
const MAX_BYTES = 200_000;

type Tree = { readonly [key: string]: unknown };

/** The profile that comes with the bridge. Read once, when the module is loaded. */
export const BUILT_IN: Profile = (() => {
  const path = fileURLToPath(new URL(`profiles/${BUILT_IN_NAME}.yaml`, import.meta.url));
  return parseProfile(readFileSync(path, "utf8"), `profiles/${BUILT_IN_NAME}.yaml`);
})();

/** The account's profile: its own file over the one it extends, or the built-in one. @throws GatewayError */
export function profileFor(
  file: { readonly source: string; readonly text: string } | undefined,
): Profile {
  return file === undefined ? BUILT_IN : parseProfile(file.text, file.source.replace(/^file:/, ""));
}

/**
 * Reads a profile; every fault is named with line and column.
 * @throws GatewayError CONFIG_INVALID
 */
export function parseProfile(text: string, name: string): Profile {
  if (text.length > MAX_BYTES) throw invalid([`${name}: more than ${MAX_BYTES} characters`]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0)
    throw invalid(
      document.errors.map(({ pos, message }) => {
        const { line, col } = lines.linePos(pos[0]);
        return `${name}:${line}:${col}: ${message.split("\n")[0]}`;
      }),
    );
  const own: unknown = document.toJS({ maxAliasCount: 0 });
  if (!isTree(own)) throw invalid([`${name}:1:1: must be a mapping`]);
  const { extends: base, ...tree } = own;
  if (base !== undefined && base !== BUILT_IN_NAME)
    throw invalid([`${name}: extends: only ${BUILT_IN_NAME} can be extended`]);
  const whole = base === undefined ? tree : merge(BUILT_IN, tree);
  const result = profileSchema.safeParse(whole);
  if (result.success) return result.data;
  throw invalid(
    result.error.issues.map((issue) => {
      const { path, message } = issue;
      const surplus = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
      const { line, col } = placeOf(document, lines, [...path, ...surplus]);
      return `${name}:${line}:${col}: ${path.join(".") || "profile"}: ${message}`;
    }),
  );
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

/** Mappings are merged, everything else (lists too) is replaced. */
function merge(base: unknown, over: unknown): unknown {
  if (!isTree(base) || !isTree(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) merged[key] = merge(base[key], value);
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(problems: readonly string[]): GatewayError {
  return new GatewayError("CONFIG_INVALID", problems.slice(0, 20).join("\n"));
}
