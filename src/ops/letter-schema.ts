import { z } from "zod";
import { blobRefSchema, levelSchema, messageSchema } from "../model/message.ts";
import { MESSAGE_STATES } from "../model/state.ts";
import { PHASE_NAMES } from "../transition/phases.ts";
import { time } from "./endpoints.ts";
import { errorCode } from "./problems.ts";

/** How letters look in the admin API and with `--json`. */

const side = z.enum(["legacy", "matrix"]);
const day = z.string().describe("Calendar day in Germany, 2026-11-20.");
export const phaseName = z
  .enum(PHASE_NAMES as [(typeof PHASE_NAMES)[number]])
  .meta({ id: "Phase" });

const fields = {
  id: z.string(),
  account: z.string(),
  direction: z.string().describe("From which side to which: `legacy → matrix`."),
  state: z.enum(MESSAGE_STATES),
  code: errorCode.optional(),
  next: z.string().optional().describe("What the operator does now."),
  detail: z.string().optional(),
  conversation: z.string(),
  sourceId: z.string(),
  remoteId: z.string().optional(),
  inReplyTo: z.string().optional(),
  phase: phaseName.optional().describe("Decided at acceptance, and kept. Absent: not by a plan."),
  rule: z.string().optional().describe("Cohort that decided; `account`: none did."),
  copyOf: z.string().optional().describe("The letter that counts; this one is its copy."),
  sentAt: time,
  acceptedAt: time,
  settledAt: time.optional(),
  attempts: z.int(),
  nextAttemptAt: time.optional(),
  writtenBy: z
    .object({
      user: z.string(),
      name: z.string().optional(),
      desk: z.string().optional().describe("Function mailbox."),
      insteadOf: z.string().optional().describe("Whom the writer stood in for."),
    })
    .optional(),
  level: levelSchema,
  replyPolicy: messageSchema.shape.replyPolicy,
  attachments: z
    .array(z.object({ mediaType: z.string(), ...blobRefSchema.shape }))
    .readonly()
    .describe("Kind, digest and size in bytes; no names."),
  original: blobRefSchema.optional().describe("The untouched bytes as they came."),
};
export const letterSchema = z.object(fields).meta({ id: "Letter" });
export type LetterView = z.output<typeof letterSchema>;

export const listedLetterSchema = z
  .object({ ...fields, seq: z.int().describe("Place in the list; for `after`.") })
  .meta({ id: "ListedLetter" });

export const clockSchema = z
  .object({
    state: z
      .enum(["deemed", "waits", "not-notified", "not-started", "no-rule"])
      .describe(
        "deemed: notified on `day`. waits: not retrieved yet. not-notified: the time for it is over. " +
          "not-started: no evidence that the mailbox has it, or the user objected. no-rule: the table knows no rule.",
      ),
    channel: side.describe(
      "The side that counts; whatever happens on the other one changes nothing.",
    ),
    legalBasis: z.string().describe("As the letter names it."),
    line: z.string().optional().describe("The line that people read; German."),
    day: day.optional(),
    by: z.enum(["fiction", "first-retrieval"]).optional(),
    until: day.optional(),
    since: day.optional(),
    why: z.enum(["not-available", "objected"]).optional(),
    noticeInTime: z
      .boolean()
      .optional()
      .describe("Was the user told on the same day? Absent: nothing is known."),
    rule: z
      .object({
        basis: z.string(),
        validFrom: day,
        days: z.int(),
        start: z.enum(["available", "retrieved"]),
        text: z.string().describe("German."),
        openQuestion: z.string().optional(),
      })
      .optional(),
  })
  .meta({ id: "LegalClock" });
export type ClockView = z.output<typeof clockSchema>;

export const letterDetailSchema = z
  .object({
    ...fields,
    next: z.string(),
    deliveryId: z.string(),
    parts: z.array(z.string()).readonly().describe("Its pieces on the other side: event ids."),
    room: z.string().optional(),
    clock: clockSchema.optional().describe("Absent: no legal basis, or a copy."),
    steps: z
      .array(z.object({ at: time, step: z.string(), detail: z.string().optional() }))
      .readonly(),
  })
  .meta({ id: "LetterDetail" });
export type LetterDetail = z.output<typeof letterDetailSchema>;
export type TraceStep = LetterDetail["steps"][number];
