import { z } from "zod";
import { levelSchema } from "../../../src/model/message.ts";
import { ERRORS } from "../../../src/model/errors.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";

/** The form of a BSP profile. What each entry means stands beside its value in profiles/bsp-2.13.yaml. */

const words = z.array(z.string().min(1).max(100)).min(1).max(50);
const count = z.int().min(1).max(1_000_000_000);
const key = z.string().min(1).max(100);
const errorCode = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);
const rule = z.strictObject({
  code: errorCode,
  fault: z.enum(["transient", "permanent", "unknown"]),
});
/** What an answer means for a letter. */
export type OutcomeRule = z.output<typeof rule>;
const result = rule.extend({ text: z.string().min(1).max(200) });
const table = z.strictObject({ table: key, values: words });

const limits = z.strictObject({
  files: z.int().min(0).max(1_000),
  fileBytes: count,
  textCharacters: count,
  subject: count,
  field: count,
  fileName: z.int().min(16).max(1_000),
  forbiddenInFileName: z.string().max(64),
  fileNameReplacement: z.string().regex(/^[A-Za-z0-9_-]$/, "must be one harmless character"),
  hints: count,
  requestBytes: count,
  answerBytes: count,
});

const levels = z.strictObject({
  values: z.record(key, levelSchema),
  write: z.tuple([key, key, key, key]),
  missing: levelSchema,
  npaProtected: z.strictObject({ true: levelSchema, false: levelSchema }),
});

const tables = z.strictObject({
  event: z.strictObject({ table: key, value: key }),
  category: table,
  status: table,
  encoding: table,
  fileType: key,
  result: key,
  municipality: key,
});

const html = z.strictObject({
  tags: z.array(z.string().regex(/^[a-z][a-z0-9]{0,10}$/)).max(50),
  attributes: z.record(z.string(), z.array(z.string())),
  schemes: z.array(z.string().regex(/^[a-z][a-z0-9+.-]{0,20}$/)).max(10),
  httpsOnly: z.boolean(),
});

const mediaType = z.strictObject({
  type: z.string().regex(/^[a-z]+\/[a-z0-9.+-]+$/),
  standard: z.string().optional(),
  aliases: z.array(z.string()).optional(),
  extensions: z.array(z.string().regex(/^\.[a-z0-9]{1,10}$/)).min(1),
});

export const profileSchema = z.strictObject({
  profile: key,
  read: z.strictObject({ versions: words, issues: words }),
  write: z.strictObject({
    version: key,
    issue: z.iso.date(),
    product: key,
    event: z.boolean(),
    senderName: z.boolean(),
    caseStatus: key,
  }),
  tables,
  encodings: z.record(key, z.enum(["plain", "html"])),
  levels,
  mailbox: z.string().refine(isPattern, "must be a regular expression from ^ to $"),
  limits,
  html,
  mediaTypes: z.array(mediaType).min(1).max(100),
  returnAddress: z.enum(["sender-mailbox", "none"]),
  results: z
    .record(z.union([z.string().regex(/^\d{1,3}$/), z.literal("other")]), result)
    .refine((rules) => "other" in rules && "99" in rules, "needs `99` and `other`"),
  accepted: z.string().regex(/^\d{1,3}$/),
  acceptedText: key,
  soapFaults: z.record(key, rule).refine((rules) => "other" in rules, "needs `other`"),
  http: z
    .record(z.string().regex(/^[1-5](\d\d|xx)$/, "must be a status such as 503 or 5xx"), rule)
    .refine((rules) => "5xx" in rules, "needs `5xx`"),
  okkomm: z.strictObject({
    namespace: z.string().max(200),
    procedure: key,
    type: key,
    action: key,
    target: key,
    ok: key,
    failed: key,
  }),
  refusal: z.enum(["quittung", "fault", "both"]),
});

export type Profile = z.output<typeof profileSchema>;

function isPattern(text: string): boolean {
  if (text.length > 200 || !text.startsWith("^") || !text.endsWith("$")) return false;
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    // Not a regular expression: the refinement says so.
    return false;
  }
}
