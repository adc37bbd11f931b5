import type { Refusal } from "../bridge/contract.ts";
import type { Conversation, Store } from "../store/store.ts";
import type { Command } from "./act-command.ts";
import { answersNothing, severalOpen, withCommands } from "./act-answers.ts";
import type { OpenRequest } from "./act-text.ts";
import { letterOf } from "./envelope.ts";
import { actsFor, askingLetter, standingAct } from "./requests.ts";
import type { AskingLetter, KnownRequest } from "./requests.ts";

/** Letters that are looked at to list what is open. */
const MAX_LISTED = 20;

/** A command, and the letter it points at when it does. */
export interface Wanted {
  readonly command: Command;
  /** Id of the letter, from the structured block. */
  readonly letterId?: string;
  /** Event that the message replies to. */
  readonly repliesTo?: string;
}

/**
 * The one letter that a command answers: the one it names, or replies to, or the only one in the room that still waits
 * for an act of this name. Never a guess among several.
 */
export async function chooseRequest(
  store: Store,
  conversation: Conversation,
  requests: readonly KnownRequest[],
  wanted: Wanted,
): Promise<AskingLetter | Refusal> {
  const { name } = wanted.command;
  const named = requests.filter((one) => one.name === name);
  const pointed = await pointedAt(store, conversation, wanted);
  if (pointed !== undefined) {
    const known = named.find((one) => one.letterId === pointed);
    const asked = known && (await askingLetter(store, conversation, known.letterId));
    return asked ?? answersNothing(await openRequests(store, conversation, requests));
  }
  const asking = await lettersOf(store, conversation, named);
  const open: AskingLetter[] = [];
  for (const one of asking) if (await isOpen(store, one)) open.push(one);
  const [only, second] = open.length > 0 ? open : asking;
  if (only && !second) return only;
  if (open.length > 1) return severalOpen(open.map(asOpen));
  const problem = only
    ? `Zu „!${only.request.name}“ ist nichts mehr offen.`
    : "Dieser Befehl ist hier nicht bekannt.";
  return withCommands(problem, await openRequests(store, conversation, requests));
}

/** Id of the letter that a command points at. A reply to a notice or to a message of our own side points at nothing. */
async function pointedAt(
  store: Store,
  conversation: Conversation,
  { letterId, repliesTo }: Wanted,
): Promise<string | undefined> {
  if (letterId !== undefined) return letterId;
  if (repliesTo === undefined) return undefined;
  const letter = await letterOf(store, conversation.account, repliesTo);
  return letter?.origin === "legacy" ? letter.message.id : undefined;
}

/** What still waits for an act in this room, newest first, as far as a person wants to read it. */
export async function openRequests(
  store: Store,
  conversation: Conversation,
  requests: readonly KnownRequest[],
): Promise<readonly OpenRequest[]> {
  const newest = [...requests].reverse().slice(0, MAX_LISTED);
  const open: OpenRequest[] = [];
  for (const one of await lettersOf(store, conversation, newest))
    if (await isOpen(store, one)) open.push(asOpen(one));
  return open;
}

async function lettersOf(
  store: Store,
  conversation: Conversation,
  requests: readonly KnownRequest[],
): Promise<readonly AskingLetter[]> {
  const letters: AskingLetter[] = [];
  for (const { letterId } of requests) {
    const letter = await askingLetter(store, conversation, letterId);
    if (letter) letters.push(letter);
  }
  return letters;
}

async function isOpen(store: Store, letter: AskingLetter): Promise<boolean> {
  return standingAct(await actsFor(store, letter)) === undefined;
}

function asOpen({ stored, request }: AskingLetter): OpenRequest {
  const { subject, sentAt } = stored.message;
  return { request, sentAt, ...(subject === undefined ? {} : { subject }) };
}
