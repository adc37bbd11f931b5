import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Caller, Role } from "./access.ts";
import type { Guard } from "./http.ts";

/** One route, its checks and its description from the same source: the OpenAPI document cannot say something else. */
export interface Endpoint {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly role: Role;
  readonly summary: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
  run(given: { query: unknown; body: unknown }, caller: Caller): Promise<unknown>;
}

const nothing = z.strictObject({});

/** Gives `run` what its schemas read. */
export function endpoint<
  A extends z.ZodType,
  Q extends z.ZodType = typeof nothing,
  B extends z.ZodType = typeof nothing,
>(given: {
  readonly method: string;
  readonly path: string;
  readonly role: string;
  readonly summary: string;
  readonly query?: Q;
  readonly body?: B;
  readonly answer: A;
  run(given: { query: z.output<Q>; body: z.output<B> }, caller: Caller): Promise<z.output<A>>;
}): Endpoint {
  return given as unknown as Endpoint;
}

export function mount(app: FastifyInstance, guard: Guard, endpoints: readonly Endpoint[]): void {
  for (const { method, path, role, query = nothing, body = nothing, run } of endpoints)
    app.route({
      method,
      url: path,
      handler: guard(role, (request, caller) =>
        run({ query: query.parse(request.query), body: body.parse(request.body ?? {}) }, caller),
      ),
    });
}
