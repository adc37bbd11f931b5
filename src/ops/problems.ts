import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { Log } from "../bridge/contract.ts";
import { ConfigError } from "../config/load.ts";
import {
  DeliveryError,
  ERRORS,
  GatewayError,
  describeError,
  type ErrorCode,
} from "../model/errors.ts";

const CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
export const errorCode = z
  .enum(CODES)
  .describe("The same codes as in the log, in `trace` and on the command line.")
  .meta({ id: "ErrorCode" });

/** What every refusal answers. */
export const problemSchema = z
  .object({
    code: errorCode,
    message: z.string().describe("For operators; may name ids, never content."),
    next: z.string().describe("What to do now."),
    problems: z
      .array(
        z.object({
          file: z.string(),
          line: z.int().describe("Counts from 1; 0: the file as a whole."),
          column: z.int(),
          key: z.string(),
          message: z.string(),
        }),
      )
      .readonly()
      .optional()
      .describe("Every fault of a configuration or of an import, with its place."),
  })
  .meta({ id: "Problem" });
export type ProblemAnswer = z.output<typeof problemSchema>;

const STATUS: Partial<Record<ErrorCode, number>> = {
  NOT_FOUND: 404,
  NOT_ALLOWED: 409,
  PLAN_REFUSED: 409,
  AUTH_REFUSED: 502,
  REMOTE_ANSWER_INVALID: 502,
  STORE_UNAVAILABLE: 503,
  REMOTE_UNAVAILABLE: 503,
  INTERNAL: 500,
};
/** HTTP status → meaning. */
export const STATUS_MEANING = {
  400: "The request breaks the schema, or names something that is not allowed.",
  401: "A bearer token of `admin.tokens` is needed.",
  403: "The role of the token is too low.",
  404: "There is no such thing.",
  409: "Not possible in the present state, or too often.",
  413: "The body is too large.",
  415: "The body is of a kind that is not read here.",
  500: "A fault of the gateway; the log has its cause.",
  502: "The homeserver or a directory answered something that cannot be used.",
  503: "The database, the homeserver or a directory is away; try again.",
} as const;

const CORRECT_REQUEST = "correct the request";

export function problem(
  code: ErrorCode,
  message: string,
  next: string = ERRORS[code].next,
): ProblemAnswer {
  return { code, message, next };
}

/** Every thrown value becomes a problem; what nobody thought of stays in the log. */
export function answerError(log: Log, error: unknown, reply: FastifyReply): FastifyReply {
  const { status, body } = problemOf(error);
  // A type that the endpoint announced was for its answer.
  void reply.code(status).type("application/json; charset=utf-8");
  if (status === 500) log.error({ error: describeError(error) }, "admin-request-failed");
  return reply.send(body);
}

function problemOf(error: unknown): { status: number; body: ProblemAnswer } {
  if (error instanceof z.ZodError)
    return {
      status: 400,
      body: problem("INPUT_INVALID", z.prettifyError(error), CORRECT_REQUEST),
    };
  if (error instanceof ConfigError) {
    const body = problem("INPUT_INVALID", error.message, "correct the lines that are named");
    return { status: 400, body: { ...body, problems: error.problems } };
  }
  if (error instanceof GatewayError || error instanceof DeliveryError)
    return { status: STATUS[error.code] ?? 400, body: problem(error.code, error.message) };
  const status = (error as { statusCode?: unknown }).statusCode;
  if (typeof status === "number" && status >= 400 && status < 500)
    return { status, body: problem("INPUT_INVALID", describeError(error), CORRECT_REQUEST) };
  return { status: 500, body: problem("INTERNAL", "see the log") };
}
