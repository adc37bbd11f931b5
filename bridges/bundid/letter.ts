import { parseStrictJson, StrictJsonError } from "../../src/guard/strict-json.ts";
import { levelSchema } from "../../src/model/message.ts";
import type { TrustLevel } from "../../src/model/message.ts";
import { LetterFault } from "./letter-fault.ts";
import { checkLetter } from "./letter-rules.ts";
import type { Profile } from "./profile.ts";

/** A letter as ZBP knows it (bundid-fink.md §1.4), under our names; what they are called on the wire says the profile. */
export interface Letter {
  /** UUID, lower case. */
  readonly mailbox: string;
  readonly level: TrustLevel;
  readonly sender: string;
  readonly title: string;
  readonly body: string;
  readonly service: string;
  readonly url?: string;
  readonly reference?: string;
  readonly receiptAddress?: string;
  readonly replyAddress?: string;
  readonly application?: string;
  readonly routing?: string;
  readonly attachments: readonly DeclaredFile[];
}

export interface DeclaredFile {
  readonly name: string;
  /** SHA-512, lower-case hex. */
  readonly digest: string;
  /** Bytes. */
  readonly length: number;
}

const OPTIONAL = [
  "url",
  "reference",
  "receiptAddress",
  "replyAddress",
  "application",
  "routing",
] as const;
const REQUIRED = ["mailbox", "sender", "title", "body", "service"] as const;
const DIGEST = /^[0-9a-f]{128}$/;

/** The string that is signed and embedded. Members in a fixed order. */
export function serialiseLetter(letter: Letter, profile: Profile): string {
  const { fields } = profile;
  const optional = OPTIONAL.flatMap((key) => {
    const value = letter[key];
    return value === undefined ? [] : [[fields[key], value] as const];
  });
  return JSON.stringify({
    [fields.mailbox]: letter.mailbox,
    [fields.level]: letter.level,
    [fields.sender]: letter.sender,
    [fields.title]: letter.title,
    [fields.body]: letter.body,
    [fields.service]: letter.service,
    ...Object.fromEntries(optional),
    [fields.attachments]: letter.attachments.map((file) => ({
      [fields.attachmentName]: file.name,
      [fields.attachmentDigest]: file.digest,
      [fields.attachmentLength]: file.length,
    })),
  });
}

/**
 * Reads the signed string: known members only, every limit of the profile.
 * @throws LetterFault
 */
export function parseLetter(content: string, profile: Profile): Letter {
  const { fields } = profile;
  const members = membersOf(parseContent(content), "", [
    fields.level,
    fields.attachments,
    ...REQUIRED.map((key) => fields[key]),
    ...OPTIONAL.map((key) => fields[key]),
  ]);
  const text = (key: (typeof REQUIRED)[number]) => {
    const value = members[fields[key]];
    if (value === undefined) throw schemaFault(fields[key], "is required");
    return textOf(value, fields[key]);
  };
  const optional = OPTIONAL.flatMap((key) => {
    const value = members[fields[key]];
    return value === undefined ? [] : [[key, textOf(value, fields[key])] as const];
  });
  const letter: Letter = {
    mailbox: text("mailbox").toLowerCase(),
    level: readLevel(members[fields.level], fields.level),
    sender: text("sender"),
    title: text("title"),
    body: text("body"),
    service: text("service"),
    ...Object.fromEntries(optional),
    attachments: readFiles(members[fields.attachments], profile),
  };
  checkLetter(letter, profile);
  return letter;
}

function parseContent(content: string): unknown {
  try {
    return parseStrictJson(content);
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    throw new LetterFault("schema", "content", error.message, { cause: error });
  }
}

type Members = Readonly<Record<string, unknown>>;

function membersOf(value: unknown, field: string, known: readonly string[]): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw schemaFault(field === "" ? "content" : field, "must be an object");
  const surplus = Object.keys(value).find((name) => !known.includes(name));
  if (surplus !== undefined)
    throw schemaFault(field === "" ? surplus : `${field}.${surplus}`, "is not a known field");
  return value as Members;
}

function textOf(value: unknown, field: string): string {
  if (typeof value !== "string") throw schemaFault(field, "must be a string");
  return value;
}

function readLevel(value: unknown, field: string): TrustLevel {
  const level = levelSchema.safeParse(value);
  if (!level.success) throw schemaFault(field, "must be 1, 2, 3 or 4");
  return level.data;
}

function readFiles(value: unknown, { fields }: Profile): DeclaredFile[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw schemaFault(fields.attachments, "must be an array");
  return value.map((item: unknown, index) => {
    const field = `${fields.attachments}[${index}]`;
    const { attachmentName, attachmentDigest, attachmentLength } = fields;
    const members = membersOf(item, field, [attachmentName, attachmentDigest, attachmentLength]);
    const name = textOf(members[attachmentName], `${field}.${attachmentName}`);
    const digest = textOf(members[attachmentDigest], `${field}.${attachmentDigest}`);
    const length = members[attachmentLength];
    if (!DIGEST.test(digest))
      throw schemaFault(`${field}.${attachmentDigest}`, "must be a SHA-512 in lower-case hex");
    if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0)
      throw schemaFault(`${field}.${attachmentLength}`, "must be a number of bytes");
    return { name, digest, length };
  });
}

function schemaFault(field: string, message: string): LetterFault {
  return new LetterFault("schema", field, message);
}
