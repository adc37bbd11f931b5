import { digestOf } from "../model/id.ts";
import type { Side } from "../model/message.ts";

/** One ordering lane per conversation and direction: an outage of one side never holds up the other. */
export function laneOf(conversationId: string, destination: Side): string {
  return `l-${digestOf("lane", conversationId, destination).slice(0, 32)}`;
}

/** Events of one Matrix room are taken in one after the other. */
export function laneOfRoom(roomId: string): string {
  return `r-${digestOf("room", roomId).slice(0, 32)}`;
}

/** Same account and key, same id, on every node and after every restart. */
export function conversationIdOf(account: string, key: string): string {
  return `c-${digestOf("conversation", account, key).slice(0, 32)}`;
}
