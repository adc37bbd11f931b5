import { z } from "zod";

/**
 * What a schema says, read once and used three times: messages of the loader, `config.example.yaml`, the walk to the
 * secrets. Wrappers (optional, default, transform) are taken off; their facts are kept.
 */
export interface Outline {
  readonly type:
    "object" | "list" | "record" | "union" | "enum" | "boolean" | "number" | "text" | "any";
  readonly required: boolean;
  readonly description?: string;
  /** `kind` of `.meta()`: secret, file, duration, size, listen, url. */
  readonly kind?: string;
  /** `example` of `.meta()`, in the form of the file. */
  readonly example?: unknown;
  /** Shortest value of a secret, characters: `secretLength` of `.meta()`. */
  readonly secretLength?: number;
  /** As the schema has it (a duration is a number of milliseconds here). */
  readonly defaultValue?: unknown;
  /** Of a number, the length of a text, or the count of a list. */
  readonly minimum?: number;
  readonly maximum?: number;
  readonly integer?: boolean;
  readonly format?: "url" | "email";
  readonly values?: readonly (string | number | boolean)[];
  readonly fields?: ReadonlyMap<string, Outline>;
  /** Of a list or a record. */
  readonly element?: Outline;
  /** Entries of a list that have an outline of their own, by index. */
  readonly elements?: ReadonlyMap<number, Outline>;
  readonly options?: readonly Outline[];
  readonly discriminator?: string;
}

type Facts = { -readonly [K in keyof Outline]?: Outline[K] };

/** Deeper schemas are cut off: a settings file that nests further cannot be read by a human. */
const MAX_DEPTH = 20;

export function outlineOf(schema: z.core.$ZodType, depth = 0): Outline {
  const facts: Facts = {};
  let inner = schema;
  for (let next: z.core.$ZodType | undefined = schema; next; next = unwrap(inner, facts)) {
    inner = next;
    collectMeta(inner, facts);
  }
  const body = depth > MAX_DEPTH ? { type: "any" as const } : bodyOf(inner, depth);
  return { required: true, ...facts, ...body };
}

/** The outer one wins: `.describe()` of a key over that of a building block. */
function collectMeta(schema: z.core.$ZodType, facts: Facts): void {
  const meta = z.globalRegistry.get(schema) ?? {};
  if (facts.description === undefined && typeof meta.description === "string")
    facts.description = meta.description;
  if (facts.kind === undefined && typeof meta["kind"] === "string") facts.kind = meta["kind"];
  if (facts.secretLength === undefined && typeof meta["secretLength"] === "number")
    facts.secretLength = meta["secretLength"];
  if (facts.example === undefined && "example" in meta) facts.example = meta["example"];
}

/** One wrapper less, or undefined when there is none. */
function unwrap(schema: z.core.$ZodType, facts: Facts): z.core.$ZodType | undefined {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "default":
    case "prefault":
      facts.defaultValue ??= def.defaultValue;
      facts.required = false;
      return def.innerType;
    case "optional":
      facts.required = false;
      return def.innerType;
    case "nonoptional":
    case "nullable":
    case "readonly":
    case "catch":
      return def.innerType;
    case "lazy":
      return def.getter();
    case "pipe":
      return isTransform(def.in) ? def.out : def.in;
    default:
      return undefined;
  }
}

function isTransform(schema: z.core.$ZodType): boolean {
  return schema._zod.def.type === "transform";
}

function bodyOf(schema: z.core.$ZodType, depth: number): Facts & Pick<Outline, "type"> {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  const down = (next: z.core.$ZodType) => outlineOf(next, depth + 1);
  const bounds = boundsOf(schema);
  switch (def.type) {
    case "object": {
      const fields = Object.entries(def.shape).map(([name, field]) => [name, down(field)] as const);
      return { type: "object", fields: new Map(fields) };
    }
    case "array":
      return { type: "list", element: down(def.element), ...bounds };
    case "record":
      return { type: "record", element: down(def.valueType) };
    case "union":
      return unionOf(def, down);
    case "enum":
      return { type: "enum", values: Object.values(def.entries) };
    case "literal":
      return { type: "enum", values: def.values.filter(isPlain) };
    case "boolean":
      return { type: "boolean" };
    case "number":
      return { type: "number", integer: isInteger(def), ...bounds };
    case "string":
      return { type: "text", ...formatOf(def), ...bounds };
    case "template_literal":
      return { type: "text" };
    default:
      return { type: "any" };
  }
}

function unionOf(
  def: z.core.$ZodUnionDef & { discriminator?: string },
  down: (schema: z.core.$ZodType) => Outline,
): Facts & Pick<Outline, "type"> {
  const options = def.options.map(down);
  // 1 | 2 | 3 written as a union of literals is a list of values to whoever reads it.
  if (options.every((option) => option.type === "enum"))
    return { type: "enum", values: options.flatMap((option) => option.values ?? []) };
  const { discriminator } = def;
  return { type: "union", options, ...(discriminator === undefined ? {} : { discriminator }) };
}

function boundsOf(schema: z.core.$ZodType): Facts {
  const facts: Facts = {};
  for (const check of schema._zod.def.checks ?? []) {
    const def = (check as z.core.$ZodChecks)._zod.def;
    if (def.check === "greater_than") facts.minimum = Number(def.value);
    if (def.check === "less_than") facts.maximum = Number(def.value);
    if (def.check === "min_length") facts.minimum = def.minimum;
    if (def.check === "max_length") facts.maximum = def.maximum;
  }
  return facts;
}

/** Formats of the library that people write by hand; a kind of our own goes before them. */
function formatOf(def: z.core.$ZodStringDef): Facts {
  const format = "format" in def ? def.format : undefined;
  return format === "url" || format === "email" ? { format } : {};
}

function isInteger(def: z.core.$ZodNumberDef): boolean {
  return "format" in def && typeof def.format === "string" && def.format.includes("int");
}

function isPlain(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

/** The option of a union that a value chose by its discriminator; undefined when it chose none. */
export function chosenOption(outline: Outline, value: unknown): Outline | undefined {
  const { discriminator, options = [] } = outline;
  if (discriminator === undefined) return undefined;
  const choice = fieldOf(value, discriminator);
  return options.find((option) =>
    option.fields?.get(discriminator)?.values?.some((allowed) => allowed === choice),
  );
}

/** One step down: the outline of what stands under this key or index of `value`. */
export function outlineBelow(
  outline: Outline,
  key: PropertyKey,
  value: unknown,
): Outline | undefined {
  const object = outline.type === "union" ? chosenOption(outline, value) : outline;
  if (object?.type === "list") return object.elements?.get(Number(key)) ?? object.element;
  if (object?.type === "record") return object.element;
  const field = object?.fields?.get(String(key));
  if (object !== undefined) return field;
  const [first, ...others] = (outline.options ?? []).flatMap(
    ({ fields }) => fields?.get(String(key)) ?? [],
  );
  if (first?.type !== "enum") return first;
  return { ...first, values: [first, ...others].flatMap(({ values = [] }) => values) };
}

export function outlineAt(
  outline: Outline,
  path: readonly PropertyKey[],
  value: unknown,
): Outline | undefined {
  let at: Outline | undefined = outline;
  let current = value;
  for (const key of path) {
    if (!at) return undefined;
    at = outlineBelow(at, key, current);
    current = fieldOf(current, key);
  }
  return at;
}

export function fieldOf(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<PropertyKey, unknown>)[key];
}

/** Calls `visit` for every value that stands in the file, leaf or not, with its path and outline. */
export function walkValues(
  outline: Outline,
  value: unknown,
  visit: (path: readonly PropertyKey[], value: unknown, outline: Outline) => void,
  path: readonly PropertyKey[] = [],
): void {
  if (path.length > MAX_DEPTH) return;
  visit(path, value, outline);
  if (typeof value !== "object" || value === null) return;
  const keys: readonly PropertyKey[] = Array.isArray(value)
    ? [...value.keys()]
    : Object.keys(value);
  for (const key of keys) {
    const below = outlineBelow(outline, key, value);
    if (below) walkValues(below, fieldOf(value, key), visit, [...path, key]);
  }
}
