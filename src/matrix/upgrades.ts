import { z } from "zod";
import type { Log } from "../bridge/contract.ts";
import type { Conversation, EventResult, Store } from "../store/store.ts";
import type { Client } from "./client.ts";
import type { RoomEvent } from "./events.ts";
import { SCOPE, readUpgrade } from "./facts.ts";
import type { Ghosts } from "./ghosts.ts";
import { readAnswer, refusedWith } from "./homeserver-error.ts";
import type { Members } from "./members.ts";
import type { Names } from "./names.ts";
import type { Rooms } from "./rooms.ts";

export interface UpgradeDeps {
  readonly client: Client;
  readonly store: Store;
  readonly names: Names;
  readonly ghosts: Ghosts;
  readonly members: Members;
  readonly rooms: Rooms;
  readonly log: Log;
  readonly now: () => Date;
}

/** Follows a case into the room that replaces its room. The old room stays as it is: nobody leaves it, it is a record. */
export interface Upgrades {
  follow(
    conversation: Conversation,
    tombstone: RoomEvent,
    signal: AbortSignal,
  ): Promise<EventResult>;
  /** We were invited into a room: is it one that we wait for? undefined: no. */
  invited(roomId: string, signal: AbortSignal): Promise<EventResult | undefined>;
}

const tombstoneContent = z.object({ replacement_room: z.string().startsWith("!") });
const createAnswer = z.object({
  predecessor: z.object({ room_id: z.string() }).optional(),
});

export function createUpgrades(deps: UpgradeDeps): Upgrades {
  const enter = async (conversationId: string, from: string, to: string, signal: AbortSignal) => {
    const outcome = await moveTo(deps, conversationId, from, to, signal);
    if (outcome !== "waiting") await deps.store.removeFact(SCOPE.upgrade, to);
    return { outcome: "done" as const, detail: `room upgrade: ${outcome}` };
  };
  return {
    async follow(conversation, tombstone, signal) {
      const content = tombstoneContent.safeParse(tombstone.content);
      if (!content.success)
        return { outcome: "ignored", detail: "a tombstone without replacement" };
      const to = content.data.replacement_room;
      const from = tombstone.room_id;
      const fact = JSON.stringify({ conversation: conversation.id, from });
      await deps.store.putFact(SCOPE.upgrade, to, fact);
      return enter(conversation.id, from, to, signal);
    },
    async invited(roomId, signal) {
      const waiting = await readUpgrade(deps.store, roomId);
      return waiting && enter(waiting.conversation, waiting.from, roomId, signal);
    },
  };
}

/** waiting: not invited yet; the invitation brings us back here. */
async function moveTo(
  deps: UpgradeDeps,
  conversationId: string,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<"followed" | "waiting" | "refused"> {
  const keeper = await deps.ghosts.keeper(signal);
  const options = { as: keeper, signal };
  const fields = { conversation: conversationId, from, to };
  try {
    await deps.client.join(to, options);
  } catch (error) {
    if (!refusedWith(error, 403, 404)) throw error;
    deps.log.warn({ ...fields, remedy: `invite ${keeper} into the new room` }, "upgrade-waits");
    return "waiting";
  }
  const answer = await deps.client.state(to, "m.room.create", "", options);
  const { predecessor } = readAnswer(createAnswer, answer, "create event");
  // Only a room that names the old one as its predecessor is its successor; a tombstone alone proves nothing.
  if (predecessor?.room_id !== from) {
    deps.log.error(fields, "upgrade-without-predecessor");
    return "refused";
  }
  await deps.members.refresh(to, signal);
  if (await deps.store.rebindRoom(conversationId, from, to)) {
    await deps.rooms.forget(conversationId);
    const entry = { actor: "gateway", action: "matrix.room-upgraded", subject: conversationId };
    await deps.store.appendAudit({ ...entry, detail: { from, to } }, deps.now());
    deps.log.info(fields, "room-upgraded");
  }
  return "followed";
}
