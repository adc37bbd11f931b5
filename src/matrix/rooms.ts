import type { Log } from "../bridge/contract.ts";
import type { HomeserverConfig } from "../config/schema.ts";
import { describeError } from "../model/errors.ts";
import type { Conversation, Store } from "../store/store.ts";
import type { Client } from "./client.ts";
import type { MatrixAccount, MatrixCounter } from "./contract.ts";
import { SCOPE } from "./facts.ts";
import type { Ghosts } from "./ghosts.ts";
import { HomeserverError, hasErrcode, refusedWith } from "./homeserver-error.ts";
import { path } from "./http.ts";
import type { Members } from "./members.ts";
import type { Names } from "./names.ts";
import { caseRoom, caseState, powerLevels, type RoomPlan } from "./room-state.ts";
import { BoundedMap, SingleFlight } from "./single-flight.ts";
import type { Spaces } from "./spaces.ts";

const CACHED_ROOMS = 20_000;

export interface RoomDeps {
  readonly homeserver: HomeserverConfig;
  readonly client: Client;
  readonly store: Store;
  readonly names: Names;
  readonly ghosts: Ghosts;
  readonly members: Members;
  readonly spaces: Spaces;
  readonly log: Log;
  account(name: string): MatrixAccount;
  derive(account: string, purpose: string): Uint8Array;
  count(name: MatrixCounter): void;
}

/** Exactly one room per conversation, found again by its alias after any crash. */
export interface Rooms {
  /** Room id of the conversation's complete room. A known room costs no request. */
  ensure(conversation: Conversation, signal: AbortSignal): Promise<string>;
  /** The homeserver denied something: looks at the truth, and replaces a room that was deleted there. */
  repair(conversation: Conversation, signal: AbortSignal): Promise<void>;
  /** After a room upgrade or repair: what is known of this conversation's room counts no more. */
  forget(conversationId: string): Promise<void>;
}

export function createRooms(deps: RoomDeps): Rooms {
  const complete = new BoundedMap<string>(CACHED_ROOMS);
  const flights = new SingleFlight<string>();

  const bring = async (conversation: Conversation, signal: AbortSignal): Promise<string> => {
    const { id } = conversation;
    const stored = (await deps.store.conversation(id))?.roomId;
    if (stored !== undefined && (await deps.store.fact(SCOPE.room, id)) === stored) return stored;
    const plan = await planOf(deps, conversation, signal);
    const space = await deps.spaces.ensure(plan.account, conversation.local, signal);
    const made = stored ?? (await createOnce(deps, plan, conversation, space, signal));
    const roomId = stored ?? (await deps.store.bindRoom(id, made));
    await showInSpace(deps, space, roomId, signal);
    await deps.store.putFact(SCOPE.room, id, roomId);
    return roomId;
  };

  return {
    async ensure(conversation, signal) {
      const known = complete.get(conversation.id);
      if (known !== undefined && known === conversation.roomId) return known;
      const roomId = await flights.run(conversation.id, () => bring(conversation, signal));
      complete.set(conversation.id, roomId);
      return roomId;
    },
    async repair(conversation, signal) {
      complete.delete(conversation.id);
      const current = await deps.store.conversation(conversation.id);
      if (current?.roomId === undefined) return;
      if (await rejoin(deps, current.roomId, signal)) return;
      await replaceLost(deps, current, current.roomId, signal);
    },
    async forget(conversationId) {
      complete.delete(conversationId);
      await deps.store.removeFact(SCOPE.room, conversationId);
    },
  };
}

/** A space is a convenience: one that an administrator broke must not hold up letters. */
async function showInSpace(
  deps: RoomDeps,
  space: string,
  roomId: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await deps.spaces.adopt(space, roomId, signal);
  } catch (error) {
    if (!refusedWith(error, 403, 404)) throw error;
    deps.log.error({ space, roomId, error: describeError(error) }, "space-unusable");
  }
}

async function planOf(
  deps: RoomDeps,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<RoomPlan> {
  const account = deps.account(conversation.account);
  const keeper = await deps.ghosts.keeper(signal);
  const aliasLocalpart = deps.names.caseAlias(
    deps.derive(conversation.account, "case"),
    conversation.id,
  );
  return { homeserver: deps.homeserver, account, keeper, aliasLocalpart };
}

/** createRoom knows no transaction id; the alias takes its place: a second creation is refused. */
async function createOnce(
  deps: RoomDeps,
  plan: RoomPlan,
  conversation: Conversation,
  space: string,
  signal: AbortSignal,
): Promise<string> {
  const ghost = await deps.ghosts.ensure(plan.account, conversation.counterpart, signal);
  const body = caseRoom(plan, conversation, ghost, space);
  const options = { as: plan.keeper, signal };
  for (let second = false; ; second = true) {
    try {
      const roomId = await deps.client.createRoom(body, options);
      deps.count("rooms_created");
      deps.log.info({ conversation: conversation.id, roomId }, "room-created");
      return roomId;
    } catch (error) {
      if (refusedWith(error, 403)) warnOfPolicy(deps, error);
      if (second || !hasErrcode(error, "M_ROOM_IN_USE")) throw error;
      const found = await findOwn(deps, plan, conversation, space, signal);
      if (found !== undefined) return found;
    }
  }
}

/** A homeserver that encrypts every new room by itself makes none whose letters could be read (Synapse 1.163: 403). */
function warnOfPolicy(deps: RoomDeps, error: unknown): void {
  const remedy =
    "switch off encryption_enabled_by_default_for_room_type (Synapse), or allow the gateway to create rooms";
  deps.log.error({ error: describeError(error), remedy }, "homeserver-refuses-rooms");
}

/**
 * The room behind the alias, completed. undefined: the homeserver died while it made that room, so that it has an alias
 * but no keeper; no letter was ever in it, and the alias is free again.
 */
async function findOwn(
  deps: RoomDeps,
  plan: RoomPlan,
  conversation: Conversation,
  space: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { client, log } = deps;
  const options = { as: plan.keeper, signal };
  const alias = deps.names.alias(plan.aliasLocalpart);
  const roomId = await client.resolveAlias(alias, options);
  if (await completeState(deps, plan, roomId, conversation, space, signal)) {
    log.info({ conversation: conversation.id, roomId }, "room-found-again");
    return roomId;
  }
  log.warn({ conversation: conversation.id, roomId }, "room-half-made");
  await dropAlias(client, alias, plan.keeper, signal);
  return undefined;
}

/** Puts back the state that a createRoom cut short left out. false: the keeper is not in that room. */
async function completeState(
  deps: RoomDeps,
  plan: RoomPlan,
  roomId: string,
  conversation: Conversation,
  space: string,
  signal: AbortSignal,
): Promise<boolean> {
  const options = { as: plan.keeper, signal };
  const wanted = [
    { type: "m.room.power_levels", state_key: "", content: powerLevels(plan) },
    ...caseState(plan, conversation, space),
  ];
  if (!(await deps.members.refresh(roomId, signal))) return false;
  for (const { type, state_key: stateKey, content } of wanted) {
    const there = await stateOf(deps.client, roomId, type, stateKey, options);
    if (there === undefined) await deps.client.putState(roomId, type, stateKey, content, options);
  }
  return true;
}

async function stateOf(
  client: Client,
  roomId: string,
  type: string,
  stateKey: string,
  options: { as: string; signal: AbortSignal },
): Promise<unknown> {
  try {
    return await client.state(roomId, type, stateKey, options);
  } catch (error) {
    if (hasErrcode(error, "M_NOT_FOUND")) return undefined;
    throw error;
  }
}

async function rejoin(deps: RoomDeps, roomId: string, signal: AbortSignal): Promise<boolean> {
  if (await deps.members.refresh(roomId, signal)) return true;
  try {
    await deps.client.join(roomId, { as: deps.names.keeper, signal });
  } catch (error) {
    if (refusedWith(error, 403, 404)) return false;
    throw error;
  }
  return deps.members.refresh(roomId, signal);
}

/**
 * A room that an administrator deleted cannot take letters any more: the case gets a new one. Only when its alias is
 * gone too: as long as the alias points to it the room exists, and whoever removed the keeper has to bring it back.
 */
async function replaceLost(
  deps: RoomDeps,
  conversation: Conversation,
  lost: string,
  signal: AbortSignal,
): Promise<void> {
  const plan = await planOf(deps, conversation, signal);
  const fields = { conversation: conversation.id, roomId: lost };
  const holder = await aliasHolder(deps, plan, signal);
  if (holder === lost) {
    const remedy = `invite ${plan.keeper} into the room again (Synapse: admin API "join room")`;
    deps.log.error({ ...fields, remedy }, "room-lost-keeper");
    const message = `the gateway is no longer in ${lost}: ${remedy}`;
    throw new HomeserverError("transient", "REMOTE_UNAVAILABLE", message, { status: 403 });
  }
  deps.log.error(fields, "room-deleted-making-new-one");
  const space = await deps.spaces.ensure(plan.account, conversation.local, signal);
  const made = await createOnce(deps, plan, conversation, space, signal);
  if (!(await deps.store.rebindRoom(conversation.id, lost, made)))
    deps.log.warn(fields, "room-was-replaced-elsewhere");
  await showInSpace(deps, space, made, signal);
  await deps.store.putFact(SCOPE.room, conversation.id, made);
}

async function aliasHolder(
  deps: RoomDeps,
  plan: RoomPlan,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const alias = deps.names.alias(plan.aliasLocalpart);
    return await deps.client.resolveAlias(alias, { as: plan.keeper, signal });
  } catch (error) {
    if (refusedWith(error, 404)) return undefined;
    throw error;
  }
}

async function dropAlias(
  client: Client,
  alias: string,
  keeper: string,
  signal: AbortSignal,
): Promise<void> {
  const to = path`/_matrix/client/v3/directory/room/${alias}`;
  await client.call({ method: "DELETE", path: to }, { as: keeper, signal });
}
