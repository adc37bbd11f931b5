import { z } from "zod";
import { levelSchema } from "../model/message.ts";
import { PLAN_WAYS } from "../store/transition-records.ts";
import { isDay, type Day } from "../transition/berlin.ts";
import { time } from "./endpoints.ts";
import { phaseName } from "./letter-schema.ts";

/** How plans, what they change and what they rest on look in the admin API and with `--json`. */

export const day = z
  .string()
  .refine(isDay, "must be a day such as 2026-11-20")
  .transform((text) => text as Day)
  .describe("Calendar day in Germany, 2026-11-20.");
export const order = z
  .array(z.object({ name: z.string(), phase: phaseName }))
  .readonly()
  .describe("Cohorts in the order in which they are asked; the first that matches decides.");
const texts = z.array(z.string()).readonly();
const direction = z.enum(["inbound", "outbound"]);

export const planSchema = z
  .object({
    seq: z.int(),
    plan: z.string().describe("Same plan, same id, on every node."),
    accounts: z
      .array(
        z.object({
          name: z.string(),
          bridge: z.string(),
          phase: phaseName,
          land: z.string().optional(),
          participant: z.string().optional(),
          service: z.string().optional(),
        }),
      )
      .readonly(),
    order,
  })
  .meta({ id: "PlanInForce" });

export const formerPlanSchema = z
  .object({
    seq: z.int(),
    planId: z.string(),
    fileId: z.string().describe("Id of the plan that stood in the file at that time."),
    way: z.enum(PLAN_WAYS),
    by: z.string(),
    keepSince: time.describe("Letters accepted before this bind no conversation."),
    appliedAt: time,
  })
  .meta({ id: "FormerPlan" });

const differenceSchema = z.object({
  accounts: z
    .array(
      z.object({
        account: z.string(),
        from: phaseName.optional(),
        to: phaseName.optional(),
        also: texts.describe("What else changed: land, participant, service, bridge."),
      }),
    )
    .readonly(),
  cohorts: z
    .array(
      z.object({
        cohort: z.string(),
        change: z.enum(["added", "removed", "changed", "moved"]),
        detail: z.string(),
      }),
    )
    .readonly(),
  participants: z
    .array(z.object({ code: z.string(), change: z.enum(["added", "removed", "changed"]) }))
    .readonly(),
  conversations: z
    .object({ from: z.enum(["keep", "follow"]), to: z.enum(["keep", "follow"]) })
    .optional(),
});

const reviewFields = {
  plan: z.string(),
  replaces: z.object({ seq: z.int(), plan: z.string() }).optional(),
  order,
  difference: differenceSchema,
  conflicts: z
    .array(
      z.object({
        kind: z
          .enum(["refuse", "jump", "warn"])
          .describe("refuse: is not applied. jump: only when asked for. warn: goes ahead."),
        about: z.string(),
        text: z.string(),
        next: z.string(),
      }),
    )
    .readonly(),
  effect: z.object({
    mailboxes: z.int().describe("Mailboxes that were looked at."),
    moved: z
      .array(
        z.object({
          account: z.string(),
          direction,
          from: z.string().describe("A phase, or `new`."),
          to: z.string(),
          count: z.int(),
          examples: texts,
        }),
      )
      .readonly(),
    conversations: z.object({ open: z.int(), kept: z.int(), moved: z.int() }),
    inFlight: z.record(z.string(), z.int()).describe("Unfinished letters by account."),
    truncated: z.boolean().describe("More was there than is looked at."),
  }),
  questions: texts.describe("Open legal questions behind the rules in use."),
};
export const reviewSchema = z.object(reviewFields).meta({ id: "PlanReview" });
export type ReviewDocument = z.output<typeof reviewSchema>;

export const appliedSchema = z
  .object({
    applied: z
      .union([z.object({ seq: z.int(), plan: z.string() }), z.literal(false)])
      .describe("false: the plan in force says the same already."),
    ...reviewFields,
  })
  .meta({ id: "AppliedPlan" });

const levelPolicy = z.object({
  roomMaximum: levelSchema,
  above: z.enum(["notice", "hold"]),
  link: z.string(),
});
export const explanationSchema = z
  .object({
    account: z.string(),
    mailbox: z.string(),
    direction,
    readers: z.int().describe("How many people read the mailbox in Matrix."),
    plan: z.object({ seq: z.int(), id: z.string() }),
    steps: z
      .array(
        z.object({
          rule: z.string(),
          phase: phaseName,
          matched: z.boolean(),
          why: z.string(),
        }),
      )
      .readonly()
      .describe("Every rule that was asked, up to the one that decides."),
    now: z
      .object({
        phase: phaseName,
        rule: z.string(),
        keptFrom: z
          .object({ phase: phaseName, rule: z.string() })
          .optional()
          .describe("What the plan alone says, when the conversation stays."),
      })
      .describe("What a new letter would be decided now."),
    meaning: z.string(),
    levels: z.union([levelPolicy, z.literal("all")]),
    letter: z
      .object({
        id: z.string(),
        phase: z.string().optional(),
        rule: z.string().optional(),
        copyOf: z.string().optional(),
        acceptedAt: time,
        destination: z.string(),
        level: z.object({
          show: z.boolean(),
          detail: z.string(),
          above: levelPolicy.shape.above.optional(),
          link: z.string().optional(),
        }),
        clock: z.string().optional().describe("German; more of it: `GET /api/v1/letters/{id}`."),
      })
      .optional(),
  })
  .meta({ id: "Explanation" });

const holding = z.object({
  count: z.int(),
  digest: z.string().describe("Equal on both sides when both hold the same letters."),
});
const findings = z
  .array(
    z.object({
      side: z.enum(["legacy", "matrix"]),
      sourceId: z.string(),
      letter: z.string().optional(),
      why: z.string(),
    }),
  )
  .readonly();
export const comparisonSchema = z
  .object({
    account: z.string(),
    days: z
      .array(
        z.object({
          day: z.string(),
          legacy: holding,
          matrix: holding,
          missing: findings.describe("Should be on a side and is not (yet)."),
          extra: findings.describe("Is on a side and should not be."),
        }),
      )
      .readonly(),
  })
  .meta({ id: "Comparison" });
