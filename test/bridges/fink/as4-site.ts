/** The southern gateway with messages from the north put into its access point: fresh for each test. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach } from "vitest";
import type { Part, UserMessage } from "../../../fixtures/simulators/access-point/index.ts";
import { MODE, NORTH, SOUTH, startSide, UNREGISTERED, type Side } from "./as4-bench.ts";

/** That of the running test; import it, it follows. */
export let south: Side;

/** Registers the hooks of the test file. */
export function useSouth(): void {
  beforeEach(async () => void (south = await startSide(SOUTH, NORTH)));
  afterEach(() => south.close());
}

/** Another one in place of that of the test. */
export async function replaceSouth(options: Parameters<typeof startSide>[2] = {}): Promise<void> {
  await south.close();
  south = await startSide(SOUTH, NORTH, options);
}

export const document: Part = {
  href: "cid:nachricht",
  properties: new Map([["MimeType", "application/xml"]]),
  bytes: Buffer.from("letter:Guten Tag"),
};
export function message(more: Partial<UserMessage> = {}): UserMessage {
  return {
    messageId: `${randomUUID()}@nord`,
    refToMessageId: undefined,
    conversationId: "vorgang-1@nord",
    timestamp: new Date("2026-11-21T09:00:00Z"),
    from: { id: NORTH.party, type: UNREGISTERED },
    to: { id: SOUTH.party, type: UNREGISTERED },
    fromRole: MODE.roles.from,
    toRole: MODE.roles.to,
    service: MODE.service,
    action: "urn:example:mxgw:pfisk:1:nachricht",
    properties: new Map([
      ["originalSender", `${NORTH.entityId}#amt-1`],
      ["finalRecipient", `${SOUTH.entityId}#buerger-2`],
    ]),
    parts: [document],
    ...more,
  };
}
export const put = (more: Partial<UserMessage> = {}) => {
  const arrived = message(more);
  south.accessPoint.exchange.take(arrived);
  return arrived.messageId;
};
export const stateOf = (id: string) => south.accessPoint.exchange.received.get(id)?.state;
export const texts = () => south.state.accepted.map(({ message: kept }) => kept.text);
export const events = () => south.test.log.map(({ event }) => event);
export const quarantined = () => [...south.state.quarantined.values()];
