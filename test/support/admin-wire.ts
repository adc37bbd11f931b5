import { z } from "zod";
import { openApi } from "../../src/ops/openapi.ts";
import type { Endpoint } from "../../src/ops/endpoints.ts";

type Json = Record<string, unknown>;
interface Media {
  readonly content: Record<string, { schema: Json }>;
}
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly "x-role": string;
  readonly parameters?: { name: string; in: string; required: boolean; schema: Json }[];
  readonly requestBody?: Media & { required: boolean };
  readonly responses: Record<string, Media & { description: string }>;
}
export interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Json> };
}

/** One answer as it came over the wire. */
export interface Exchange {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Holds answers to the served document: it throws for a path, status, media type or field that the document does not know. */
export function createWireCheck(endpoints: readonly Endpoint[]): (seen: Exchange) => void {
  return checkAgainst(openApi(endpoints) as unknown as Document);
}

export function checkAgainst(document: Document): (seen: Exchange) => void {
  const readers = new Map<string, z.ZodType>();
  const readerOf = (key: string, schema: Json) => {
    const known = readers.get(key) ?? z.fromJSONSchema(closed(schema, document) as never);
    readers.set(key, known);
    return known;
  };
  return ({ method, path, status, type, text }) => {
    const name = `${method} ${path} → ${status}`;
    const operation = operationFor(document, method, path.replace(/\?.*/, ""));
    // A path that is not there is answered like everything that is not found.
    const media: Media | undefined = operation
      ? operation.responses[status]
      : ([404, 400, 413, 415] as number[]).includes(status)
        ? { content: { "application/json": { schema: ref("Problem") } } }
        : undefined;
    if (!media) throw new Error(`${name}: the document does not know this answer`);
    const kind = type.replace(/;.*/, "");
    const schema = media.content[kind]?.schema;
    if (!schema) throw new Error(`${name}: the document does not know ${kind} here`);
    const value: unknown = kind === "application/json" ? JSON.parse(text) : text;
    const read = readerOf(`${operation?.operationId ?? "none"} ${status}`, schema).safeParse(value);
    if (!read.success) throw new Error(`${name}: ${z.prettifyError(read.error)}\n${text}`);
  };
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

export function operationFor(
  { paths }: Document,
  method: string,
  path: string,
): Operation | undefined {
  const matches = (template: string) =>
    new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path);
  const exact = paths[path] ?? Object.entries(paths).find(([template]) => matches(template))?.[1];
  return exact?.[method.toLowerCase()];
}

/** The schema with its references put in, and without room for fields that it does not name. */
function closed(value: unknown, document: Document): unknown {
  if (Array.isArray(value)) return value.map((one) => closed(one, document));
  if (typeof value !== "object" || value === null) return value;
  const { $ref, ...schema } = value as Json;
  if (typeof $ref === "string") {
    const found = document.components.schemas[$ref.replace("#/components/schemas/", "")];
    if (!found) throw new Error(`${$ref} leads nowhere`);
    return closed({ ...found, ...schema }, document);
  }
  const below = Object.fromEntries(
    Object.entries(schema).map(([key, one]) => [
      key,
      key === "properties" ? closedEach(one as Json, document) : closed(one, document),
    ]),
  );
  const isRecord = "additionalProperties" in schema;
  return schema["type"] === "object" && !isRecord && "properties" in schema
    ? { ...below, additionalProperties: false }
    : below;
}

/** Names of fields are no keywords. */
function closedEach(properties: Json, document: Document): Json {
  return Object.fromEntries(
    Object.entries(properties).map(([name, one]) => [name, closed(one, document)]),
  );
}
