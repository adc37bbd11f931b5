import { accountSample } from "./account-sample.ts";
import type { MatrixAccount } from "../../../src/matrix/contract.ts";
import type { RoomEvent } from "../../../src/matrix/events.ts";
import type { Message } from "../../../src/model/message.ts";
import type { Conversation } from "../../../src/store/store.ts";

export const AT = new Date("2026-03-02T09:00:00.000Z");

export function messageSample(changes: Partial<Message> = {}): Message {
  return {
    id: "019cadc5-d880-7000-8000-000000000001",
    account: "bauamt",
    sourceId: "zbp-1",
    conversation: "vorgang-1",
    sentAt: AT,
    from: { address: "authority-7", name: "Bauamt Musterstadt", role: "authority" },
    to: [{ address: "mailbox-1", name: "Erika Beispiel", role: "citizen" }],
    subject: "Bescheid",
    text: "Sehr geehrte Frau Beispiel,\n\nanbei der Bescheid.",
    attachments: [],
    level: 1,
    replyPolicy: "possible",
    ...changes,
  };
}

export function conversationSample(changes: Partial<Conversation> = {}): Conversation {
  return {
    id: "c-1",
    account: "bauamt",
    key: "vorgang-1",
    counterpart: { address: "authority-7", name: "Bauamt Musterstadt", role: "authority" },
    local: { address: "mailbox-1", name: "Erika Beispiel", role: "citizen" },
    subject: "Bescheid",
    level: 1,
    replyPolicy: "possible",
    createdAt: AT,
    ...changes,
  };
}

export function matrixAccountSample(changes: Partial<MatrixAccount> = {}): MatrixAccount {
  return {
    config: accountSample(),
    bridgeName: "sample",
    bridgeTitle: "Beispielpostfach",
    capabilities: {
      directions: ["inbound", "outbound"],
      maxMessageBytes: 1_000_000,
      mediaTypes: "any",
      receipts: [],
      idempotentDelivery: false,
    },
    lookupFields: { mailbox: { regexp: ".+", placeholder: "mailbox-1" } },
    resolve: undefined,
    review: undefined,
    ...changes,
  };
}

/** An `m.room.message` of a person, as a homeserver pushes it. */
export function eventSample(
  content: Record<string, unknown>,
  changes: Partial<RoomEvent> = {},
): RoomEvent {
  return {
    event_id: "$event1",
    room_id: "!room1",
    sender: "@erika:hs.test",
    type: "m.room.message",
    origin_server_ts: AT.getTime(),
    content,
    ...changes,
  };
}
