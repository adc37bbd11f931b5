import type { Conversation, EventResult, Store } from "../store/store.ts";
import { letterOf } from "./envelope.ts";
import type { RoomEvent } from "./events.ts";
import { sayAbout, speak, type VoiceDeps } from "./voice.ts";

export interface RedactionDeps extends VoiceDeps {
  readonly store: Store;
  readonly now: () => Date;
}

/**
 * Power levels forbid redaction to everybody; who rules the homeserver can do it all the same. The letter stays as it
 * was handed over: it is noted for auditors, and the room is told.
 */
export async function takeRedaction(
  deps: RedactionDeps,
  conversation: Conversation,
  event: RoomEvent,
  signal: AbortSignal,
): Promise<EventResult> {
  const inContent = event.content["redacts"];
  const target = typeof inContent === "string" ? inContent : event.redacts;
  if (target === undefined) return { outcome: "ignored", detail: "redacts nothing" };
  const { account } = conversation;
  const letter = await letterOf(deps.store, account, target);
  if (!letter) return { outcome: "ignored", detail: "redacts no letter" };
  const body =
    "Die Anzeige einer Nachricht wurde hier entfernt. Das übermittelte Schreiben bleibt davon unberührt.";
  const content = {
    msgtype: "m.notice",
    body,
    "m.mentions": {},
    "m.relates_to": { rel_type: "m.reference", event_id: target },
  };
  await speak(deps, conversation, conversation.counterpart, signal, (voice) =>
    sayAbout(deps.client, voice, { id: event.event_id, part: "redaction" }, content, signal),
  );
  const entry = {
    actor: event.sender,
    action: "matrix.redaction",
    subject: letter.message.id,
    detail: { event: target, redaction: event.event_id },
  };
  await deps.store.appendAudit(entry, deps.now());
  return { outcome: "done", messageId: letter.message.id, detail: "redaction noted" };
}
