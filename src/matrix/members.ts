import { z } from "zod";
import type { Log } from "../bridge/contract.ts";
import { DeliveryError, describeError } from "../model/errors.ts";
import type { Directory, Seated } from "../pipeline/directory.ts";
import type { Store } from "../store/store.ts";
import type { Client } from "./client.ts";
import { memberKey, membersOf, putMember, readMember, type MemberFact } from "./facts.ts";
import { readAnswer, refusedWith } from "./homeserver-error.ts";
import { path } from "./http.ts";
import type { Names } from "./names.ts";
import { BoundedMap } from "./single-flight.ts";

export interface MemberDeps {
  readonly client: Client;
  readonly store: Store;
  readonly directory: Directory;
  readonly names: Names;
  readonly log: Log;
}

/** Who is in a room, by facts that member events keep up to date; requests only for what has to change. */
export interface Members {
  /** Users who read and write on our side of a conversation. */
  readersOf(conversation: Seated): Promise<readonly string[]>;
  mayWrite(conversation: Seated, user: string): Promise<boolean>;
  /**
   * Invites who is missing and removes who lost the link. `once`: whoever left stays out (spaces).
   * Answers who is invited or joined now. Throws when somebody who has to go cannot be removed: nothing may be sent then.
   */
  align(
    roomId: string,
    readers: readonly string[],
    signal: AbortSignal,
    options?: { once?: boolean },
  ): Promise<ReadonlyMap<string, MemberFact>>;
  /** The ghost is joined; invites it by the keeper when needed. */
  admit(roomId: string, ghost: string, signal: AbortSignal): Promise<void>;
  /** Takes over what the homeserver says. false: the keeper is not in this room. */
  refresh(roomId: string, signal: AbortSignal): Promise<boolean>;
}

const joinedAnswer = z.object({
  joined: z.record(z.string(), z.object({ display_name: z.string().nullish() })),
});
const memberAnswer = z.object({ membership: z.enum(["invite", "join", "leave", "ban", "knock"]) });
const isIn = (fact: MemberFact | undefined) =>
  fact?.membership === "join" || fact?.membership === "invite";

/** Who cannot be invited is not tried again with every letter, but after this time, milliseconds. */
const REFUSED_MS = 60_000;
const MAX_REFUSED = 10_000;

export function createMembers(deps: MemberDeps): Members {
  const { store, directory, names } = deps;
  const refused = new BoundedMap<number>(MAX_REFUSED);
  const readersOf: Members["readersOf"] = (conversation) => directory.seatsOf(conversation);
  return {
    readersOf,
    async mayWrite(conversation, user) {
      return (await readersOf(conversation)).includes(user);
    },
    async align(roomId, readers, signal, { once = false } = {}) {
      const members = new Map(await membersOf(store, roomId));
      const wanted = new Set(readers);
      for (const [user, fact] of members) {
        if (!isIn(fact) || wanted.has(user) || names.isOwn(user)) continue;
        members.set(user, await remove(deps, roomId, user, signal));
      }
      for (const user of readers) {
        const fact = members.get(user);
        if (isIn(fact) || (once && fact)) continue;
        const key = memberKey(roomId, user);
        if (performance.now() < (refused.get(key) ?? 0)) continue;
        const now = await invite(deps, roomId, user, signal);
        if (now) members.set(user, now);
        else refused.set(key, performance.now() + REFUSED_MS);
      }
      return new Map([...members].filter(([user, fact]) => isIn(fact) && wanted.has(user)));
    },
    async admit(roomId, ghost, signal) {
      const known = await readMember(store, memberKey(roomId, ghost));
      if (known?.membership === "join") return;
      await joinInvited(deps, roomId, ghost, signal);
      await putMember(store, roomId, ghost, { membership: "join" });
    },
    refresh: (roomId, signal) => refresh(deps, roomId, signal),
  };
}

async function refresh(deps: MemberDeps, roomId: string, signal: AbortSignal): Promise<boolean> {
  const to = path`/_matrix/client/v3/rooms/${roomId}/joined_members`;
  let answer: unknown;
  try {
    answer = await deps.client.call({ method: "GET", path: to }, { as: deps.names.keeper, signal });
  } catch (error) {
    if (refusedWith(error, 403, 404)) return false;
    throw error;
  }
  await takeOver(deps, roomId, readAnswer(joinedAnswer, answer, "joined members").joined);
  return true;
}

async function takeOver(
  deps: MemberDeps,
  roomId: string,
  joined: Readonly<Record<string, { display_name?: string | null | undefined }>>,
): Promise<void> {
  for (const [user, fact] of await membersOf(deps.store, roomId))
    if (fact.membership === "join" && !(user in joined))
      await putMember(deps.store, roomId, user, { ...fact, membership: "leave" });
  for (const [user, { display_name: name }] of Object.entries(joined))
    await putMember(deps.store, roomId, user, {
      membership: "join",
      ...(typeof name === "string" ? { name } : {}),
    });
}

/** A member who lost the link must be out before the next letter: else it would reach the wrong one. */
async function remove(
  deps: MemberDeps,
  roomId: string,
  user: string,
  signal: AbortSignal,
): Promise<MemberFact> {
  const { client, store, names, log } = deps;
  const gone: MemberFact = { membership: "leave" };
  const reason = "Dieses Postfach ist nicht mehr mit Ihrem Konto verbunden.";
  try {
    await client.kick(roomId, user, reason, { as: names.keeper, signal });
  } catch (error) {
    const now = refusedWith(error, 403) ? await ask(deps, roomId, user, signal) : undefined;
    if (now?.membership !== "leave" && now?.membership !== "ban") throw error;
  }
  await putMember(store, roomId, user, gone);
  log.info({ roomId, user }, "reader-removed");
  return gone;
}

/** undefined: could not be invited; the next letter tries again. */
async function invite(
  deps: MemberDeps,
  roomId: string,
  user: string,
  signal: AbortSignal,
): Promise<MemberFact | undefined> {
  const { client, store, names, log } = deps;
  let fact: MemberFact = { membership: "invite" };
  try {
    await client.invite(roomId, user, { as: names.keeper, signal });
  } catch (error) {
    if (!refusedWith(error, 400, 403, 404)) throw error;
    const now = await ask(deps, roomId, user, signal);
    if (!isIn(now)) {
      log.warn({ roomId, user, error: describeError(error) }, "reader-not-invited");
      return undefined;
    }
    fact = now ?? fact;
  }
  // Who accepts at once may be recorded as joined already: that must not be taken back.
  const meanwhile = await readMember(store, memberKey(roomId, user));
  if (meanwhile?.membership === "join") return meanwhile;
  await putMember(store, roomId, user, fact);
  return fact;
}

async function joinInvited(
  deps: MemberDeps,
  roomId: string,
  ghost: string,
  signal: AbortSignal,
): Promise<void> {
  const { client, names } = deps;
  try {
    await client.join(roomId, { as: ghost, signal });
  } catch (error) {
    if (!refusedWith(error, 403, 404) || ghost === names.keeper) throw error;
    await client.invite(roomId, ghost, { as: names.keeper, signal });
    await client.join(roomId, { as: ghost, signal });
  }
}

/** undefined: never was a member. Throws 403 when the keeper itself is not in the room: then the room needs repair. */
async function ask(
  deps: MemberDeps,
  roomId: string,
  user: string,
  signal: AbortSignal,
): Promise<MemberFact | undefined> {
  try {
    const options = { as: deps.names.keeper, signal };
    const answer = await deps.client.state(roomId, "m.room.member", user, options);
    return readAnswer(memberAnswer, answer, "membership");
  } catch (error) {
    if (refusedWith(error, 404)) return undefined;
    throw error;
  }
}

/** A letter into a room that nobody reads is not delivered. */
export function noReader(detail: string): DeliveryError {
  return new DeliveryError("transient", "RECIPIENT_UNLINKED", detail);
}
