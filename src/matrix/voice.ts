import { DeliveryError } from "../model/errors.ts";
import type { Party } from "../model/message.ts";
import type { Conversation } from "../store/store.ts";
import { digestOf } from "../model/id.ts";
import type { Client, Content } from "./client.ts";
import type { MatrixAccount } from "./contract.ts";
import type { Ghosts } from "./ghosts.ts";
import { refusedWith } from "./homeserver-error.ts";
import type { Members } from "./members.ts";
import type { Rooms } from "./rooms.ts";

/** A ghost that may speak in the room of a conversation. */
export interface Voice {
  readonly roomId: string;
  readonly ghost: string;
}

export interface VoiceDeps {
  readonly client: Client;
  readonly ghosts: Ghosts;
  readonly rooms: Rooms;
  readonly members: Members;
  account(name: string): MatrixAccount;
}

/**
 * Does something as the ghost of a party in the conversation's room. When the homeserver denies it (not a member, unknown
 * user, unknown room), the facts are thrown away, ghost and room are put right and it is done once more: safe, because
 * every send carries its transaction id.
 */
export async function speak<T>(
  deps: VoiceDeps,
  conversation: Conversation,
  party: Party,
  signal: AbortSignal,
  task: (voice: Voice) => Promise<T>,
): Promise<T> {
  const account = deps.account(conversation.account);
  try {
    return await task(await prepare(deps, account, conversation, party, signal));
  } catch (error) {
    if (!refusedWith(error, 403, 404)) throw error;
    await deps.ghosts.forget(deps.ghosts.idOf(account, party));
    await deps.ghosts.forget(deps.ghosts.keeperId);
    await deps.rooms.repair(conversation, signal);
    return task(await prepare(deps, account, conversation, party, signal));
  }
}

async function prepare(
  deps: VoiceDeps,
  account: MatrixAccount,
  conversation: Conversation,
  party: Party,
  signal: AbortSignal,
): Promise<Voice> {
  const ghost = await deps.ghosts.ensure(account, party, signal);
  const roomId = await deps.rooms.ensure(conversation, signal);
  await deps.members.admit(roomId, ghost, signal);
  return { roomId, ghost };
}

/** The same part of the same letter by the same ghost has the same transaction id, for ever and on every node. */
export function txnIdOf(purpose: string, part: string, ghost: string): string {
  return Buffer.from(digestOf("txn", purpose, part, ghost), "hex")
    .toString("base64url")
    .slice(0, 32);
}

/**
 * Sends a notice that refers to another event. Homeservers refuse relations to events that they do not have in this room
 * (any more, or after a room upgrade): then it is said without the relation rather than not at all.
 */
export async function sayAbout(
  client: Client,
  voice: Voice,
  purpose: { readonly id: string; readonly part: string },
  content: Content,
  signal: AbortSignal,
): Promise<string> {
  const { roomId, ghost } = voice;
  const put = (part: string, said: Content) =>
    client.send(roomId, "m.room.message", txnIdOf(purpose.id, part, ghost), said, {
      as: ghost,
      signal,
    });
  try {
    return await put(purpose.part, content);
  } catch (error) {
    if (!(error instanceof DeliveryError) || error.fault !== "permanent") throw error;
    const { "m.relates_to": _unrelated, ...rest } = content;
    return put(`${purpose.part}-unrelated`, rest);
  }
}
