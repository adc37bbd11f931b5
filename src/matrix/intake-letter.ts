import type { Refusal } from "../bridge/contract.ts";
import type { HomeserverConfig } from "../config/schema.ts";
import { GatewayError } from "../model/errors.ts";
import type { Attachment, IncomingMessage, TrustLevel } from "../model/message.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Conversation, EventResult, StoredEvent } from "../store/store.ts";
import { actOf, envelope, keepEvent, letterOf, review, turnDown } from "./envelope.ts";
import { SENDER_KEY, type EnvelopeDeps } from "./envelope.ts";
import { eventToLetter, type DraftFile, type LetterDraft } from "./event-letter.ts";
import type { RoomEvent } from "./events.ts";
import { takeAct } from "./intake-act.ts";
import type { Media } from "./media.ts";
import type { Members } from "./members.ts";
import type { Names } from "./names.ts";

/** Keys of conversations that were opened in Matrix begin like this. */
export const OPENED_HERE = "mx-";

export interface LetterIntakeDeps extends EnvelopeDeps {
  readonly homeserver: Pick<HomeserverConfig, "edits">;
  readonly blobs: BlobStore;
  readonly members: Members;
  readonly media: Media;
  readonly names: Names;
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
  const { account } = conversation;
  const known =
    (await deps.store.messageBySource(account, event.event_id)) ??
    (await actOf(deps.store, account, event.event_id));
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
  const act = await takeAct(deps, { conversation, event, raw: stored.raw }, draft, signal);
  if (act) return act;
  if (conversation.replyPolicy === "forbidden") {
    const detail = "the letters of this conversation may not be answered";
    return turnDown(deps, conversation, event, { code: "REPLY_NOT_POSSIBLE", detail });
  }
  const attachments = await fetchAll(deps, draft.files, signal);
  if ("code" in attachments) return turnDown(deps, conversation, event, attachments);
  const message = await compose(deps, conversation, event, draft, attachments.files);
  const refusal = await review(deps, conversation, message, signal);
  if (refusal) return turnDown(deps, conversation, event, refusal);
  const original = await keepEvent(deps.blobs, stored.raw);
  const { id, outcome } = await deps.accept(conversation, { ...message, original });
  return { outcome: "done", messageId: id, detail: outcome };
}

function stranger(event: RoomEvent): Refusal {
  return {
    code: "SENDER_NOT_ALLOWED",
    detail: `${event.sender} is neither clerk nor reader of this mailbox`,
  };
}

const ACT_STANDS =
  "Eine abgegebene Erklärung kann nicht durch Bearbeiten geändert werden. Es gilt, was zuerst dort stand.";

type EditVerdict = (Refusal & { kind: "refuse" }) | { kind: "ignore"; detail: string };

/** undefined: it may become a letter that corrects the first one. */
async function judgeEdit(
  deps: LetterIntakeDeps,
  conversation: Conversation,
  event: RoomEvent,
  corrects: string,
): Promise<EditVerdict | undefined> {
  const act = await actOf(deps.store, conversation.account, corrects);
  const first = act ?? (await deps.store.messageBySource(conversation.account, corrects));
  if (!first) return { kind: "ignore", detail: "the edited message was never a letter" };
  if (first.message.extra?.[SENDER_KEY] !== event.sender)
    return { kind: "ignore", detail: "only its author may edit a message" };
  if (act)
    return {
      kind: "refuse",
      code: "EDIT_REFUSED",
      detail: `edits ${corrects}`,
      notice: ACT_STANDS,
    };
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
