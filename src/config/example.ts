import { parse, stringify } from "yaml";
import type { BridgeDefinition } from "../bridge/contract.ts";
import { writtenForm } from "./messages.ts";
import { fieldOf, outlineAt, outlineOf, type Outline } from "./outline.ts";
import { coreSchema } from "./schema.ts";
import { PLACEHOLDER } from "./secrets.ts";

/**
 * `config.example.yaml`: every key with its description. `# text` explains, `#key:` is a setting at its default (taking
 * the # away changes nothing), `##key:` is another form of the setting above it.
 */

const WIDTH = 96;
const HEADER = [
  "yaml-language-server: $schema=docs/config.schema.json",
  "",
  "Configuration of the Postfachbrücke. Copy this file to config.yaml and set everything that says CHANGE-ME;",
  "the gateway does not start before. Then run: postfach-bridge check",
  "",
  "A line that begins with # and no space is a setting at its default or one that is not needed: take the # away to use it.",
  "Lines with ## are another form of the setting above them. Secrets never stand here: file:<path> or env:<NAME>.",
  "Written by `npm run generate`; do not edit.",
];
/** What stands in the example when a schema gives none of its own. */
const FALLBACK: Readonly<Record<string, unknown>> = {
  secret: `file:${PLACEHOLDER}`,
  file: `file:${PLACEHOLDER}`,
  url: `https://${PLACEHOLDER}.example.org`,
  listen: "127.0.0.1:8080",
  email: `${PLACEHOLDER}@example.org`,
  duration: "10s",
  size: "1MB",
};
/** Keys that are taken together into an example to solve a contradiction, and such steps at most. */
const MAX_TOGETHER = 2;
const MAX_STEPS = 10;

export function renderExample(definitions: Iterable<BridgeDefinition>): string {
  const core = outlineOf(coreSchema);
  const accounts = [...definitions].map((definition) => renderAccount(core, definition));
  const lines = renderFields(core, undefined, false, { accounts: accounts.flat() });
  return [...HEADER.map((line) => (line === "" ? "#" : `# ${line}`)), "", ...lines, ""].join("\n");
}

function renderAccount(core: Outline, definition: BridgeDefinition): string[] {
  const account = core.fields?.get("accounts")?.element;
  const settings = outlineOf(definition.schema);
  if (!account?.fields) return [];
  const fields = new Map(account.fields);
  fields.set("settings", {
    ...settings,
    required: true,
    description: `Settings of ${definition.name}: ${definition.title}`,
  });
  const example = {
    name: `${definition.name}-1`,
    bridge: definition.name,
    settings: settings.example ?? minimalExample(definition, settings),
  };
  return asEntry(renderFields({ ...account, fields }, example, false));
}

/**
 * For a bridge that brings no example: the required keys, and of the optional ones as few as its own rules ask for
 * ("either this or that"), so that nothing but the placeholders is wrong with what an operator copies.
 */
function minimalExample({ schema }: BridgeDefinition, outline: Outline): unknown {
  const faultsOf = (example: unknown) => {
    const text = renderFields(outline, example, false).join("\n");
    return schema.safeParse((parse(text) as unknown) ?? {}).error?.issues ?? [];
  };
  let example: unknown = {};
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const fault = faultsOf(example).find(({ code }) => code === "custom");
    if (!fault) break;
    const remains = (other: unknown) =>
      faultsOf(other).some(
        ({ code, path }) => code !== "custom" || path.join(".") === fault.path.join("."),
      );
    const better = additions(outline, example, fault.path).find((other) => !remains(other));
    if (better === undefined) break;
    example = better;
  }
  return example;
}

/** The example with one more optional key at this place, then with two more. */
function additions(outline: Outline, example: unknown, path: readonly PropertyKey[]): unknown[] {
  const place = outlineAt(outline, path, example);
  const current = path.reduce(fieldOf, example);
  const optional = [...(place?.fields ?? [])].filter(
    ([name, field]) => !field.required && fieldOf(current, name) === undefined,
  );
  let sets: (readonly [string, Outline])[][] = [[]];
  const found: unknown[] = [];
  for (let size = 1; size <= MAX_TOGETHER; size += 1) {
    sets = sets.flatMap((set) => {
      const from = optional.findIndex(([name]) => name === set.at(-1)?.[0]) + 1;
      return optional.slice(from).map((entry) => [...set, entry]);
    });
    for (const set of sets) {
      const added = Object.fromEntries(set.map(([name, field]) => [name, startOf(field)]));
      found.push(withAt(example, path, added));
    }
  }
  return found;
}

function startOf(outline: Outline): unknown {
  if (isBlock(outline)) return outline.type === "list" ? [] : {};
  return writtenForm(outline.example ?? outline.defaultValue, outline) ?? fallbackFor(outline);
}

function withAt(value: unknown, path: readonly PropertyKey[], added: object): unknown {
  const [key, ...rest] = path;
  const object = typeof value === "object" && value !== null ? value : {};
  if (key === undefined) return { ...object, ...added };
  return { ...object, [key]: withAt(fieldOf(value, key), rest, added) };
}

/** `example`: values for this map; keys in it are live even when they are optional. `ready`: lines of some keys. */
function renderFields(
  outline: Outline,
  example: unknown,
  showDefaults: boolean,
  ready: Readonly<Record<string, readonly string[]>> = {},
): string[] {
  const blocks = [...(outline.fields ?? [])].map(([name, field]) => {
    const given = fieldOf(example, name) ?? (field.required ? field.example : undefined);
    const value = given ?? (showDefaults ? field.defaultValue : undefined);
    const isLive = field.required || value !== undefined;
    const prepared = ready[name];
    const body = prepared?.length
      ? [`${name}:`, ...indent(prepared)]
      : renderKey(name, field, value, !isLive || (showDefaults && given === undefined));
    const lines = [
      ...proseOf(field),
      ...(isLive ? body : prefix("#", body)),
      ...alternatives(name, field, value),
    ];
    return { lines, stands: field.type === "object" || field.type === "union" };
  });
  return blocks.flatMap(({ lines, stands }, n) => {
    const apart = n > 0 && (stands || blocks[n - 1]?.stands === true);
    return apart ? ["", ...lines] : lines;
  });
}

function renderKey(name: string, outline: Outline, example: unknown, commented: boolean): string[] {
  const lines = renderValue(outline, example ?? outline.example ?? outline.defaultValue, commented);
  const [only] = lines;
  if (lines.length === 1 && only !== undefined && !isBlock(outline)) return [`${name}: ${only}`];
  return lines.length === 0 ? [`${name}: {}`] : [`${name}:`, ...indent(lines)];
}

/** A block is written below its key; everything else behind it. */
function isBlock({ type }: Outline): boolean {
  return type === "object" || type === "list" || type === "union";
}

function renderValue(outline: Outline, example: unknown, showDefaults: boolean): string[] {
  if (outline.type === "object") return renderFields(outline, example, showDefaults);
  if (outline.type === "union") {
    const option = optionFor(outline, example);
    return option ? renderFields(option, example, showDefaults) : [scalar(outline, example)];
  }
  if (outline.type !== "list") return [scalar(outline, example)];
  const element = outline.element ?? { type: "any", required: true };
  const entries =
    Array.isArray(example) && example.length > 0 ? (example as unknown[]) : [undefined];
  return entries.flatMap((entry) =>
    asEntry(renderValue(element, entry ?? element.example, showDefaults)),
  );
}

function optionFor(outline: Outline, example: unknown): Outline | undefined {
  const { discriminator = "", options = [] } = outline;
  const wanted = fieldOf(example, discriminator);
  return options.find((option) => isChosen(option, discriminator, wanted)) ?? options[0];
}
function isChosen(option: Outline, discriminator: string, wanted: unknown): boolean {
  return option.fields?.get(discriminator)?.values?.some((value) => value === wanted) ?? false;
}

/** The forms of a union that the example did not take. */
function alternatives(name: string, outline: Outline, value: unknown): string[] {
  if (outline.type !== "union" || outline.discriminator === undefined) return [];
  const shown = optionFor(outline, value ?? outline.example ?? outline.defaultValue);
  return (outline.options ?? [])
    .filter((option) => option !== shown)
    .flatMap((option) => [
      "# Or:",
      ...prefix("##", [`${name}:`, ...indent(renderFields(option, undefined, false))]),
    ]);
}

function scalar(outline: Outline, example: unknown): string {
  const value = writtenForm(example, outline) ?? fallbackFor(outline);
  return stringify(value, { lineWidth: 0, defaultStringType: "PLAIN" }).trim();
}

function fallbackFor(outline: Outline): unknown {
  const byKind = FALLBACK[outline.kind ?? outline.format ?? ""];
  if (byKind !== undefined) return byKind;
  if (outline.type === "enum") return outline.values?.[0];
  if (outline.type === "boolean") return false;
  if (outline.type === "number") return outline.minimum ?? 1;
  return outline.type === "text" ? PLACEHOLDER : {};
}

function proseOf(outline: Outline): string[] {
  const text = [outline.description, factsOf(outline)].filter(Boolean).join(" ");
  return text === "" ? [] : wrap(text).map((line) => `# ${line}`);
}

function factsOf(outline: Outline): string | undefined {
  const { type, values = [], minimum, maximum, defaultValue } = outline;
  const shown =
    defaultValue === undefined || isBlock(outline)
      ? ""
      : ` Default: ${scalar(outline, defaultValue).replace(/\.$/, "")}.`;
  if (type === "enum" && values.length > 1) return `One of: ${values.join(", ")}.${shown}`;
  if (type === "number" && minimum !== undefined && maximum !== undefined)
    return `${minimum} to ${maximum}.${shown}`;
  return shown.trim() || undefined;
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function asEntry(lines: readonly string[]): string[] {
  const [first = "{}", ...rest] = lines;
  return [`- ${first}`, ...indent(rest)];
}
function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === "" ? "" : `  ${line}`));
}
/** Before the first letter of the outermost level, so that what is below keeps its depth. */
function prefix(mark: string, lines: readonly string[]): string[] {
  return lines.map((line) => (line === "" ? "" : mark + line));
}
