import { Readable } from "node:stream";
import type { HomeserverConfig } from "../config/schema.ts";
import { GatewayError, noticeFor, type ErrorCode } from "../model/errors.ts";
import type { Attachment, IncomingMessage, TrustLevel } from "../model/message.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Conversation, EventResult, Store, StoredEvent } from "../store/store.ts";
import type { MatrixAcceptOptions, MatrixDeps } from "./contract.ts";
import { eventToLetter, type DraftFile, type LetterDraft } from "./event-letter.ts";
import type { RoomEvent } from "./events.ts";
import { memberKey, readMember } from "./facts.ts";
import type { Media } from "./media.ts";
import type { Members } from "./members.ts";
import type { Names } from "./names.ts";

/** `extra` of a letter that was written in Matrix. */
export const SENDER_KEY = "matrix.sender";
export const SENDER_NAME_KEY = "matrix.sender-name";
export const ROOM_KEY = "matrix.room";
/** Keys of conversations that were opened in Matrix begin like this. */
export const OPENED_HERE = "mx-";
export const MAX_EVENT_BYTES = 16 * 2 ** 20;

export interface LetterIntakeDeps {
  readonly homeserver: Pick<HomeserverConfig, "edits">;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly members: Members;
  readonly media: Media;
  readonly names: Names;
  readonly accept: MatrixDeps["accept"];
  readonly now: () => Date;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly notice?: string;
}

/** An event in the room of a case becomes a letter, or a refusal that its sender sees. Idempotent on the event id. */
export async function takeLetter(
  deps: LetterIntakeDeps,
  conversation: Conversation,
  event: RoomEvent,
  stored: Pick<StoredEvent, "raw">,
  signal: AbortSignal,
): Promise<EventResult> {
  // Asked first: subject and answered letter depend on what the conversation holds, and must not be decided twice.
  const known = await deps.store.messageBySource(conversation.account, event.event_id);
  if (known) return { outcome: "done", messageId: known.message.id, detail: "already taken in" };
  const reading = eventToLetter(event);
  if (reading.kind === "ignore") return { outcome: "ignored", detail: reading.detail };
  if (!(await deps.members.mayWrite(conversation, event.sender)))
    return turnDown(deps, conversation, event, stranger(event));
  if (reading.kind === "refuse") return turnDown(deps, conversation, event, reading);
  const { draft } = reading;
  if (draft.corrects !== undefined) {
    const verdict = await judgeEdit(deps, conversation, event, draft.corrects);
    if (verdict?.kind === "ignore") return { outcome: "ignored", detail: verdict.detail };
    if (verdict) return turnDown(deps, conversation, event, verdict);
  }
  if (conversation.replyPolicy === "forbidden") {
    const detail = "the letters of this conversation may not be answered";
    return turnDown(deps, conversation, event, { code: "REPLY_NOT_POSSIBLE", detail });
  }
  const attachments = await fetchAll(deps, draft.files, signal);
  if ("code" in attachments) return turnDown(deps, conversation, event, attachments);
  const message = await compose(deps, conversation, event, draft, attachments.files);
  // The store empties the event once it was taken in: its bytes are the evidence of what was written.
  const original = await deps.blobs.put(Readable.from([Buffer.from(stored.raw)]), MAX_EVENT_BYTES);
  return handIn(deps, conversation, { ...message, original });
}

function stranger(event: RoomEvent): Refusal {
  return {
    code: "SENDER_NOT_ALLOWED",
    detail: `${event.sender} is neither clerk nor reader of this mailbox`,
  };
}

type EditVerdict = (Refusal & { kind: "refuse" }) | { kind: "ignore"; detail: string };

/** undefined: it may become a letter that corrects the first one. */
async function judgeEdit(
  deps: LetterIntakeDeps,
  conversation: Conversation,
  event: RoomEvent,
  corrects: string,
): Promise<EditVerdict | undefined> {
  const first = await deps.store.messageBySource(conversation.account, corrects);
  if (!first) return { kind: "ignore", detail: "the edited message was never a letter" };
  if (first.message.extra?.[SENDER_KEY] !== event.sender)
    return { kind: "ignore", detail: "only its author may edit a message" };
  if (deps.homeserver.edits === "correction") return undefined;
  return { kind: "refuse", code: "EDIT_REFUSED", detail: `edits ${corrects}` };
}

async function fetchAll(
  deps: LetterIntakeDeps,
  wanted: readonly DraftFile[],
  signal: AbortSignal,
): Promise<{ files: readonly Attachment[] } | Refusal> {
  const files: Attachment[] = [];
  for (const { url, name, mediaType, sha256 } of wanted) {
    let blob;
    try {
      blob = await deps.media.download(url, deps.names.keeper, signal);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== "ATTACHMENT_REJECTED") throw error;
      return {
        code: "ATTACHMENT_REJECTED",
        detail: `an attachment is too large: ${error.message}`,
      };
    }
    if (!blob) return { code: "ATTACHMENT_MISSING", detail: `${url} cannot be fetched` };
    if (sha256 !== undefined && blob.digest !== `sha256:${sha256}`)
      return {
        code: "ATTACHMENT_REJECTED",
        detail: `${url} has another digest than its sender says`,
      };
    files.push({ name, mediaType, blob });
  }
  return { files };
}

async function compose(
  deps: LetterIntakeDeps,
  conversation: Conversation,
  event: RoomEvent,
  draft: LetterDraft,
  attachments: readonly Attachment[],
): Promise<IncomingMessage> {
  const { store } = deps;
  const answered = draft.corrects ?? draft.inReplyTo;
  const inReplyTo = answered && (await letterOf(store, conversation.account, answered))?.message.id;
  const reference = draft.reference ?? conversation.case?.reference;
  const level = Math.max(conversation.level, draft.level ?? 1) as TrustLevel;
  const base = await envelope(deps, conversation, event);
  return {
    ...base,
    ...(inReplyTo === undefined ? {} : { inReplyTo }),
    subject: await subjectOf(deps, conversation, draft),
    ...(draft.text === undefined ? {} : { text: draft.text }),
    ...(draft.html === undefined ? {} : { html: draft.html }),
    attachments,
    level,
    replyPolicy: draft.replyPolicy ?? "possible",
    ...(reference === undefined && !conversation.case
      ? {}
      : { case: { ...conversation.case, ...(reference === undefined ? {} : { reference }) } }),
  };
}

/** Who, to whom, when: the same for letters and refusals. */
async function envelope(
  deps: LetterIntakeDeps,
  conversation: Conversation,
  event: RoomEvent,
): Promise<IncomingMessage> {
  const { event_id: sourceId, room_id: roomId, sender } = event;
  const name = (await readMember(deps.store, memberKey(roomId, sender)))?.name;
  const now = deps.now().getTime();
  const { local, counterpart } = conversation;
  return {
    sourceId,
    conversation: conversation.key,
    // A homeserver with a wrong clock must not date a letter into the future.
    sentAt: new Date(Math.min(event.origin_server_ts ?? now, now)),
    // The name that the legacy side knows goes first: a Matrix profile may claim any name.
    from: { ...local, ...(local.name === undefined && name !== undefined ? { name } : {}) },
    to: [counterpart],
    attachments: [],
    level: conversation.level,
    replyPolicy: "possible",
    extra: {
      [SENDER_KEY]: sender,
      [ROOM_KEY]: roomId,
      ...(name === undefined ? {} : { [SENDER_NAME_KEY]: name }),
    },
  };
}

async function letterOf(store: Store, account: string, eventId: string) {
  return (
    (await store.messageByRemote(account, eventId)) ??
    (await store.messageBySource(account, eventId))
  );
}

async function subjectOf(
  deps: LetterIntakeDeps,
  conversation: Conversation,
  draft: LetterDraft,
): Promise<string> {
  if (draft.subject !== undefined) return draft.subject;
  const subject = conversation.subject ?? "Schriftwechsel";
  if (draft.corrects !== undefined) return `Korrektur zu: ${subject}`;
  const answer = /^(re|aw|antw):/i.test(subject) ? subject : `Re: ${subject}`;
  if (!conversation.key.startsWith(OPENED_HERE)) return answer;
  const filter = { conversationId: conversation.id, limit: 1 };
  const isFirst = (await deps.store.listMessages(filter)).length === 0;
  return isFirst ? subject : answer;
}

async function handIn(
  deps: LetterIntakeDeps,
  conversation: Conversation,
  message: IncomingMessage,
  options?: MatrixAcceptOptions,
): Promise<EventResult> {
  const { id, outcome } = await deps.accept(conversation, message, options);
  return { outcome: "done", messageId: id, detail: outcome };
}

/** Kept as a letter that never leaves, without its content: the sender is told why, in the room. */
async function turnDown(
  deps: LetterIntakeDeps,
  conversation: Conversation,
  event: RoomEvent,
  { code, detail, notice }: Refusal,
): Promise<EventResult> {
  const base = await envelope(deps, conversation, event);
  const allowed = code !== "SENDER_NOT_ALLOWED";
  const message = allowed ? base : { ...base, from: { address: event.sender } };
  const refuse = { code, detail, notice: notice ?? noticeFor(code) };
  return handIn(deps, conversation, message, { refuse });
}
