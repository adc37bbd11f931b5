import { z } from "zod";
import type { Endpoint } from "./endpoints.ts";

const errorSchema = {
  type: "object",
  required: ["code", "message", "next"],
  properties: {
    code: { type: "string", description: "One of the codes in docs/errors.md." },
    message: { type: "string" },
    next: { type: "string", description: "What to do now." },
  },
};
/** HTTP status → meaning; the same for every path. */
const FAILURES = {
  400: "The request breaks the schema or names something that is not allowed.",
  401: "A bearer token is needed.",
  403: "The token's role is too low.",
  404: "There is no such thing.",
  409: "Not possible in the present state, or too often.",
  503: "The database, the homeserver or a directory is away; try again.",
};

/** OpenAPI 3.1 document of these endpoints. Pure. */
export function openApi(endpoints: readonly Endpoint[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const one of endpoints)
    (paths[one.path] ??= {})[one.method.toLowerCase()] = operationOf(one);
  return {
    openapi: "3.1.0",
    info: { title: "Postfachbrücke: people and onboarding", version: "1" },
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
      schemas: { Problem: errorSchema },
    },
  };
}

function operationOf({ method, path, role, summary, query, body, answer }: Endpoint) {
  const failure = (description: string) => ({
    description,
    content: { "application/json": { schema: { $ref: "#/components/schemas/Problem" } } },
  });
  const failures = Object.entries(FAILURES).map(([status, text]) => [status, failure(text)]);
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^a-z0-9]+/g, "-")}`,
    summary,
    "x-role": role,
    ...(query ? { parameters: parametersOf(query) } : {}),
    ...(body ? { requestBody: { required: true, content: jsonOf(body, "input") } } : {}),
    responses: {
      200: { description: "Done.", content: jsonOf(answer, "output") },
      ...(Object.fromEntries(failures) as Record<string, unknown>),
    },
  };
}

function jsonOf(schema: z.ZodType, io: "input" | "output") {
  return { "application/json": { schema: schemaOf(schema, io) } };
}

function parametersOf(query: z.ZodType): unknown[] {
  const { properties = {}, required = [] } = schemaOf(query, "input");
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: "query", required: required.includes(name), schema },
  }));
}

/** A Date leaves as text. */
function schemaOf(schema: z.ZodType, io: "input" | "output") {
  return z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      delete jsonSchema["kind"];
      if (zodSchema._zod.def.type === "date")
        Object.assign(jsonSchema, { type: "string", format: "date-time" });
    },
  });
}
