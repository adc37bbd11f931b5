import { z } from "zod";

/** The two worlds this gateway stands between. */
export type Side = "legacy" | "matrix";
export function otherSide(side: Side): Side {
  return side === "legacy" ? "matrix" : "legacy";
}

/** STORK QAA level 1–4 that a reader must have proved to see the letter (bundid-fink.md §1.4, §1.8). */
export type TrustLevel = 1 | 2 | 3 | 4;

const digest = z.templateLiteral(["sha256:", z.string().regex(/^[0-9a-f]{64}$/)]);
export const blobRefSchema = z.object({ digest, size: z.int().nonnegative() });
export const partySchema = z.object({
  address: z.string().min(1),
  name: z.string().optional(),
  role: z.enum(["citizen", "authority", "organisation"]).optional(),
});
const attachmentSchema = z.object({
  name: z.string().min(1),
  mediaType: z.string().min(1),
  blob: blobRefSchema,
  signed: z.boolean().optional(),
});
const caseSchema = z.object({
  reference: z.string().optional(),
  applicationId: z.string().optional(),
  legalBasis: z.string().optional(),
});
const detailSchema = z.object({ label: z.string().min(1), value: z.string() });
const choiceSchema = z.object({
  name: z.string().regex(/^[a-z]{2,20}$/),
  label: z.string().min(1),
  hint: z.string().optional(),
  argument: z
    .object({ label: z.string().min(1), kind: z.enum(["date", "text"]), required: z.boolean() })
    .optional(),
});
const actionRequestSchema = z.object({
  name: z.string().regex(/^[a-z]{2,20}$/),
  title: z.string().min(1),
  deadline: z.coerce.date().optional(),
  choices: z.array(choiceSchema).min(1),
});
const actionSchema = z.object({
  name: z.string(),
  choice: z.string(),
  argument: z.string().optional(),
});
export const levelSchema = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]);

/** The canonical form: every system is translated to and from it, once in, once out. */
export const messageSchema = z.object({
  id: z.string(),
  account: z.string(),
  sourceId: z.string().min(1),
  conversation: z.string().min(1),
  inReplyTo: z.string().optional(),
  sentAt: z.coerce.date(),
  from: partySchema,
  to: z.array(partySchema).min(1),
  subject: z.string().optional(),
  text: z.string().optional(),
  html: z.string().optional(),
  attachments: z.array(attachmentSchema),
  level: levelSchema,
  replyPolicy: z.enum(["forbidden", "possible", "mandatory"]),
  case: caseSchema.optional(),
  details: z.array(detailSchema).optional(),
  request: actionRequestSchema.optional(),
  action: actionSchema.optional(),
  original: blobRefSchema.optional(),
  extra: z.record(z.string(), z.string()).optional(),
});

/** Somebody who writes or reads: `address` is opaque and belongs to the account's system (mailbox id, authority). */
export interface Party {
  readonly address: string;
  readonly name?: string;
  readonly role?: "citizen" | "authority" | "organisation";
}
/** Content-addressed bytes in the blob store; size in bytes of the plaintext. */
export interface BlobRef {
  readonly digest: `sha256:${string}`;
  readonly size: number;
}
export interface Attachment {
  readonly name: string;
  readonly mediaType: string;
  readonly blob: BlobRef;
  readonly signed?: boolean;
}
/** What ties a letter to proceedings: the sender's file number, the portal's application id, the legal basis of delivery. */
export interface CaseInfo {
  readonly reference?: string;
  readonly applicationId?: string;
  readonly legalBasis?: string;
}
/** A fact about a letter that its reader sees beside it; label and value in German. */
export interface Detail {
  readonly label: string;
  readonly value: string;
}
/**
 * Something the sender of a letter asks a human to do by an explicit act, for example to give a receipt with legal
 * effect (§ 173 ZPO). The gateway shows it and never does it by itself.
 */
export interface ActionRequest {
  /** Word of the command in the room, for example `eeb`. Unique within the letter. */
  readonly name: string;
  /** German, for example "Empfangsbekenntnis". */
  readonly title: string;
  /** Until when it is asked for; absent: the sender names no date. */
  readonly deadline?: Date;
  readonly choices: readonly ActionChoice[];
}
export interface ActionChoice {
  /** Second word of the command, for example `abgeben`. */
  readonly name: string;
  /** German sentence that says what this does. */
  readonly label: string;
  /** What its author has to know, in German, for example which codes a reason may begin with. Shown with the command only. */
  readonly hint?: string;
  /** What follows the two words: a calendar date (ISO 8601, `2026-11-21`) or free text. */
  readonly argument?: {
    readonly label: string;
    readonly kind: "date" | "text";
    readonly required: boolean;
  };
}
/** The act itself: this letter is the answer to the `request` of the letter named by `inReplyTo`. */
export interface Action {
  readonly name: string;
  readonly choice: string;
  readonly argument?: string;
}
export type ReplyPolicy = "forbidden" | "possible" | "mandatory";

export interface Message {
  /** Ours, UUIDv7; never changes. */
  readonly id: string;
  /** Configured mailbox or sender identity: the tenant boundary. */
  readonly account: string;
  /** Id in the system it came from; (account, sourceId) is unique for ever. */
  readonly sourceId: string;
  /** Key of the case or thread within the account: one ordering lane, one Matrix room. */
  readonly conversation: string;
  /** Id (ours) of the message this one answers. */
  readonly inReplyTo?: string;
  readonly sentAt: Date;
  readonly from: Party;
  readonly to: readonly Party[];
  readonly subject?: string;
  readonly text?: string;
  /** Sanitised; when present, `text` carries the same content as plain text. */
  readonly html?: string;
  readonly attachments: readonly Attachment[];
  readonly level: TrustLevel;
  readonly replyPolicy: ReplyPolicy;
  readonly case?: CaseInfo;
  /** Shown beside the letter, in this order. */
  readonly details?: readonly Detail[];
  readonly request?: ActionRequest;
  readonly action?: Action;
  /** The untouched bytes as received: evidence and replay. */
  readonly original?: BlobRef;
  /** Bridge-specific, round-trips; the core never reads it. */
  readonly extra?: Readonly<Record<string, string>>;
}

/** A message as a bridge hands it over: the gateway gives id and account. */
export type IncomingMessage = Omit<Message, "id" | "account">;

/** Turns the stored JSON form back into a message; throws a ZodError for anything else. */
export function parseMessage(json: string): Message {
  return stripUndefined(messageSchema.parse(JSON.parse(json))) as Message;
}

function stripUndefined<T extends object>(value: T): T {
  for (const key of Object.keys(value) as (keyof T)[])
    if (value[key] === undefined) delete value[key];
  return value;
}
