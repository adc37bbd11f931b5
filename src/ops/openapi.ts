import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Endpoint } from "./endpoints.ts";
import { problemSchema, STATUS_MEANING } from "./problems.ts";

type Json = Record<string, unknown>;
/** Schemas with a name of their own (`meta({ id })`), described once. */
type Components = Record<string, unknown>;

const JSON_TYPE = "application/json";
const MEANINGS: Readonly<Record<number, string>> = STATUS_MEANING;

/** OpenAPI 3.1 document of these endpoints. Pure. */
export function openApi(endpoints: readonly Endpoint[]): Json {
  const schemas: Components = {};
  const problem = schemaOf(problemSchema, "output", schemas);
  const paths: Record<string, Json> = {};
  for (const one of endpoints)
    (paths[documentedPath(one.path)] ??= {})[one.method.toLowerCase()] = operationOf(
      one,
      problem,
      schemas,
    );
  return {
    openapi: "3.1.0",
    info: {
      title: "Postfachbrücke: admin API",
      version: "1",
      license: { name: "EUPL-1.2", identifier: "EUPL-1.2" },
      description:
        "For operators. Answers hold ids, states, sizes and digests; never subject, text or files. " +
        "Later versions may add fields: ignore what you do not know.",
    },
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    servers: [{ url: "/", description: "`admin.listen` of the configuration" }],
    security: [{ bearer: [] }],
    tags: [...new Set(endpoints.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A token of `admin.tokens`." },
      },
      schemas,
    },
  };
}

/** `/letters/:id` → `/letters/{id}`. */
export function documentedPath(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

function tagOf({ path }: Endpoint): string {
  return /^\/api\/v1\/([a-z]+)/.exec(path)?.[1] ?? "health";
}

function operationOf(one: Endpoint, problem: Json, schemas: Components): Json {
  const { method, path, role, summary, params, query, body } = one;
  const parameters = [
    ...(params ? parametersOf(params, "path", schemas) : []),
    ...(query ? parametersOf(query, "query", schemas) : []),
  ];
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^a-z0-9]+/gi, "-")}`,
    tags: [tagOf(one)],
    summary,
    ...(role === "anybody" ? { security: [] } : { description: `Needs the role ${role}.` }),
    "x-role": role,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: requestOf(one, body, schemas) } : {}),
    responses: { ...answersOf(one, schemas), ...refusalsOf(one, problem) },
  };
}

function requestOf({ bodyOptional = false, bodyAs }: Endpoint, body: z.ZodType, to: Components) {
  const kinds = bodyAs ?? { [JSON_TYPE]: body };
  const content = Object.entries(kinds).map(([type, schema]) => [
    type,
    { schema: schemaOf(schema, "input", to) },
  ]);
  return { required: !bodyOptional, content: Object.fromEntries(content) as Json };
}

function answersOf({ answer, answerType = JSON_TYPE, alsoAnswers = {} }: Endpoint, to: Components) {
  const content = { [answerType.replace(/;.*/, "")]: { schema: schemaOf(answer, "output", to) } };
  const also = Object.entries(alsoAnswers);
  const all = [["200", "Done."], ...also].map(([status, description]) => [
    status,
    { description, content },
  ]);
  return Object.fromEntries(all) as Json;
}

function refusalsOf(
  { method, role, refuses = [404, 409], alsoAnswers = {} }: Endpoint,
  schema: Json,
) {
  const statuses = [
    400,
    ...(role === "anybody" ? [] : [401, 403]),
    ...refuses,
    ...(method === "GET" ? [] : [413, 415]),
    ...[500, 502, 503],
  ].filter((status) => !(status in alsoAnswers));
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: MEANINGS[status] ?? "", content: { [JSON_TYPE]: { schema } } },
    ]),
  );
}

function parametersOf(given: z.ZodType, place: "path" | "query", schemas: Components): Json[] {
  const { properties, required } = flat(schemaOf(given, "input", schemas));
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: place, required: required.includes(name), schema },
    ...(description === undefined ? {} : { description }),
  }));
}

interface Fields {
  readonly properties: Readonly<Record<string, Json>>;
  readonly required: readonly string[];
}
/** Of alternatives (either these parameters or those) every one is named, and none is required. */
function flat(schema: Json): Fields {
  const { anyOf } = schema as { anyOf?: Json[] };
  if (anyOf)
    return {
      properties: Object.assign(
        {},
        ...anyOf.map((it) => flat(it).properties),
      ) as Fields["properties"],
      required: [],
    };
  const { properties = {}, required = [] } = schema as Partial<Fields>;
  return { properties, required };
}

/**
 * A Date is text on the wire. Answers stay open for fields of later versions. What has a name moves to the components;
 * throws when two different schemas have the same.
 */
function schemaOf(schema: z.ZodType, io: "input" | "output", components: Components): Json {
  const {
    $schema: _,
    $defs = {},
    ...plain
  } = z.toJSONSchema(schema, {
    ...{ io, unrepresentable: "any", reused: "inline" },
    override: ({ zodSchema, jsonSchema }) => {
      tidy(jsonSchema, io);
      if (zodSchema._zod.def.type === "date")
        Object.assign(jsonSchema, { type: "string", format: "date-time" });
    },
  });
  for (const [name, { id: _id, ...definition }] of Object.entries($defs)) {
    const found = linked(definition) as Json;
    if (name in components && !isDeepStrictEqual(components[name], found))
      throw new Error(`two schemas are named ${name}`);
    components[name] = found;
  }
  return linked(plain) as Json;
}

/** Takes out what says nothing on the wire. */
function tidy(schema: Json, io: "input" | "output"): void {
  for (const key of ["readOnly", "propertyNames", "kind"]) delete schema[key];
  if (schema["minimum"] === Number.MIN_SAFE_INTEGER) delete schema["minimum"];
  if (schema["maximum"] === Number.MAX_SAFE_INTEGER) delete schema["maximum"];
  if (io === "output" && schema["additionalProperties"] === false)
    delete schema["additionalProperties"];
}

function refTo(name: string): string {
  return `#/components/schemas/${name}`;
}

/** References lead to the components of the document. */
function linked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(linked);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, below]) =>
      key === "$ref" && typeof below === "string"
        ? [key, refTo(below.replace("#/$defs/", ""))]
        : [key, linked(below)],
    ),
  );
}
