import { describe, expect, it } from "vitest";
import type { UserMessage } from "../../../fixtures/simulators/access-point/index.ts";
import { blobOf, deliver, letter, NORTH, SOUTH, startSide, UNREGISTERED } from "./as4-bench.ts";
import {
  document,
  put,
  replaceSouth,
  quarantined,
  south,
  stateOf,
  texts,
  useSouth,
} from "./as4-site.ts";

useSouth();

describe("who sent it", () => {
  const stranger = "https://fremd.example/idp";
  const routing: [string, Partial<UserMessage>][] = [
    [
      "another access point than the entity's",
      { from: { id: "fremd-postfach", type: UNREGISTERED } },
    ],
    ["the right id of another type", { from: { id: NORTH.party, type: "urn:other" } }],
    [
      "an entity that is no member",
      {
        properties: new Map([
          ["originalSender", `${stranger}#amt`],
          ["finalRecipient", `${SOUTH.entityId}#buerger-2`],
        ]),
      },
    ],
    [
      "an entity that only begins like a member",
      {
        properties: new Map([
          ["originalSender", `${NORTH.entityId}2#amt`],
          ["finalRecipient", `${SOUTH.entityId}#buerger-2`],
        ]),
      },
    ],
    ["no original sender", { properties: new Map([["finalRecipient", `${SOUTH.entityId}#b`]]) }],
    [
      "an address without mailbox",
      {
        properties: new Map([
          ["originalSender", `${NORTH.entityId}#amt-1`],
          ["finalRecipient", `${SOUTH.entityId}#`],
        ]),
      },
    ],
    [
      "another entity as addressee",
      {
        properties: new Map([
          ["originalSender", `${NORTH.entityId}#amt-1`],
          ["finalRecipient", `${stranger}#buerger-2`],
        ]),
      },
    ],
    ["another access point as addressee", { to: { id: "anderswo", type: UNREGISTERED } }],
    ["another service", { service: { id: "urn:other", type: "" } }],
    ["an unknown action", { action: "urn:other" }],
    [
      "an acknowledgement for no letter of ours",
      { action: "urn:example:mxgw:pfisk:1:quittung", refToMessageId: "x@y" },
    ],
    ["an acknowledgement without reference", { action: "urn:example:mxgw:pfisk:1:quittung" }],
  ];
  it.each(routing)(
    "%s: quarantine with its bytes, nothing accepted, nothing acknowledged",
    async (_name, more) => {
      const id = put(more);
      await south.poll();
      expect(quarantined()).toMatchObject([{ sourceId: `as4:${id}`, code: "ROUTING_INVALID" }]);
      expect(blobOf(south, quarantined()[0]?.original).toString()).toContain(id);
      expect([texts(), south.accessPoint.exchange.sent.size, stateOf(id)]).toEqual([
        [],
        0,
        "DOWNLOADED",
      ]);
    },
  );

  it("an acknowledgement for a letter that went to another entity changes nothing", async () => {
    const third = { entityId: "https://west.example/idp", party: "west-postfach" };
    await replaceSouth({
      settings: {
        parties: [
          { entityId: NORTH.entityId, id: NORTH.party },
          { entityId: third.entityId, id: third.party },
        ],
      },
    });
    const other = await startSide(NORTH, SOUTH);
    south.accessPoint.exchange.connect(other.accessPoint.exchange);
    const { remoteId } = await deliver(south, letter(south), NORTH);
    put({
      from: { id: third.party, type: UNREGISTERED },
      action: "urn:example:mxgw:pfisk:1:quittung",
      refToMessageId: remoteId,
      properties: new Map([
        ["originalSender", `${third.entityId}#amt-1`],
        ["finalRecipient", `${SOUTH.entityId}#buerger-2`],
      ]),
      parts: [{ ...document, bytes: Buffer.from("ack:true:") }],
    });
    await south.poll();
    expect(south.state.reports).toEqual([]);
    expect(quarantined()).toMatchObject([{ code: "ROUTING_INVALID" }]);
    await other.close();
  });

  it("the same ConversationId of two entities are two conversations", async () => {
    const third = { entityId: "https://west.example/idp", party: "west-postfach" };
    await replaceSouth({
      settings: {
        parties: [
          { entityId: NORTH.entityId, id: NORTH.party },
          { entityId: third.entityId, id: third.party },
        ],
      },
    });
    put();
    put({
      from: { id: third.party, type: UNREGISTERED },
      properties: new Map([
        ["originalSender", `${third.entityId}#amt-1`],
        ["finalRecipient", `${SOUTH.entityId}#buerger-2`],
      ]),
    });
    await south.poll();
    const rooms = south.state.accepted.map(({ message: kept }) => kept.conversation);
    expect(new Set(rooms).size).toBe(2);
  });
});
