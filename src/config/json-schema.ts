import { z } from "zod";
import type { BridgeDefinition } from "../bridge/contract.ts";
import { writtenForm } from "./messages.ts";
import { outlineOf } from "./outline.ts";
import { coreSchema } from "./schema.ts";

type JsonObject = Record<string, unknown>;

/** `docs/config.schema.json`: completion and checks while the file is written, in any editor that knows JSON Schema. */
export function renderJsonSchema(definitions: Iterable<BridgeDefinition>): string {
  const root = toJson(coreSchema);
  const account = step(root, "properties", "accounts", "items");
  // Which settings belong to which bridge.
  account["allOf"] = [...definitions].map(({ name, schema }) => {
    const settings = toJson(schema);
    delete settings["$schema"];
    return {
      if: { properties: { bridge: { const: name } }, required: ["bridge"] },
      then: { properties: { settings } },
    };
  });
  if ((account["allOf"] as unknown[]).length === 0) delete account["allOf"];
  return `${format({ ...root, title: "Postfachbrücke" }, "")}\n`;
}

function toJson(schema: z.ZodType): JsonObject {
  return z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const outline = outlineOf(zodSchema);
      const json: JsonObject = jsonSchema;
      for (const key of ["kind", "secretLength", "example", "default"]) delete json[key];
      if (outline.example !== undefined) json["examples"] = [outline.example];
      if (outline.defaultValue !== undefined)
        json["default"] = writtenForm(outline.defaultValue, outline);
      if (json["maximum"] === Number.MAX_SAFE_INTEGER) delete json["maximum"];
      if (json["minimum"] === Number.MIN_SAFE_INTEGER) delete json["minimum"];
    },
  }) as JsonObject;
}

function step(root: JsonObject, ...path: readonly string[]): JsonObject {
  return path.reduce<JsonObject>((at, key) => at[key] as JsonObject, root);
}

const WIDTH = 100;

/** JSON as Prettier leaves it: short lists of plain values on one line. */
function format(value: unknown, margin: string, used = 0): string {
  const inner = `${margin}  `;
  if (Array.isArray(value)) {
    const isFlat = value.every((entry) => typeof entry !== "object" || entry === null);
    const flat = `[${value.map((entry) => JSON.stringify(entry)).join(", ")}]`;
    if (isFlat && used + flat.length < WIDTH) return flat;
    return `[\n${value.map((entry) => inner + format(entry, inner)).join(",\n")}\n${margin}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  if (entries.length === 0) return "{}";
  const lines = entries.map(([key, entry]) => {
    const head = `${inner}${JSON.stringify(key)}: `;
    return head + format(entry, inner, head.length);
  });
  return `{\n${lines.join(",\n")}\n${margin}}`;
}
