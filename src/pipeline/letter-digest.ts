import { digestOf } from "../model/id.ts";
import type { IncomingMessage, Party } from "../model/message.ts";

/**
 * Over everything that makes the letter what it is. Not over `sentAt`, `original` and `extra`: the same letter brought
 * a second time has another envelope (token, transport times) around the same content. Not over `details` either: some
 * say what a check found (a signature, a certificate), and the next check may word it differently. What was not there
 * when the first letters were stored adds nothing when it is absent: their digests stay as they are.
 */
export function digestOfLetter(message: IncomingMessage): string {
  const party = (p: Party) => digestOf(p.address, p.name ?? "", p.role ?? "");
  return digestOf(
    message.conversation,
    party(message.from),
    ...message.to.map(party),
    message.inReplyTo ?? "",
    message.subject ?? "",
    message.text ?? "",
    message.html ?? "",
    ...message.attachments.flatMap((a) => [a.name, a.mediaType, a.blob.digest]),
    String(message.level),
    message.replyPolicy,
    JSON.stringify(message.case ?? {}, ["reference", "applicationId", "legalBasis"]),
    ...(message.request ? ["request", JSON.stringify(message.request, ACT_KEYS)] : []),
    ...(message.action ? ["action", JSON.stringify(message.action, ACT_KEYS)] : []),
  );
}

/** Every key of a request and of an act, so that equal ones are equal texts. */
const ACT_KEYS = [
  ...[
    "name",
    "title",
    "deadline",
    "choices",
    "label",
    "hint",
    "argument",
    "kind",
    "required",
    "choice",
  ],
];
