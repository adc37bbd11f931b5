import { z } from "zod";
import type { Log } from "../bridge/contract.ts";
import type { Directory } from "../pipeline/directory.ts";
import type { EventResult, Store } from "../store/store.ts";
import type { ClaimRooms } from "./claim-rooms.ts";
import type { Client } from "./client.ts";
import type { Matrix } from "./contract.ts";
import type { RoomEvent } from "./events.ts";
import { SCOPE, type GhostFact } from "./facts.ts";
import type { Ghosts } from "./ghosts.ts";
import { refusedWith } from "./homeserver-error.ts";
import { isApplicationUser, type Names } from "./names.ts";
import type { Upgrades } from "./upgrades.ts";
import { txnIdOf } from "./voice.ts";

export interface InvitationDeps {
  readonly client: Client;
  readonly store: Store;
  readonly names: Names;
  readonly ghosts: Ghosts;
  readonly directory: Directory;
  readonly upgrades: Upgrades;
  /** Chats in which readers link their mailbox; absent: nobody may. */
  readonly claimRooms?: ClaimRooms | undefined;
  readonly log: Log;
  readonly openConversation: Matrix["openConversation"];
}

/**
 * Somebody invites one of our users into a room of their own. A clerk who found a ghost by look-up means "I want to
 * write to them": the case gets its proper room, and the clerk is invited there. Everybody else is turned away.
 */
export interface Invitations {
  answer(invite: RoomEvent, signal: AbortSignal): Promise<EventResult>;
}

const NOT_HERE =
  "Schreiben werden nur in dem Raum übermittelt, den die Postfachbrücke für den Vorgang anlegt.";
const NOT_YOU = "Sie sind nicht als schreibberechtigt eingetragen.";
const NEW_LETTER = "Neues Schreiben";
const MAX_SUBJECT = 200;

export function createInvitations(deps: InvitationDeps): Invitations {
  return {
    async answer(invite, signal) {
      const user = invite.state_key ?? "";
      const followed = await deps.upgrades.invited(invite.room_id, signal);
      if (followed) return followed;
      if (user === deps.names.keeper && deps.claimRooms && !isApplicationUser(invite.sender))
        return deps.claimRooms.enter(invite, signal);
      const ghost = await deps.ghosts.whoIs(user);
      const isClerk = ghost && (await deps.directory.isClerk(ghost.account, invite.sender));
      if (!ghost || !isClerk) {
        await leave(deps, invite, user, `${NOT_HERE} ${NOT_YOU}`, signal);
        deps.log.info({ roomId: invite.room_id, by: invite.sender }, "invitation-declined");
        return { outcome: "done", detail: "invitation declined" };
      }
      return openFor(deps, invite, user, ghost, signal);
    },
  };
}

async function openFor(
  deps: InvitationDeps,
  invite: RoomEvent,
  user: string,
  ghost: GhostFact,
  signal: AbortSignal,
): Promise<EventResult> {
  await deps.store.removeFact(SCOPE.lookedUp, user);
  const { account, party } = ghost;
  const request = { account, to: party, subject: subjectOf(invite) };
  const { conversation, roomId } = await deps.openConversation(request, invite.sender);
  await explain(deps, invite, user, roomId, signal);
  await leave(deps, invite, user, NOT_HERE, signal);
  return { outcome: "done", detail: `opened ${conversation.id} for a clerk` };
}

/** The room's name, as the invitation shows it, is what the clerk calls the matter. */
function subjectOf(invite: RoomEvent): string {
  const state = z
    .array(z.object({ type: z.string(), content: z.record(z.string(), z.unknown()) }))
    .safeParse(invite.unsigned?.["invite_room_state"]);
  const name = state.data?.find((event) => event.type === "m.room.name")?.content["name"];
  const plain = typeof name === "string" ? name.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim() : "";
  return plain === "" ? NEW_LETTER : plain.slice(0, MAX_SUBJECT);
}

async function explain(
  deps: InvitationDeps,
  invite: RoomEvent,
  user: string,
  caseRoom: string,
  signal: AbortSignal,
): Promise<void> {
  const link = `https://matrix.to/#/${encodeURIComponent(caseRoom)}?via=${deps.names.server}`;
  const content = {
    msgtype: "m.notice",
    body: `${NOT_HERE} Sie sind dorthin eingeladen: ${link}`,
    "m.mentions": { user_ids: [invite.sender] },
  };
  const txnId = txnIdOf(invite.event_id, "explain", user);
  try {
    await deps.client.join(invite.room_id, { as: user, signal });
    const options = { as: user, signal };
    await deps.client.send(invite.room_id, "m.room.message", txnId, content, options);
  } catch (error) {
    // The invitation may be withdrawn meanwhile, or the room may let nobody speak: the case room stands all the same.
    if (!refusedWith(error, 400, 403, 404)) throw error;
  }
}

async function leave(
  deps: InvitationDeps,
  invite: RoomEvent,
  user: string,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await deps.client.leave(invite.room_id, reason, { as: user, signal });
  } catch (error) {
    if (!refusedWith(error, 400, 403, 404)) throw error;
  }
}
