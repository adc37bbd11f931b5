import type { Refusal } from "../bridge/contract.ts";
import { actSourceId } from "../model/act.ts";
import type { Action, IncomingMessage, TrustLevel } from "../model/message.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Conversation, EventResult, StoredMessage } from "../store/store.ts";
import { deadlineNote, forgottenSign, repeatedAct, withCommands } from "./act-answers.ts";
import { chooseRequest, openRequests, type Wanted } from "./act-choice.ts";
import { checkAct, readCommand, readForgotten, type CheckedAct } from "./act-command.ts";
import { actLetterText, titleOf } from "./act-text.ts";
import {
  EVENT_KEY,
  NOTE_KEY,
  envelope,
  eventIdOf,
  keepEvent,
  noteAct,
  review,
  turnDown,
} from "./envelope.ts";
import type { EnvelopeDeps } from "./envelope.ts";
import type { LetterDraft } from "./event-letter.ts";
import type { RoomEvent } from "./events.ts";
import type { Members } from "./members.ts";
import { actsFor, askingLetter, requestsIn, standingAct } from "./requests.ts";
import type { AskingLetter, KnownRequest } from "./requests.ts";

export interface ActDeps extends EnvelopeDeps {
  readonly blobs: BlobStore;
  readonly members: Members;
}
/** Where and with which event somebody acts. */
export interface ActPlace {
  readonly conversation: Conversation;
  readonly event: RoomEvent;
  readonly raw: string;
}
type Act = Extract<CheckedAct, { kind: "act" }>;

/**
 * A command in a room in which something is asked for becomes the act, or a refusal that its sender sees; it never
 * leaves as an ordinary letter, not even misspelt. undefined: it is an ordinary letter. Idempotent on the event id.
 */
export async function takeAct(
  deps: ActDeps,
  place: ActPlace,
  draft: LetterDraft,
  signal: AbortSignal,
): Promise<EventResult | undefined> {
  const { conversation, event } = place;
  const command = draft.act ?? readCommand(draft.text ?? "");
  const forgotten = command ? undefined : readForgotten(draft.text ?? "");
  if (!command && !forgotten) return undefined;
  const requests = await requestsIn(deps.store, conversation.id);
  if (requests.length === 0 && !draft.act) return undefined;
  if (!command) {
    if (!forgotten || !(await wouldAct(deps, conversation, requests, forgotten))) return undefined;
    return turnDown(deps, conversation, event, forgottenSign(forgotten));
  }
  const wanted: Wanted = {
    command,
    ...(draft.act?.letter === undefined ? {} : { letterId: draft.act.letter }),
    ...(draft.inReplyTo === undefined ? {} : { repliesTo: draft.inReplyTo }),
  };
  const outcome = unfit(draft) ?? (await chooseRequest(deps.store, conversation, requests, wanted));
  if ("code" in outcome) return turnDown(deps, conversation, event, outcome);
  const checked = checkAct(outcome.request, command);
  if (checked.kind === "act") return giveAct(deps, place, outcome, checked, signal);
  const open = await openRequests(deps.store, conversation, requests);
  return turnDown(deps, conversation, event, withCommands(checked.problem, open));
}

/** What an act cannot carry: it would be lost, or be taken for something else. */
function unfit(draft: LetterDraft): Refusal | undefined {
  const refuse = (detail: string, notice: string) =>
    ({ code: "ACT_INVALID", detail, notice }) as const;
  if (draft.corrects !== undefined) {
    const notice =
      "Ein Befehl wirkt nicht durch Bearbeiten. Bitte senden Sie ihn als neue Nachricht.";
    return refuse("a command in an edit", notice);
  }
  if (draft.files.length === 0) return undefined;
  return refuse("a command with files", "Ein Befehl kann keine Anlagen haben.");
}

/** Would these words be an act if "!" stood before them? */
async function wouldAct(
  deps: ActDeps,
  conversation: Conversation,
  requests: readonly KnownRequest[],
  command: Wanted["command"],
): Promise<boolean> {
  for (const { letterId } of requests.filter((one) => one.name === command.name)) {
    const asked = await askingLetter(deps.store, conversation, letterId);
    if (asked && checkAct(asked.request, command).kind === "act") return true;
  }
  return false;
}

async function giveAct(
  deps: ActDeps,
  place: ActPlace,
  asked: AskingLetter,
  act: Act,
  signal: AbortSignal,
): Promise<EventResult> {
  const { conversation, event } = place;
  const { store } = deps;
  const acts = await actsFor(store, asked);
  const standing = standingAct(acts);
  if (standing) return refuseSecond(deps, place, asked, act.action, standing);
  const message = await compose(deps, place, asked, act, acts.length + 1);
  if (!message) return turnDown(deps, conversation, event, notAddressed(event));
  const refusal = await review(deps, conversation, message, signal);
  if (refusal) return turnDown(deps, conversation, event, refusal);
  const original = await keepEvent(deps.blobs, place.raw);
  await noteAct(store, event.event_id, message.sourceId);
  const { id, outcome } = await deps.accept(conversation, { ...message, original });
  if (outcome === "stored") return { outcome: "done", messageId: id, detail: "act stored" };
  // Only when another node took in something of this room at the same moment.
  const first = await store.message(id);
  if (!first) throw new Error(`the act ${id} is known and not there`);
  return refuseSecond(deps, place, asked, act.action, first);
}

async function refuseSecond(
  deps: ActDeps,
  { conversation, event }: ActPlace,
  { request }: AskingLetter,
  action: Action,
  first: StoredMessage,
): Promise<EventResult> {
  // The other node took in this very event: there is nothing to refuse.
  if (eventIdOf(first.message) === event.event_id)
    return { outcome: "done", messageId: first.message.id, detail: "already taken in" };
  return turnDown(deps, conversation, event, repeatedAct(request, action, first));
}

function notAddressed(event: RoomEvent): Refusal {
  const detail = `${event.sender} does not write for the mailbox that the request was sent to`;
  return { code: "SENDER_NOT_ALLOWED", detail };
}

/**
 * The act as a letter: from the mailbox that was asked to the one that asked, whatever other letters of the same
 * conversation say. undefined: its author does not write for that mailbox.
 */
async function compose(
  deps: ActDeps,
  { conversation, event }: ActPlace,
  { stored, request }: AskingLetter,
  act: Act,
  n: number,
): Promise<IncomingMessage | undefined> {
  const { message: asked } = stored;
  const isOurs = asked.to.some(({ address }) => address === conversation.local.address);
  const local = isOurs ? conversation.local : asked.to[0];
  if (!local) return undefined;
  const seat = { account: asked.account, local };
  if (!isOurs && !(await deps.members.mayWrite(seat, event.sender))) return undefined;
  const base = await envelope(deps, { ...conversation, local, counterpart: asked.from }, event);
  const note = deadlineNote(request, base.sentAt);
  const matter = asked.case ?? conversation.case;
  const title = titleOf(request);
  return {
    ...base,
    sourceId: actSourceId(asked.id, request.name, n),
    inReplyTo: asked.id,
    subject: asked.subject === undefined ? title : `${title}: ${asked.subject}`,
    text: actLetterText(act),
    level: Math.max(conversation.level, asked.level) as TrustLevel,
    ...(matter === undefined ? {} : { case: matter }),
    action: act.action,
    extra: {
      ...base.extra,
      [EVENT_KEY]: event.event_id,
      ...(note === undefined ? {} : { [NOTE_KEY]: note }),
    },
  };
}
