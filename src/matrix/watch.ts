import { z } from "zod";
import type { Log } from "../bridge/contract.ts";
import { digestOf } from "../model/id.ts";
import { describeError } from "../model/errors.ts";
import type { Store } from "../store/store.ts";
import type { Client } from "./client.ts";
import { SCOPE } from "./facts.ts";
import { readAnswer } from "./homeserver-error.ts";
import type { Recorder } from "./record.ts";
import { BoundedMap } from "./single-flight.ts";

/** Ghosts asked per turn, one request each. */
const PER_TURN = 10;
const KEPT_POSITIONS = 1_000;
const nothing = { not_types: ["*"] };
const filter = JSON.stringify({
  presence: nothing,
  account_data: nothing,
  room: {
    account_data: nothing,
    state: nothing,
    ephemeral: nothing,
    timeline: { ...nothing, limit: 1 },
  },
});

const invited = z.object({
  invite_state: z.object({ events: z.array(z.record(z.string(), z.unknown())) }),
});
const syncAnswer = z.object({
  next_batch: z.string(),
  rooms: z.object({ invite: z.record(z.string(), invited).optional() }).optional(),
});

export interface WatchDeps {
  readonly client: Client;
  readonly store: Store;
  readonly record: Recorder;
  readonly log: Log;
  readonly now: () => Date;
}

/**
 * The keeper's `/sync` does not show invitations of other ghosts. A lost push of one would leave a clerk waiting for
 * ever, so each ghost that a look-up gave away is asked for its invitations during a day, a few per sweep. Nobody else is
 * invited by people: other ghosts are only ever invited by the keeper.
 */
export interface Watch {
  look(signal: AbortSignal): Promise<void>;
}

export function createWatch(deps: WatchDeps): Watch {
  let after: string | undefined;
  // Positions are forgotten at a restart: then all open invitations come once more, and are known.
  const positions = new BoundedMap<string>(KEPT_POSITIONS);
  return {
    async look(signal) {
      const place = after === undefined ? {} : { after };
      const page = await deps.store.listFacts(SCOPE.lookedUp, "", { limit: PER_TURN, ...place });
      after = page.length === PER_TURN ? page.at(-1)?.key : undefined;
      for (const { key: ghost, value: until } of page) {
        if (Date.parse(until) < deps.now().getTime()) {
          await deps.store.removeFact(SCOPE.lookedUp, ghost);
        } else {
          await lookFor(deps, positions, ghost, signal).catch((error: unknown) => {
            deps.log.warn({ ghost, error: describeError(error) }, "invitations-not-seen");
          });
        }
      }
    },
  };
}

/** With a position even for this: Synapse answers an equal `/sync` for two minutes with what it said before. */
async function lookFor(
  deps: WatchDeps,
  positions: BoundedMap<string>,
  ghost: string,
  signal: AbortSignal,
): Promise<void> {
  const query = { filter, since: positions.get(ghost), timeout: 0, set_presence: "offline" };
  const request = { method: "GET" as const, path: "/_matrix/client/v3/sync", query };
  const answer = await deps.client.call(request, { as: ghost, signal });
  const { rooms, next_batch: position } = readAnswer(syncAnswer, answer, "sync of a ghost");
  const events = Object.entries(rooms?.invite ?? {}).flatMap(([roomId, { invite_state: state }]) =>
    inviteEvents(ghost, roomId, state.events),
  );
  if (events.length > 0) await deps.record({ events, ephemeral: [] }, "sweep");
  positions.set(ghost, position);
}

/** The invitation as an event: homeservers give it its id here; where not, room and inviter name it. */
function inviteEvents(
  ghost: string,
  roomId: string,
  state: readonly Readonly<Record<string, unknown>>[],
): unknown[] {
  const invite = state.find(
    (event) => event["type"] === "m.room.member" && event["state_key"] === ghost,
  );
  if (!invite) return [];
  const unsigned = { invite_room_state: state.filter((event) => event !== invite) };
  const made = `$invite-${digestOf(roomId, ghost, String(invite["sender"])).slice(0, 40)}`;
  return [{ event_id: made, ...invite, room_id: roomId, unsigned }];
}
