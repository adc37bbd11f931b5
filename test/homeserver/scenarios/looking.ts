/** How the scenarios look at rooms through /sync, and what they note of it. */
import { brief } from "../parity-target.ts";
import type { ParityTarget } from "../parity-target.ts";
import type { Json, MatrixClient, SyncBody } from "../../support/matrix-client.ts";
import type { SyncOptions, SyncRoom } from "../../support/matrix-client.ts";

export const quiet: Json = { presence: { types: [] }, account_data: { types: [] } };

export async function roomWith(t: ParityTarget, name: string, extra: Json = {}) {
  const ghost = await t.ghost(name);
  const user = await t.user(name);
  const room = await ghost.createRoom({
    preset: "private_chat",
    room_version: "12",
    invite: [user.userId],
    ...extra,
  });
  await user.join(room);
  return { ghost, user, room };
}

export function digest(room: SyncRoom | undefined): unknown {
  if (room === undefined) return undefined;
  return {
    timeline: room.timeline.events.map(brief),
    limited: room.timeline.limited,
    state: room.state.events.map(brief).sort(),
    ephemeral: room.ephemeral?.events,
  };
}

/** The rooms come in no promised order, so they are noted in the order the scenario names them. */
export function digestAll(body: SyncBody, rooms: readonly string[]): unknown {
  const pick = <T>(from: Readonly<Record<string, T>> | undefined, view: (value: T) => unknown) =>
    rooms.flatMap((id) => (from?.[id] === undefined ? [] : [[id, view(from[id])]]));
  return {
    keys: Object.keys(body.rooms ?? {}).sort(),
    join: pick(body.rooms?.join, digest),
    leave: pick(body.rooms?.leave, digest),
    invite: pick(body.rooms?.invite, (invited) => invited),
  };
}

let turn = 0;

/** Synapse answers an equal /sync request from its cache for two minutes: every look gets another timeout. */
export function look(client: MatrixClient, options: SyncOptions = {}): Promise<SyncBody> {
  turn += 1;
  return client.sync({ filter: quiet, timeout: turn, ...options });
}
