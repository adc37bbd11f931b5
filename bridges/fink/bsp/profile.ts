import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import { GatewayError } from "../../../src/model/errors.ts";
import { profileSchema } from "./profile-schema.ts";
import type { OutcomeRule, Profile } from "./profile-schema.ts";

export type { OutcomeRule, Profile } from "./profile-schema.ts";

const BUILT_IN_NAME = "bsp-2.13";
const MAX_CHARACTERS = 200_000;

type Tree = Readonly<Record<string, unknown>>;

/** The profile that comes with the bridge. Read once, when the module is loaded. */
export const BUILT_IN: Profile = (() => {
  const name = `profiles/${BUILT_IN_NAME}.yaml`;
  return parseProfile(
    readFileSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), "utf8"),
    name,
  );
})();

/** The account's profile: its own file over the built-in one, or the built-in one. @throws GatewayError CONFIG_INVALID */
export function profileFor(file: { readonly source: string; readonly text: string } | undefined) {
  return file === undefined ? BUILT_IN : parseProfile(file.text, file.source.replace(/^file:/, ""));
}

/** Reads a profile; every fault is named with line and column. @throws GatewayError CONFIG_INVALID */
export function parseProfile(text: string, name: string): Profile {
  if (text.length > MAX_CHARACTERS)
    throw invalid([`${name}: more than ${MAX_CHARACTERS} characters`]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  if (document.errors.length > 0)
    throw invalid(document.errors.map((error) => `${place(error.pos[0])}: ${firstLine(error)}`));
  const own: unknown = document.toJS({ maxAliasCount: 0 });
  if (!isTree(own)) throw invalid([`${name}:1:1: must be a mapping`]);
  const { extends: base, ...tree } = own;
  if (base !== undefined && base !== BUILT_IN_NAME)
    throw invalid([`${name}: extends: only ${BUILT_IN_NAME} can be extended`]);
  const parsed = profileSchema.safeParse(base === undefined ? tree : merge(BUILT_IN, tree));
  if (parsed.success) return parsed.data;
  throw invalid(
    parsed.error.issues.map((issue) => {
      const surplus = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
      const at = place(offsetOf(document, [...issue.path, ...surplus]));
      return `${at}: ${issue.path.join(".") || "profile"}: ${issue.message}`;
    }),
  );
}

/** The rule for a code of table 9006. */
export function resultOf(status: string, { results }: Profile): Profile["results"][string] {
  return results[status] ?? (results["other"] as Profile["results"][string]);
}

/** The rule for an HTTP status without a word in SOAP. */
export function httpRuleOf(status: number, { http }: Profile): OutcomeRule {
  const digit = String(status).charAt(0);
  return (
    http[String(status)] ?? http[`${digit}xx`] ?? { code: "OUTCOME_UNKNOWN", fault: "unknown" }
  );
}

/** Where the deepest part of a path stands that is in the file. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const range = typeof node === "object" && node !== null && "range" in node && node.range;
    if (Array.isArray(range) && typeof range[0] === "number") return range[0];
  }
  return 0;
}

/** Mappings are merged, everything else (lists too) is replaced. */
function merge(base: unknown, over: unknown): unknown {
  if (!isTree(base) || !isTree(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) merged[name] = merge(base[name], value);
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function firstLine({ message }: Error): string {
  return message.split("\n")[0] ?? "";
}
function invalid(problems: readonly string[]): GatewayError {
  return new GatewayError("CONFIG_INVALID", problems.slice(0, 20).join("\n"));
}
