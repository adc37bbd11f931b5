import type { HomeserverConfig } from "../config/schema.ts";
import type { Party } from "../model/message.ts";
import type { Store } from "../store/store.ts";
import type { Client } from "./client.ts";
import type { MatrixAccount } from "./contract.ts";
import { SCOPE } from "./facts.ts";
import type { Ghosts } from "./ghosts.ts";
import { hasErrcode } from "./homeserver-error.ts";
import type { Members } from "./members.ts";
import type { Names } from "./names.ts";
import { childContent, spaceRoom } from "./room-state.ts";
import { SingleFlight } from "./single-flight.ts";

export interface SpaceDeps {
  readonly homeserver: HomeserverConfig;
  readonly client: Client;
  readonly store: Store;
  readonly names: Names;
  readonly ghosts: Ghosts;
  readonly members: Members;
  derive(account: string, purpose: string): Uint8Array;
}

/**
 * A space per account and mailbox on our side: one for the clerks of an authority, one for each citizen. A space shared
 * by all citizens of an account would show each of them who the others are, because members of a space see each other.
 */
export interface Spaces {
  /** Room id of the space; creates it and invites its readers once. */
  ensure(account: MatrixAccount, local: Party, signal: AbortSignal): Promise<string>;
  /** Shows a case room in its space. Idempotent. */
  adopt(space: string, roomId: string, signal: AbortSignal): Promise<void>;
  /** The space if there is one, without creating it. */
  find(account: string, mailbox: string): Promise<string | undefined>;
}

export function createSpaces(deps: SpaceDeps): Spaces {
  const { store, names } = deps;
  const flights = new SingleFlight<string>();
  const key = (account: string, mailbox: string) => `${account} ${mailbox}`;
  const create = async (account: MatrixAccount, local: Party, signal: AbortSignal) => {
    const of = key(account.config.name, local.address);
    const known = await store.fact(SCOPE.space, of);
    if (known !== undefined) return known;
    const roomId = await createOnce(deps, account, local, signal);
    await store.putFact(SCOPE.spaceRoom, roomId, of);
    const readers = await deps.members.readersOf({ account: account.config.name, local });
    await deps.members.align(roomId, readers, signal, { once: true });
    return store.claimFact(SCOPE.space, of, roomId);
  };
  return {
    ensure: (account, local, signal) =>
      flights.run(key(account.config.name, local.address), () => create(account, local, signal)),
    adopt: (space, roomId, signal) =>
      deps.client.putState(space, "m.space.child", roomId, childContent(deps), {
        as: names.keeper,
        signal,
      }),
    find: (account, mailbox) => store.fact(SCOPE.space, key(account, mailbox)),
  };
}

/** The alias makes it one space, even when a crash comes between its creation and the fact. */
async function createOnce(
  deps: SpaceDeps,
  account: MatrixAccount,
  local: Party,
  signal: AbortSignal,
): Promise<string> {
  const keeper = await deps.ghosts.keeper(signal);
  const aliasLocalpart = deps.names.spaceAlias(
    deps.derive(account.config.name, "space"),
    local.address,
  );
  const plan = { homeserver: deps.homeserver, account, keeper, aliasLocalpart };
  try {
    return await deps.client.createRoom(spaceRoom(plan), { as: keeper, signal });
  } catch (error) {
    if (!hasErrcode(error, "M_ROOM_IN_USE")) throw error;
    return deps.client.resolveAlias(deps.names.alias(aliasLocalpart), { as: keeper, signal });
  }
}
