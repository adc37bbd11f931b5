import { z } from "zod";
import type { Log } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";
import type { ClaimDesk } from "../people/claim-desk.ts";
import { noteLater } from "../people/later.ts";
import type { EventResult, Store } from "../store/store.ts";
import { CLAIM_WORDS, claimHelp, readClaimCommand } from "./claim-words.ts";
import type { Client } from "./client.ts";
import type { RoomEvent } from "./events.ts";
import { SCOPE } from "./facts.ts";
import { readAnswer, refusedWith } from "./homeserver-error.ts";
import { path } from "./http.ts";
import { isApplicationUser, type Names } from "./names.ts";
import { BoundedMap } from "./single-flight.ts";
import { txnIdOf } from "./voice.ts";

export interface ClaimRoomDeps {
  readonly client: Client;
  readonly store: Store;
  readonly names: Names;
  readonly log: Log;
  readonly desk: ClaimDesk;
  readonly now: () => Date;
  refreshReaders(account: string, mailbox: string, signal: AbortSignal): Promise<void>;
}

/**
 * Chats in which readers prove that a mailbox is theirs: our keeper and whoever invited it, one chat per user. Nothing
 * that is said there becomes a letter.
 */
export interface ClaimRooms {
  /** The keeper was invited by a person. */
  enter(invite: RoomEvent, signal: AbortSignal): Promise<EventResult>;
  /** undefined: not such a chat. */
  take(event: RoomEvent, signal: AbortSignal): Promise<EventResult | undefined>;
}

const joinedAnswer = z.object({ joined: z.record(z.string(), z.unknown()) });
/** So many messages of one user are answered in an hour by one node; then there is silence. */
const ANSWERS = 30;
const HOUR_MS = 3_600_000;
const MAX_USERS = 10_000;

export function createClaimRooms(deps: ClaimRoomDeps): ClaimRooms {
  const heard = new BoundedMap<{ since: number; count: number }>(MAX_USERS);
  const mayAsk = (user: string): boolean => {
    const now = deps.now().getTime();
    const known = heard.get(user);
    const counted = known && now - known.since < HOUR_MS ? known : { since: now, count: 0 };
    heard.set(user, { ...counted, count: counted.count + 1 });
    return counted.count < ANSWERS;
  };
  return {
    async enter(invite, signal) {
      const { sender, room_id: roomId } = invite;
      if (!mayAsk(sender)) return { outcome: "ignored", detail: "too many chats of this user" };
      await leaveFormer(deps, sender, roomId, signal);
      if (!(await joinAlone(deps, invite, signal)))
        return { outcome: "done", detail: "no chat of two, or the invitation is gone" };
      await deps.store.putFact(SCOPE.claimRoom, roomId, sender);
      await deps.store.putFact(SCOPE.claimRoomOf, sender, roomId);
      await say(deps, invite, claimHelp(deps.desk.asks), signal);
      deps.log.info({ roomId, by: sender }, "claim-chat-opened");
      return { outcome: "done", detail: "a chat to link a mailbox" };
    },
    async take(event, signal) {
      const { room_id: roomId, sender } = event;
      const owner = await deps.store.fact(SCOPE.claimRoom, roomId);
      if (owner === undefined) return undefined;
      if (event.type === "m.room.member") return follow(deps, event, owner, signal);
      const isTheirs = sender === owner && !isApplicationUser(sender);
      if (!isTheirs || !isSpoken(event)) return { outcome: "ignored", detail: "not for us" };
      const decided = await deps.store.fact(SCOPE.claimAnswer, event.event_id);
      if (decided === undefined && !mayAsk(sender))
        return { outcome: "ignored", detail: "too many messages of this user" };
      return answer(deps, event, decided, signal);
    },
  };
}

/**
 * A room of many would show the code to others, and send us everything that is said there. false: we are not in it.
 */
async function joinAlone(
  { client, names }: ClaimRoomDeps,
  { room_id: roomId, sender }: RoomEvent,
  signal: AbortSignal,
): Promise<boolean> {
  const options = { as: names.keeper, signal };
  try {
    await client.join(roomId, options);
    const to = path`/_matrix/client/v3/rooms/${roomId}/joined_members`;
    const answer = await client.call({ method: "GET", path: to }, options);
    const members = Object.keys(readAnswer(joinedAnswer, answer, "joined members").joined);
    if (members.every((user) => user === sender || user === names.keeper)) return true;
    await client.leave(roomId, CLAIM_WORDS.alone, options);
  } catch (error) {
    if (!refusedWith(error, 400, 403, 404)) throw error;
  }
  return false;
}

/** A message of a person; edits and notices say nothing new. */
function isSpoken({ type, content }: RoomEvent): boolean {
  if (type === "m.room.encrypted") return true;
  const relation = content["m.relates_to"] as { rel_type?: unknown } | null | undefined;
  return (
    type === "m.room.message" &&
    content["msgtype"] === "m.text" &&
    relation?.rel_type !== "m.replace"
  );
}

/** What was decided is kept until it is said: an answer that did not get out must not cost another try. */
async function answer(
  deps: ClaimRoomDeps,
  event: RoomEvent,
  decided: string | undefined,
  signal: AbortSignal,
): Promise<EventResult> {
  const { store } = deps;
  const words = decided ?? (await act(deps, event, signal));
  if (decided === undefined) await store.putFact(SCOPE.claimAnswer, event.event_id, words);
  await say(deps, event, words, signal);
  await store.removeFact(SCOPE.claimAnswer, event.event_id);
  return { outcome: "done", detail: "answered in the chat to link a mailbox" };
}

async function act(deps: ClaimRoomDeps, event: RoomEvent, signal: AbortSignal): Promise<string> {
  const { desk } = deps;
  const { sender: user, content } = event;
  if (event.type === "m.room.encrypted") return CLAIM_WORDS.encrypted;
  const command = readClaimCommand(typeof content["body"] === "string" ? content["body"] : "");
  if (command.kind === "confirm") {
    const linked = await desk.confirm(user, command.code);
    if (!linked) return CLAIM_WORDS.refused;
    await bringIn(deps, linked, signal);
    return CLAIM_WORDS.linked;
  }
  if (command.kind === "other" || !desk.asks) return claimHelp(desk.asks);
  const { account, mailbox } = command;
  await desk.request({ account, mailbox, user });
  return CLAIM_WORDS.requested;
}

/** The link stands; a homeserver that is away now lets the rooms follow when it is back. */
async function bringIn(
  deps: ClaimRoomDeps,
  { account, mailbox }: { readonly account: string; readonly mailbox: string },
  signal: AbortSignal,
): Promise<void> {
  try {
    await deps.refreshReaders(account, mailbox, signal);
  } catch (error) {
    await noteLater(deps.store, account, mailbox);
    deps.log.warn({ account, error: describeError(error) }, "readers-not-refreshed");
  }
}

async function say(
  { client, names, log }: ClaimRoomDeps,
  event: RoomEvent,
  body: string,
  signal: AbortSignal,
): Promise<void> {
  const options = { as: names.keeper, signal };
  const txnId = txnIdOf(event.event_id, "claim", names.keeper);
  const content = { msgtype: "m.notice", body };
  try {
    await client.send(event.room_id, "m.room.message", txnId, content, options);
  } catch (error) {
    // A room that lets us not speak, or is left already: there is nobody to tell.
    if (!refusedWith(error, 400, 403, 404)) throw error;
    log.warn({ roomId: event.room_id, error: describeError(error) }, "claim-answer-not-said");
  }
}

/** Whoever leaves ends the chat, and so does a third one who comes in: a code is nobody else's matter. */
async function follow(
  deps: ClaimRoomDeps,
  event: RoomEvent,
  owner: string,
  signal: AbortSignal,
): Promise<EventResult> {
  const membership = event.content["membership"];
  const isOfTwo = event.state_key === owner || event.state_key === deps.names.keeper;
  const gone = membership === "leave" || membership === "ban";
  if (isOfTwo ? !gone : membership !== "join") return { outcome: "ignored", detail: "no change" };
  await endChat(deps, event.room_id, owner, signal);
  return { outcome: "done", detail: "the chat has ended" };
}

async function leaveFormer(
  deps: ClaimRoomDeps,
  user: string,
  roomId: string,
  signal: AbortSignal,
): Promise<void> {
  const former = await deps.store.fact(SCOPE.claimRoomOf, user);
  if (former !== undefined && former !== roomId) await endChat(deps, former, user, signal);
}

async function endChat(
  { client, store, names }: ClaimRoomDeps,
  roomId: string,
  user: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.leave(roomId, CLAIM_WORDS.alone, { as: names.keeper, signal });
  } catch (error) {
    if (!refusedWith(error, 400, 403, 404)) throw error;
  }
  await store.removeFact(SCOPE.claimRoom, roomId);
  if ((await store.fact(SCOPE.claimRoomOf, user)) === roomId)
    await store.removeFact(SCOPE.claimRoomOf, user);
}
