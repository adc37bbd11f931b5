import type { Action, ActionRequest, Message } from "../model/message.ts";
import type { Conversation } from "../store/store.ts";
import { describeAct, titleOf } from "./act-text.ts";
import type { Content } from "./client.ts";
import { SENDER_KEY } from "./envelope.ts";
import { SCOPE, readStatus } from "./facts.ts";
import { formatTime } from "./german.ts";
import { askingLetter } from "./requests.ts";
import { STATUS_BLOCK, type StatusDeps } from "./status-block.ts";
import { sayAbout, speak } from "./voice.ts";

/** Kind in the status fact of a letter that was answered by an act. */
const ANSWERED = "answered";

/**
 * The letter that asked for an act shows that it was done, by whom and when: one notice at that letter, when the act has
 * arrived. Does nothing for a letter that is no act. Safe to repeat.
 */
export async function showAnswered(
  deps: StatusDeps,
  conversation: Conversation,
  act: Message,
  signal: AbortSignal,
): Promise<void> {
  const { action, inReplyTo } = act;
  if (!action || inReplyTo === undefined) return;
  if ((await readStatus(deps.store, inReplyTo))?.kind === ANSWERED) return;
  const asked = await askingLetter(deps.store, conversation, inReplyTo);
  const eventId = asked?.stored.remoteId;
  if (!asked || eventId === undefined) return;
  const content = answeredContent({ id: inReplyTo, eventId, request: asked.request }, act, action);
  const fact = await speak(deps, conversation, conversation.counterpart, signal, async (voice) => {
    const purpose = { id: act.id, part: ANSWERED };
    const notice = await sayAbout(deps.client, voice, purpose, content, signal);
    return { notice, kind: ANSWERED, room: voice.roomId };
  });
  await deps.store.putFact(SCOPE.status, inReplyTo, JSON.stringify(fact));
}

/** Pure. */
export function answeredContent(
  asked: { readonly id: string; readonly eventId: string; readonly request: ActionRequest },
  act: Message,
  action: Action,
): Content {
  const { id, eventId, request } = asked;
  const by = act.extra?.[SENDER_KEY] ?? "";
  const what = describeAct(request, action);
  return {
    msgtype: "m.notice",
    body: `Beantwortet: ${titleOf(request)} – ${what} – von ${by} am ${formatTime(act.sentAt)}`,
    "m.mentions": {},
    "m.relates_to": {
      rel_type: "m.reference",
      event_id: eventId,
      "m.in_reply_to": { event_id: eventId },
    },
    [STATUS_BLOCK]: {
      schema: 1,
      message_id: id,
      event_id: eventId,
      state: ANSWERED,
      at: act.sentAt.toISOString(),
      by,
      act: act.id,
      action,
    },
  };
}
