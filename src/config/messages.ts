import type { z } from "zod";
import { nearest } from "./nearest.ts";
import { fieldOf, outlineAt, type Outline } from "./outline.ts";
import { formatDuration, formatSize } from "./units.ts";

/** A fault of the schema in an operator's words. `path` leads to the value, or to the key that does not belong. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly at?: "key" | "value";
}

const MAX_FOUND = 40;
const MAX_NAMED = 30;

/** `raw`: the whole value that was validated; `outline`: of its schema. */
export function describeIssue(issue: z.core.$ZodIssue, raw: unknown, outline: Outline): Fault[] {
  const { path } = issue;
  const value = path.reduce(fieldOf, raw);
  const place = outlineAt(outline, path, raw);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => unknownKey(path, key, place, value));
  if (issue.code === "invalid_key")
    return [
      { path, at: "key", message: `this name is not allowed: ${firstMessage(issue.issues)}` },
    ];
  if (issue.code === "custom")
    return [{ path, message: issue.message + foundSuffix(value, place) }];
  if (value === undefined || value === null) return [{ path, message: missing(place, value) }];
  const found = foundText(value, place);
  if (hasOwnMessage(issue)) return [{ path, message: `${issue.message}; found ${found}` }];
  return [{ path, message: `${wrong(issue, found)}; allowed: ${allowedText(place)}` }];
}

function unknownKey(
  path: readonly PropertyKey[],
  key: string,
  outline: Outline | undefined,
  value: unknown,
): Fault {
  const valid = namesOf(outline, value);
  const meant = nearest(key, valid);
  const hint = meant === undefined ? "; allowed" : `; did you mean "${meant}"? Allowed`;
  const named = valid.slice(0, MAX_NAMED).join(", ") || "nothing";
  return { path: [...path, key], at: "key", message: `unknown key${hint} here: ${named}` };
}

/** Keys that may stand here; of a union those of the chosen form. */
function namesOf(outline: Outline | undefined, value: unknown): string[] {
  if (outline?.type !== "union") return [...(outline?.fields?.keys() ?? [])];
  const { discriminator, options = [] } = outline;
  const chosen = options.filter((option) =>
    discriminator === undefined
      ? true
      : option.fields
          ?.get(discriminator)
          ?.values?.includes(fieldOf(value, discriminator) as string),
  );
  return [...new Set(chosen.flatMap((option) => [...(option.fields?.keys() ?? [])]))];
}

function missing(outline: Outline | undefined, value: unknown): string {
  const what = value === null ? "is empty" : "is missing";
  const about = outline?.description === undefined ? "" : ` (${outline.description})`;
  return `${what}; allowed: ${allowedText(outline)}${about}`;
}

/** Texts that a schema gives itself are better than ours; ours are better than the library's. */
function hasOwnMessage(issue: z.core.$ZodIssue): boolean {
  return !/^(Invalid |Too (small|big)|Unrecognized|No matching)/.test(issue.message);
}

function firstMessage(issues: readonly z.core.$ZodIssue[]): string {
  return issues[0]?.message ?? "does not match";
}

function wrong(issue: z.core.$ZodIssue, found: string): string {
  switch (issue.code) {
    case "too_small":
      return issue.origin === "array"
        ? "has too few entries"
        : tooMuch(issue.origin, found, "short", "small");
    case "too_big":
      return issue.origin === "array"
        ? "has too many entries"
        : tooMuch(issue.origin, found, "long", "large");
    case "invalid_type":
      return `found ${found}`;
    default:
      return `${found} is not allowed`;
  }
}

function tooMuch(origin: string, found: string, ofText: string, ofNumber: string): string {
  return `${found} is too ${origin === "string" ? ofText : ofNumber}`;
}

function foundSuffix(value: unknown, outline: Outline | undefined): string {
  const isScalar = ["string", "number", "boolean"].includes(typeof value);
  return isScalar ? `; found ${foundText(value, outline)}` : "";
}

/** What was found, for display; never a value that may be a secret. */
export function foundText(value: unknown, outline: Outline | undefined): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map of keys";
  if (outline?.kind === "secret") return "a value that is not shown here";
  if (typeof value === "number" && outline?.values?.includes(String(value)) === true)
    return `the number ${value} (without quotes)`;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_FOUND ? `${text.slice(0, MAX_FOUND)}…` : text;
}

const KINDS: Readonly<Record<string, string>> = {
  secret: "where the secret is kept: file:<path> or env:<NAME>",
  file: "file:<path>",
  duration: "a duration such as 500ms, 10s, 5m, 72h or 7d",
  size: "a size such as 500kB, 2MB or 1GB",
  listen: "<address>:<port>",
  url: "an absolute URL",
};

/** What may stand at a place, in a few words. */
export function allowedText(outline: Outline | undefined): string {
  if (outline?.kind !== undefined && KINDS[outline.kind] !== undefined)
    return KINDS[outline.kind] ?? "";
  switch (outline?.type) {
    case "enum":
      return (outline.values ?? []).map((value) => JSON.stringify(value)).join(", ");
    case "boolean":
      return "true or false";
    case "number":
      return `${outline.integer ? "a whole number" : "a number"}${rangeText(outline)}`;
    case "text":
      return `text${lengthText(outline)}`;
    case "list":
      return `a list${countText(outline)}`;
    case "object":
    case "union":
      return `a map with the keys ${namesOf({ ...outline, type: "object" }, undefined).join(", ") || unionNames(outline)}`;
    case "record":
      return "a map";
    default:
      return "see config.example.yaml";
  }
}

function unionNames(outline: Outline): string {
  const { discriminator, options = [] } = outline;
  if (discriminator === undefined) return "of one of its forms";
  const values = options.flatMap((option) => option.fields?.get(discriminator)?.values ?? []);
  return `${discriminator} (${values.map((value) => JSON.stringify(value)).join(", ")}) and those that belong to it`;
}

function rangeText({ minimum, maximum }: Outline): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `, at least ${minimum}`;
  return maximum === undefined ? "" : `, at most ${maximum}`;
}
function lengthText({ minimum, maximum }: Outline): string {
  if (minimum !== undefined && maximum !== undefined)
    return ` of ${minimum} to ${maximum} characters`;
  if (minimum !== undefined) return ` of at least ${minimum} characters`;
  return maximum === undefined ? "" : ` of at most ${maximum} characters`;
}
function countText({ minimum, maximum }: Outline): string {
  if (minimum !== undefined && maximum !== undefined) return ` of ${minimum} to ${maximum} entries`;
  if (minimum !== undefined) return ` of at least ${minimum} entries`;
  return maximum === undefined ? "" : ` of at most ${maximum} entries`;
}

/** A default in the form in which it is written in the file. */
export function writtenForm(value: unknown, outline: Outline): unknown {
  if (outline.kind === "duration" && typeof value === "number") return formatDuration(value);
  if (outline.kind === "size" && typeof value === "number") return formatSize(value);
  return value;
}
