import { z } from "zod";
import { levelSchema } from "../model/message.ts";
import { RECEIPT_RANK, type ReceiptKind } from "../model/receipt.ts";

/** Bytes of one line; the files lie beside it. */
export const MAX_LINE_BYTES = 4 * 2 ** 20;
const MAX_FILES = 1_000;
const MAX_RECEIPTS = 20;

/** Names and ids stand in one line, and databases cannot store NUL. */
const oneLine = z
  .string()
  .max(1_000)
  .regex(/^\P{Cc}*$/u);
const short = (what: string) => oneLine.min(1).describe(what);
const time = (what: string) => z.iso.datetime({ offset: true }).describe(what);
const party = z.strictObject({
  address: short("Mailbox or authority, as the account's bridge writes it."),
  name: oneLine.optional(),
  role: z.enum(["citizen", "authority", "organisation"]).optional(),
});
const kinds = Object.keys(RECEIPT_RANK) as [ReceiptKind, ...ReceiptKind[]];

/**
 * One line of `letters.jsonl` (docs/migration.md). Unknown fields are refused: a field that is misspelt would otherwise
 * be lost without a word.
 */
export const lineSchema = z.strictObject({
  id: short(
    "Id in the old system; the same one that live traffic would have, so that nothing comes twice.",
  ),
  conversation: short(
    "Case: the same key that live traffic would have, so that later letters come into the same room. Left out: the bridge makes it of `from`, `to` and `case`, where it can.",
  ).optional(),
  direction: z
    .enum(["received", "sent"])
    .default("received")
    .describe("Seen from the mailbox that is moved."),
  answers: short("`id` of the letter that this one answers.").optional(),
  sentAt: time("When it was sent, with time zone."),
  from: party,
  to: z.array(party).min(1).max(100),
  subject: oneLine.optional(),
  text: z.string().optional(),
  html: z.string().optional().describe("Sanitised again before it is shown."),
  attachments: z
    .array(
      z.strictObject({
        name: short("Name of the file, as its reader sees it."),
        mediaType: short("Media type."),
        file: short("Path of the bytes, below the folder of letters.jsonl."),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .describe("Checked when the file is read."),
        signed: z.boolean().optional(),
      }),
    )
    .max(MAX_FILES)
    .default([]),
  level: levelSchema.default(1),
  replyPolicy: z.enum(["forbidden", "possible", "mandatory"]).default("possible"),
  case: z
    .strictObject({
      reference: oneLine.optional(),
      applicationId: oneLine.optional(),
      legalBasis: oneLine.optional(),
    })
    .optional(),
  receipts: z
    .array(z.strictObject({ kind: z.enum(kinds), at: time("When it happened there.") }))
    .max(MAX_RECEIPTS)
    .default([]),
});
export type HistoryLine = z.output<typeof lineSchema>;
