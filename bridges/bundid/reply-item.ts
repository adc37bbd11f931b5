import { findFileType } from "../../src/guard/filetype.ts";
import { isUuid, countCharacters } from "./letter-rules.ts";
import type { Profile } from "./profile.ts";
import { memberOf } from "./value-path.ts";

/** One reply as ZBP lists it (bundid-fink.md §7.3, a proposal). Pure. */
export interface ReplyItem {
  readonly id: string;
  readonly routing: string;
  readonly mailbox: string;
  readonly createdAt: Date | undefined;
  readonly title: string;
  readonly body: string;
  readonly files: readonly ReplyFile[];
}
export interface ReplyFile {
  readonly name: string;
  readonly mediaType: string;
  /** SHA-512, lower-case hex. */
  readonly digest: string;
  readonly length: number;
}

/** Why an item cannot become a message. */
export class ReplyFault extends Error {
  override readonly name = "ReplyFault";
}

const ID = /^[\x21-\x7e]{1,200}$/;

/** The id of an item, if it has a usable one. Read first: without it nothing can be said about the item to ZBP. */
export function replyIdOf(item: unknown, { replies }: Profile): string | undefined {
  const id = memberOf(item, replies.members.id);
  return typeof id === "string" && ID.test(id) ? id : undefined;
}

/** @throws ReplyFault */
export function parseReply(item: unknown, profile: Profile): ReplyItem {
  const { members } = profile.replies;
  const { limits } = profile;
  const id = replyIdOf(item, profile);
  if (id === undefined) throw new ReplyFault("it has no usable id");
  const text = (name: string, max: number) => {
    const value = memberOf(item, name);
    if (typeof value !== "string") throw new ReplyFault(`${name} is missing`);
    if (countCharacters(value) > max) throw new ReplyFault(`${name} is longer than ${max}`);
    return value;
  };
  const mailbox = text(members.mailbox, 64).toLowerCase();
  if (!isUuid(mailbox)) throw new ReplyFault(`${members.mailbox} is not a UUID`);
  const createdAt = new Date(text(members.createdAt, 64));
  return {
    id,
    routing: text(members.routing, limits.routing),
    mailbox,
    createdAt: Number.isNaN(createdAt.getTime()) ? undefined : createdAt,
    title: text(members.title, limits.title * 2),
    body: text(members.body, limits.bodyBytes),
    files: parseFiles(memberOf(item, members.attachments), profile),
  };
}

function parseFiles(value: unknown, profile: Profile): ReplyFile[] {
  const { limits, fields, replies, mediaTypes } = profile;
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new ReplyFault("attachments are not a list");
  if (value.length > limits.files) throw new ReplyFault(`more than ${limits.files} attachments`);
  return value.map((file: unknown, index) => {
    const name = memberOf(file, fields.attachmentName);
    const digest = memberOf(file, fields.attachmentDigest);
    const length = memberOf(file, fields.attachmentLength);
    const type = memberOf(file, replies.members.mediaType);
    if (typeof name !== "string" || name === "" || countCharacters(name) > limits.fileName)
      throw new ReplyFault(`attachment ${index} has no usable name`);
    if (typeof digest !== "string" || !/^[0-9a-f]{128}$/.test(digest))
      throw new ReplyFault(`attachment ${index} has no usable digest`);
    if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0)
      throw new ReplyFault(`attachment ${index} has no usable length`);
    if (length > limits.fileBytes) throw new ReplyFault(`attachment ${index} is too large`);
    const ending = /\.[^.]*$/.exec(name)?.[0].toLowerCase() ?? "";
    const entry =
      (typeof type === "string" ? findFileType(mediaTypes, type) : undefined) ??
      mediaTypes.find(({ extensions }) => extensions.includes(ending));
    const mediaType = entry?.standard ?? entry?.type ?? "application/octet-stream";
    return { name, digest, length, mediaType };
  });
}
