import { z } from "zod";
import { GatewayError } from "../model/errors.ts";
import { MESSAGE_STATES } from "../model/state.ts";
import { clockOptionsOf } from "../transition/legal-config.ts";
import { endpoint, withId, type Endpoint } from "./endpoints.ts";
import { findLetters } from "./find-letters.ts";
import type { AdminDeps } from "./http.ts";
import { letterDetailSchema, listedLetterSchema } from "./letter-schema.ts";
import { letterDetail, letterView } from "./views.ts";

const MAX_PAGE = 1_000;

const listQuery = z.strictObject({
  account: z.string().optional(),
  state: z.enum(MESSAGE_STATES).optional(),
  origin: z.enum(["legacy", "matrix"]).optional(),
  conversation: z.string().optional(),
  since: z
    .union([z.iso.date(), z.iso.datetime({ offset: true })])
    .transform((text) => new Date(text))
    .optional()
    .describe("Accepted then or later: a date, with or without time."),
  after: z.coerce
    .number()
    .int()
    .optional()
    .describe("`seq` of the last letter of the page before."),
  order: z.enum(["oldest", "newest"]).default("newest"),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
});

export function letterEndpoints(deps: AdminDeps): Endpoint[] {
  const { store } = deps.storage;
  return [
    endpoint({
      ...{ method: "GET", path: "/api/v1/letters", role: "viewer", refuses: [] },
      summary: "Letters, without their content.",
      query: listQuery,
      answer: z.object({ letters: z.array(listedLetterSchema).readonly() }),
      async run({ query }) {
        const letters = await findLetters(store, query);
        return { letters: letters.map((one) => ({ ...letterView(one), seq: one.seq })) };
      },
    }),
    endpoint({
      ...{ method: "GET", path: "/api/v1/letters/:id", role: "viewer", refuses: [404] },
      summary:
        "The life of one letter, what decided about it, and from when on it counts as notified.",
      params: withId,
      answer: letterDetailSchema,
      async run({ params: { id } }) {
        const trace = await store.trace(id);
        if (!trace) throw new GatewayError("NOT_FOUND", `there is no letter ${id}`);
        return letterDetail(trace, clockOptionsOf(deps.config.transition), deps.now());
      },
    }),
    ...letterActions(deps),
  ];
}

function letterActions({ storage: { store }, now }: AdminDeps): Endpoint[] {
  return [
    endpoint({
      ...{ method: "POST", path: "/api/v1/letters/:id/resend", role: "operator" },
      summary: "Sends a failed or undecided letter again.",
      params: withId,
      bodyOptional: true,
      body: z.strictObject({
        asNew: z
          .boolean()
          .default(false)
          .describe("With a new delivery id: the other side takes it for another letter."),
      }),
      answer: z.object({ id: z.string(), state: z.literal("pending"), asNew: z.boolean() }),
      async run({ params: { id }, body: { asNew } }, caller) {
        await store.resend(id, { asNew, by: caller.name }, now());
        return { id, state: "pending" as const, asNew };
      },
    }),
    endpoint({
      ...{ method: "POST", path: "/api/v1/letters/:id/resolve", role: "operator" },
      summary:
        "Says what became of a letter whose outcome is unknown, after asking the other side.",
      params: withId,
      body: z.strictObject({ to: z.enum(["delivered", "failed"]) }),
      answer: z.object({ id: z.string(), state: z.enum(["delivered", "failed"]) }),
      async run({ params: { id }, body: { to } }, caller) {
        await store.resolveUnknown(id, to, caller.name, now());
        return { id, state: to };
      },
    }),
  ];
}
