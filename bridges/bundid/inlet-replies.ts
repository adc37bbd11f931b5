import type { IncomingMessage, ServerResponse } from "node:http";
import { decodeUtf8, parseStrictJson, StrictJsonError } from "../../src/guard/strict-json.ts";
import { bodyOf } from "./codec.ts";
import { ANSWER_STYLE } from "./answers.ts";
import type { KnownPeer } from "./inlet-checks.ts";
import type { InletParts, Reply } from "./inlet-parts.ts";
import { readJsonBody } from "./intake.ts";
import { Refusal } from "./refusal.ts";
import type { ShelfItem, ShelfStatus } from "./shelf.ts";
import { memberOf } from "./value-path.ts";

/** The calls with which a legacy system fetches the answers to its own letters. */

const MAX_STATUS_BYTES = 64_000;
const MAX_PROBLEM = 1_000;
/** A page of answers is not larger than this, whatever its number (one answer is always given). */
const MAX_PAGE_BYTES = 8_000_000;

export async function listReplies(
  { context, profile, shelf }: InletParts,
  peer: KnownPeer,
  limit: string | null,
): Promise<Reply> {
  const { list } = profile.replies;
  const wanted = limit === null ? list.limit : Number(limit);
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 100)
    throw new Refusal(400, "SCHEMA", `${list.limitQuery}: must be 1 to 100`, {
      field: list.limitQuery,
    });
  const views: unknown[] = [];
  let size = 0;
  for (const item of await shelf.list(peer.cn, wanted)) {
    const known = await context.recall(item.messageId);
    if (known === undefined) continue;
    const body = bodyOf(known.message, ANSWER_STYLE, profile);
    size += Buffer.byteLength(body);
    if (views.length > 0 && size > MAX_PAGE_BYTES) break;
    views.push(viewOf(item, body, profile));
  }
  return { status: 200, body: { [list.items]: views } };
}

function viewOf(item: ShelfItem, body: string, profile: InletParts["profile"]): unknown {
  const { members, status } = profile.replies;
  const { fields } = profile;
  const { routing, reference } = item;
  return {
    [members.id]: item.id,
    ...(routing === undefined ? {} : { [members.routing]: routing }),
    ...(reference === undefined ? {} : { [fields.reference]: reference }),
    [members.mailbox]: item.mailbox,
    [members.createdAt]: item.at.toISOString(),
    [members.title]: item.title,
    [members.body]: body,
    [members.attachments]: item.files.map((file) => ({
      [fields.attachmentName]: file.name,
      [fields.attachmentDigest]: file.digest,
      [fields.attachmentLength]: file.length,
      [members.mediaType]: file.mediaType,
    })),
    [members.status]: status[item.status],
  };
}

export async function sendFile(
  { context, profile, shelf }: InletParts,
  peer: KnownPeer,
  id: string,
  n: string,
): Promise<Reply> {
  const item = await shelf.get(peer.cn, id);
  if (item === undefined) throw unknownReply();
  const file = item.files[Number(n) - profile.replies.file.firstIndex];
  if (file === undefined)
    throw new Refusal(404, "ATTACHMENT_UNKNOWN", "this reply has no such attachment");
  const { mediaType, length } = file;
  return { status: 200, stream: { body: await context.open(file.blob), mediaType, length } };
}

export async function setReplyStatus(
  { context, profile, shelf }: InletParts,
  peer: KnownPeer,
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Reply> {
  const { ack, status: names } = profile.replies;
  const body = parseBody(await readJsonBody(request, response, MAX_STATUS_BYTES));
  const wanted = memberOf(body, ack.statusMember);
  const status = (["collected", "accepted", "rejected", "error"] as const).find(
    (known): known is Exclude<ShelfStatus, "new"> => names[known] === wanted,
  );
  if (status === undefined)
    throw new Refusal(400, "SCHEMA", `${ack.statusMember}: is not a known status`, {
      field: ack.statusMember,
    });
  const problem = readProblem(memberOf(body, ack.problemMember));
  const result = await shelf.setStatus(peer.cn, id, status, problem);
  if (result === "unknown") throw unknownReply();
  if (result === "illegal")
    throw new Refusal(409, "ILLEGAL_TRANSITION", `${names[status]} is not possible now`, {
      field: ack.statusMember,
    });
  context.log.info({ account: context.account, reply: id, status }, "inlet-reply-status");
  return { status: 204 };
}

function parseBody(bytes: Buffer): unknown {
  try {
    return parseStrictJson(decodeUtf8(bytes));
  } catch (cause) {
    if (!(cause instanceof StrictJsonError)) throw cause;
    throw new Refusal(400, "JSON", cause.message, { cause });
  }
}

/** What the authority says about an answer it refuses: a sentence, or an object with one in it. */
function readProblem(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const inner = memberOf(value, "message") ?? memberOf(value, "detail") ?? memberOf(value, "title");
  const text = [value, inner].find((part) => typeof part === "string") ?? JSON.stringify(value);
  return String(text).slice(0, MAX_PROBLEM);
}

function unknownReply(): Refusal {
  return new Refusal(404, "REPLY_UNKNOWN", "there is no such reply for this sender");
}
