import { describe, expect, it } from "vitest";
import { useIntermediary } from "./intermediary-support.ts";

const bed = useIntermediary();
const fetchBlockless = "AAAAAAAAAAAAAA==";

describe("an implicit dialog", () => {
  it("is one request with a challenge and the number 0", async () => {
    const intermediary = await bed.start();
    const answer = await bed.client("sender").getMessageId();
    expect(answer.codes).toEqual(["0800"]);
    expect(answer.problems).toEqual([]);
    expect(answer.messageId).toMatch(/^govapp_\d{32}$/);
    expect(answer.message?.control.conversation).toMatch(/^\d+$/);
    expect(intermediary.observations.requests).toMatchObject([
      { type: "GetMessageId", sequence: 0, codes: ["0800"], signature: "rsa-sha256" },
    ]);
  });

  it.each([
    ["without a sequence number", { challenge: "AAAA" }],
    ["with another number", { challenge: "AAAA", sequence: 1 }],
    ["with a response", { challenge: "AAAA", sequence: 0, response: "BBBB" }],
    ["with a conversation nobody opened", { challenge: "AAAA", sequence: 0, conversation: "1" }],
  ])("%s is refused with 9400 in a plain fault", async (_name, control) => {
    await bed.start();
    const answer = await bed.client("sender").getMessageId({ control });
    expect(answer).toMatchObject({ status: 200, fault: "9400", cipher: undefined });
  });

  it("without a challenge is no OSCI message", async () => {
    await bed.start();
    const answer = await bed.client("sender").getMessageId({ control: { sequence: 0 } });
    expect(answer.fault).toBe("9100");
  });
});

describe("an explicit dialog", () => {
  it("counts from 0, asks for its challenge each time and ends with ExitDialog", async () => {
    const intermediary = await bed.start();
    const client = bed.client("recipient");
    const start = await client.initDialog();
    expect([start.codes, start.problems]).toEqual([["0801"], []]);
    expect(start.message?.control.sequence).toBeUndefined();
    for (let index = 0; index < 3; index += 1) {
      const answer = await client.fetchDelivery();
      expect([answer.codes, answer.problems]).toEqual([["9803"], []]);
    }
    const end = await client.exitDialog();
    expect([end.codes, end.problems]).toEqual([["0800"], []]);
    expect(end.message?.control.challenge).toBeUndefined();
    expect(intermediary.observations.requests.map(({ sequence }) => sequence)).toEqual([
      ...[undefined, 0, 1, 2, 3],
    ]);
    const { conversation } = start.message?.control ?? {};
    const control = { challenge: "AAAA", response: "BBBB", sequence: 4, conversation };
    expect((await client.fetchDelivery(undefined, { control })).fault).toBe("9400");
  });

  it.each([
    ["the response is wrong", { response: fetchBlockless }],
    ["the number is wrong", { sequence: 1 }],
    ["the conversation is wrong", { conversation: "4711" }],
    ["there is no response", { response: undefined }],
    ["there is no number", { sequence: undefined }],
  ])("is refused with 9400 when %s, and stays usable", async (_name, wrong) => {
    await bed.start();
    const client = bed.client("recipient");
    const start = await client.initDialog();
    const { challenge: response, conversation } = start.message?.control ?? {};
    const control = { challenge: "AAAA", response, conversation, sequence: 0, ...wrong };
    expect((await client.fetchDelivery(undefined, { control })).fault).toBe("9400");
    expect((await client.fetchDelivery()).codes).toEqual(["9803"]);
  });

  it("does not take the same request twice", async () => {
    await bed.start();
    const client = bed.client("recipient");
    await client.initDialog();
    const dialog = { ...client.dialog };
    const control = { challenge: "AAAA", sequence: 0, conversation: dialog.conversation };
    const request = { control: { ...control, response: dialog.challenge } };
    expect((await client.fetchDelivery(undefined, request)).codes).toEqual(["9803"]);
    expect((await client.fetchDelivery(undefined, request)).fault).toBe("9400");
  });

  it("opens without conversation, number and response only", async () => {
    await bed.start();
    const client = bed.client("recipient");
    for (const control of [
      { challenge: "AAAA", sequence: 0 },
      { challenge: "AAAA", response: "BBBB" },
      { challenge: "AAAA", conversation: "1" },
    ])
      expect((await client.initDialog({ control })).fault).toBe("9400");
  });

  it.each(["fetchDelivery", "fetchProcessCard", "exitDialog"] as const)(
    "is needed for %s: 9802",
    async (order) => {
      await bed.start();
      expect((await bed.client("recipient")[order]()).fault).toBe("9802");
    },
  );

  it("also carries GetMessageId and StoreDelivery, and says 0801 then", async () => {
    const intermediary = await bed.start();
    const client = bed.client("sender");
    await client.initDialog();
    const { messageId, codes, problems } = await client.getMessageId();
    expect([codes, problems]).toEqual([["0801"], []]);
    const stored = await bed.store(client, { messageId: messageId ?? "" });
    expect([stored.codes, stored.problems]).toEqual([["0801"], []]);
    expect(intermediary.countByMessageId(messageId ?? "")).toBe(1);
  });

  it("proves the key: who cannot read the answer cannot go on", async () => {
    const intermediary = await bed.start();
    const honest = bed.client("sender");
    await bed.deposit(honest);
    // A thief who shows the recipient's certificate gets an answer that he cannot open.
    const { cipher } = bed.keys.recipient;
    const thief = bed.client("sender", {
      cipher: { certPem: cipher.certPem, keyPem: bed.keys.sender.cipher.keyPem },
    });
    await expect(thief.initDialog()).rejects.toThrow("9202");
    const guess = { challenge: "AAAA", response: "AAAA", sequence: 0, conversation: "1" };
    expect((await thief.fetchDelivery(undefined, { control: guess })).fault).toBe("9400");
    expect(intermediary.waiting()).toHaveLength(1);
  });

  it("is gone when the intermediary has forgotten it", async () => {
    const intermediary = await bed.start();
    const client = bed.client("recipient");
    await client.initDialog();
    intermediary.forgetDialogs();
    expect((await client.fetchDelivery()).fault).toBe("9400");
  });
});
