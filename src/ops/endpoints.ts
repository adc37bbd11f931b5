import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Caller, Role } from "./access.ts";
import type { Guard } from "./http.ts";

/** One route, its checks and its description from the same source: the OpenAPI document cannot say something else. */
export interface Endpoint {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As fastify writes it: `/letters/:id`. */
  readonly path: string;
  /** "anybody": without a token. Such an answer names no account and no cause. */
  readonly role: Role | "anybody";
  readonly summary: string;
  /** What it refuses beside a wrong request; default: both. */
  readonly refuses?: readonly (404 | 409)[];
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** The request may go without a body. */
  readonly bodyOptional?: boolean;
  /** Media types of the body beside JSON, or instead of what `body` would say. */
  readonly bodyAs?: Readonly<Record<string, z.ZodType>>;
  readonly answer: z.ZodType;
  /** Media type of the answer; default: JSON. */
  readonly answerType?: string;
  /** Other statuses with the same kind of answer, and what they mean. */
  readonly alsoAnswers?: Readonly<Record<number, string>>;
  run(given: Given, caller: Caller, reply: ReplyHead): Promise<unknown>;
}

interface Given {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}
/** What an endpoint may say about its answer before it gives it. */
export interface ReplyHead {
  code(status: number): unknown;
  type(mediaType: string): unknown;
}

const nothing = z.strictObject({});
type Nothing = typeof nothing;

/** A point in time; on the wire ISO 8601. For answers. */
export const time = z.date();
/** The path of one thing. */
export const withId = z.strictObject({ id: z.string().min(1).max(255) });

/** Gives `run` what its schemas read, and holds it to its answer. */
export function endpoint<
  A extends z.ZodType,
  P extends z.ZodType = Nothing,
  Q extends z.ZodType = Nothing,
  B extends z.ZodType = Nothing,
>(
  given: Omit<Endpoint, "method" | "role" | "params" | "query" | "body" | "answer" | "run"> & {
    readonly method: string;
    readonly role: string;
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    readonly answer: A;
    run(
      given: { params: z.output<P>; query: z.output<Q>; body: z.output<B> },
      caller: Caller,
      reply: ReplyHead,
    ): Promise<z.output<A>>;
  },
): Endpoint {
  return given as unknown as Endpoint;
}

/** Caller of an endpoint for anybody; never appears in the audit log, for such an endpoint changes nothing. */
const ANYBODY: Caller = { name: "anybody", role: "viewer" };

export function mount(app: FastifyInstance, guard: Guard, endpoints: readonly Endpoint[]): void {
  for (const one of endpoints) {
    const { method, path: url, role, params = nothing, query = nothing, body = nothing } = one;
    const { answerType } = one;
    const handler: Parameters<Guard>[1] = (request, caller, reply) => {
      if (answerType !== undefined) void reply.type(answerType);
      const given = {
        params: params.parse(request.params),
        query: query.parse(request.query),
        body: body.parse(request.body ?? {}),
      };
      return one.run(given, caller, reply);
    };
    app.route({
      ...{ method, url },
      handler:
        role === "anybody"
          ? async (request, reply) => handler(request, ANYBODY, reply)
          : guard(role, handler),
    });
  }
}
