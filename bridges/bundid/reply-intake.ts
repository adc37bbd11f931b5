import type { BridgeContext, KnownMessage } from "../../src/bridge/contract.ts";
import type { Attachment, IncomingMessage } from "../../src/model/message.ts";
import { contentOf, EXTRA } from "./codec.ts";
import { digestOfBlob } from "./files.ts";
import { parseReply, ReplyFault } from "./reply-item.ts";
import type { ReplyItem } from "./reply-item.ts";
import { replyKey } from "./reply-record.ts";
import type { ReplyProblem, ReplyRecord } from "./reply-record.ts";
import type { Sender } from "./sender.ts";

/** What decides whether a reply may become a message, and what it becomes. */
export type JudgedReply =
  { readonly reply: ReplyItem; readonly letter: KnownMessage } | { readonly problem: ReplyProblem };

/**
 * Is it an answer to one of our letters, out of the mailbox that the letter went to? The routing information alone is
 * not enough: somebody may have copied it into a letter of another mailbox.
 */
export async function judgeReply(
  context: Pick<BridgeContext<unknown>, "recall">,
  { profile, routing }: Sender,
  item: unknown,
): Promise<JudgedReply> {
  let reply: ReplyItem;
  try {
    reply = parseReply(item, profile);
  } catch (error) {
    if (!(error instanceof ReplyFault)) throw error;
    return { problem: { code: "INPUT_INVALID", detail: error.message } };
  }
  const bad = (detail: string): JudgedReply => ({ problem: { code: "ROUTING_INVALID", detail } });
  const id = routing.readRoutingInfo(reply.routing);
  if (id === undefined) return bad("the routing information is not ours or was changed");
  const letter = await context.recall(id);
  if (letter?.origin !== "matrix") return bad("the routing information names no letter of ours");
  if (letter.message.to[0]?.address.toLowerCase() !== reply.mailbox)
    return bad("the reply comes out of another mailbox than the letter went to");
  return { reply, letter };
}

/** Brings the files of a reply into the blob store. undefined: one differs from its declaration. */
export async function fetchFiles(
  context: Pick<BridgeContext<unknown>, "open">,
  { profile, transport }: Sender,
  reply: ReplyItem,
  signal: AbortSignal,
): Promise<Attachment[] | undefined> {
  const { method, path, firstIndex } = profile.replies.file;
  const files: Attachment[] = [];
  for (const [index, { name, mediaType, digest, length }] of reply.files.entries()) {
    const place = path
      .replace("{id}", encodeURIComponent(reply.id))
      .replace("{n}", String(index + firstIndex));
    const target = { method, path: place, ok: [200] };
    const blob = await transport.download(target, profile.limits.fileBytes, signal);
    const same = blob?.size === length && (await digestOfBlob(context, blob)) === digest;
    if (!same) return undefined;
    files.push({ name, mediaType, blob });
  }
  return files;
}

/** The reply as a letter from the citizen to the authority, in the room of the case. */
export function messageOfReply(
  reply: ReplyItem,
  { message: letter }: KnownMessage,
  record: ReplyRecord,
  { profile }: Sender,
): IncomingMessage {
  const citizen = letter.to[0] ?? { address: reply.mailbox };
  return {
    sourceId: replyKey(reply.id),
    conversation: letter.conversation,
    inReplyTo: letter.id,
    sentAt: reply.createdAt ?? new Date(),
    from: citizen,
    to: [letter.from],
    ...(reply.title === "" ? {} : { subject: reply.title }),
    ...contentOf(reply.body, profile),
    attachments: record.files,
    level: letter.level,
    replyPolicy: "possible",
    ...(letter.case === undefined ? {} : { case: letter.case }),
    original: record.original,
    extra: { [EXTRA.way]: "reply", [EXTRA.kind]: "letter", [EXTRA.replyId]: reply.id },
  };
}
