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
