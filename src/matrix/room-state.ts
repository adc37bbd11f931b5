import type { HomeserverConfig } from "../config/schema.ts";
import { digestOf } from "../model/id.ts";
import type { Conversation } from "../store/store.ts";
import type { Content } from "./client.ts";
import type { MatrixAccount } from "./contract.ts";

export const CASE_TYPE = "de.postfach-bridge.case";
const MAX_ROOM_NAME = 200;

export interface StateEvent {
  readonly type: string;
  readonly state_key: string;
  readonly content: Content;
}
/** Everything that decides what a room looks like. */
export interface RoomPlan {
  readonly homeserver: HomeserverConfig;
  readonly account: MatrixAccount;
  readonly keeper: string;
  readonly aliasLocalpart: string;
}

/** Body of createRoom for a case room. Pure. */
export function caseRoom(
  plan: RoomPlan,
  conversation: Conversation,
  ghost: string,
  space: string,
): Content {
  return {
    ...frame(plan),
    name: roomName(conversation),
    topic: topicOf(plan.account),
    invite: [ghost],
    initial_state: caseState(plan, conversation, space),
  };
}

/** Body of createRoom for a space. Pure. */
export function spaceRoom(plan: RoomPlan): Content {
  const { creation_content: creation, ...rest } = frame(plan);
  return {
    ...rest,
    creation_content: { ...creation, type: "m.space" },
    name: plan.account.config.title.slice(0, MAX_ROOM_NAME),
    initial_state: accessState(plan),
  };
}

function frame(plan: RoomPlan) {
  return {
    room_version: plan.homeserver.roomVersion,
    preset: "private_chat",
    visibility: "private",
    room_alias_name: plan.aliasLocalpart,
    creation_content: { "m.federate": plan.homeserver.federate },
    power_level_content_override: powerLevels(plan),
  };
}

/**
 * The gateway alone governs the room, and nobody at all redacts: a letter is a record. Encryption cannot be switched on:
 * a room whose letters the gateway cannot read would be a dead letter box. From version 12 on the creator stands above
 * all levels and must not be listed (MSC4289).
 */
export function powerLevels({ homeserver, keeper }: RoomPlan): Content {
  return {
    ...(homeserver.roomVersion === "11" ? { users: { [keeper]: 100 } } : { users: {} }),
    users_default: 0,
    events_default: 0,
    state_default: 100,
    invite: 100,
    kick: 100,
    ban: 100,
    redact: 101,
    notifications: { room: 100 },
    events: {
      "m.room.redaction": 101,
      "m.room.encryption": 101,
      "m.room.tombstone": 100,
      "m.room.server_acl": 100,
      "m.room.power_levels": 100,
      "m.room.name": 100,
      "m.room.topic": 100,
      "m.room.avatar": 100,
      "m.room.canonical_alias": 100,
      "m.room.history_visibility": 100,
      "m.room.join_rules": 100,
    },
  };
}

/** State events of a case room beside what createRoom makes by itself: what a repair puts back. */
export function caseState(
  plan: RoomPlan,
  conversation: Conversation,
  space: string,
): readonly StateEvent[] {
  const { account } = plan;
  const bridge = bridgeInfo(plan, conversation);
  const bridgeKey = `de.postfach-bridge://${account.bridgeName}/${account.config.name}/${channelId(conversation)}`;
  const reference = conversation.case?.reference;
  return [
    ...accessState(plan),
    { type: "m.bridge", state_key: bridgeKey, content: bridge },
    { type: "uk.half-shot.bridge", state_key: bridgeKey, content: bridge },
    {
      type: CASE_TYPE,
      state_key: "",
      content: {
        schema: 1,
        conversation: conversation.id,
        account: account.config.name,
        bridge: account.bridgeName,
        ...(reference === undefined ? {} : { reference }),
      },
    },
    { type: "m.space.parent", state_key: space, content: parentContent(plan) },
  ];
}

function accessState({ homeserver, keeper }: RoomPlan): readonly StateEvent[] {
  const { historyVisibility } = homeserver;
  const state = (type: string, content: Content) => ({ type, state_key: "", content });
  return [
    state("m.room.join_rules", { join_rule: "invite" }),
    state("m.room.history_visibility", { history_visibility: historyVisibility }),
    state("m.room.guest_access", { guest_access: "forbidden" }),
    state("io.element.functional_members", { service_members: [keeper] }),
  ];
}

function parentContent(plan: RoomPlan): Content {
  return { via: [plan.homeserver.name], canonical: true };
}
export function childContent(plan: Pick<RoomPlan, "homeserver">): Content {
  return { via: [plan.homeserver.name] };
}

/** MSC2346. The channel is a digest: its id is visible to the server even where content is not. */
function bridgeInfo({ account, keeper }: RoomPlan, conversation: Conversation): Content {
  return {
    bridgebot: keeper,
    creator: keeper,
    protocol: { id: account.bridgeName, displayname: account.bridgeTitle },
    network: { id: account.config.name, displayname: account.config.title },
    channel: { id: channelId(conversation) },
  };
}
function channelId(conversation: Conversation): string {
  return digestOf("channel", conversation.id).slice(0, 24);
}

export function roomName(conversation: Conversation): string {
  const reference = conversation.case?.reference;
  const suffix = reference === undefined ? "" : ` (${reference.slice(0, 80)})`;
  const subject = conversation.subject?.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim();
  const name = subject === undefined || subject === "" ? "Schriftwechsel" : subject;
  return `${name.slice(0, MAX_ROOM_NAME - suffix.length)}${suffix}`;
}

function topicOf(account: MatrixAccount): string {
  return (
    `Schriftwechsel über ${account.config.title}. Was Sie hier schreiben, wird als Schreiben übermittelt ` +
    "und kann danach nicht mehr geändert oder gelöscht werden. Beginnt eine Nachricht mit „Betreff: …“ oder " +
    "„Aktenzeichen: …“ und folgt eine leere Zeile, gilt dies als Betreff und Aktenzeichen des Schreibens."
  );
}
