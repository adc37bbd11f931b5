import { describe, expect, it } from "vitest";
import { cardsIn } from "../../../fixtures/simulators/osci-intermediary/answers.ts";
import { readFault } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import type { Mischief } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { useIntermediary } from "./intermediary-support.ts";

const bed = useIntermediary();

describe("a fault that takes the order but loses the answer", () => {
  it.each([{ kind: "acceptThenCut" }, { kind: "truncated" }] as const)(
    "$kind: the delivery is there, the client does not know",
    async (mischief) => {
      const intermediary = await bed.start();
      const client = bed.client("sender");
      const { messageId = "" } = await client.getMessageId();
      intermediary.faults.next("StoreDelivery", mischief);
      await expect(bed.store(client, { messageId })).rejects.toThrow();
      await intermediary.until(() => intermediary.observations.count === 2);
      expect(intermediary.countByMessageId(messageId)).toBe(1);
      expect((await bed.store(client, { messageId })).codes).toEqual(["9801"]);
      expect(intermediary.observations.requests[1]).toMatchObject({ mischief: mischief.kind });
    },
  );

  it("acceptThen500", async () => {
    const intermediary = await bed.start();
    const client = bed.client("sender");
    const { messageId = "" } = await client.getMessageId();
    intermediary.faults.next("StoreDelivery", { kind: "acceptThen500" });
    expect((await bed.store(client, { messageId })).status).toBe(500);
    expect(intermediary.countByMessageId(messageId)).toBe(1);
  });

  it("a cut fetch is not confirmed", async () => {
    const intermediary = await bed.start();
    const messageId = await bed.deposit(bed.client("sender"));
    const client = bed.client("recipient");
    await client.initDialog();
    intermediary.faults.next("FetchDelivery", { kind: "truncated" });
    await expect(client.fetchDelivery()).rejects.toThrow();
    expect(intermediary.card(messageId)?.forwarding).toBeInstanceOf(Date);
    expect(intermediary.waiting()).toHaveLength(1);
  });
});

describe("a fault that does not take the order", () => {
  it.each([
    [{ kind: "status", status: 500 }, { status: 500 }],
    [{ kind: "status", status: 503 }, { status: 503 }],
    [
      { kind: "soapFault", code: "9000" },
      { status: 200, fault: "9000" },
    ],
    [
      { kind: "feedback", codes: ["9811"] },
      { status: 200, codes: ["9811"] },
    ],
  ] as const)("%j", async (mischief, seen) => {
    const intermediary = await bed.start();
    const client = bed.client("sender");
    const { messageId = "" } = await client.getMessageId();
    intermediary.faults.next("StoreDelivery", mischief);
    expect(await bed.store(client, { messageId })).toMatchObject(seen);
    expect(intermediary.deliveries()).toEqual([]);
    expect((await bed.store(client, { messageId })).codes).toEqual(["0800"]);
  });

  it("cutBefore, for one type and for every request", async () => {
    const intermediary = await bed.start();
    const client = bed.client("sender");
    intermediary.faults.next("GetMessageId", { kind: "cutBefore" });
    await expect(client.getMessageId()).rejects.toThrow();
    intermediary.faults.next("*", { kind: "cutBefore" });
    await expect(client.getMessageId()).rejects.toThrow();
    expect(intermediary.state.issuedCount).toBe(0);
    expect((await client.getMessageId()).codes).toEqual(["0800"]);
  });
});

describe("an answer that a client must not accept", () => {
  it.each([
    [{ kind: "wrongResponse" }, ["response"]],
    [{ kind: "wrongConversation" }, ["conversation"]],
    [{ kind: "wrongSequence" }, ["sequence"]],
    [{ kind: "reusedChallenge" }, ["challenge used before"]],
    [{ kind: "plainAnswer" }, ["plain"]],
    [{ kind: "strippedSignature" }, ["unsigned"]],
    [{ kind: "wrongSignature" }, ["signature wrong"]],
    [{ kind: "otherSigner" }, ["signer"]],
  ] as const)("%j", async (mischief, problems) => {
    const intermediary = await bed.start();
    const client = bed.client("recipient");
    await client.initDialog();
    intermediary.faults.next("FetchDelivery", mischief);
    expect((await client.fetchDelivery()).problems).toEqual(problems);
    expect((await client.fetchDelivery()).problems).toEqual([]);
  });

  it.each([
    [{ kind: "encryption", ivLength: 16 }, "aes-256-gcm/16"],
    [{ kind: "encryption", cipher: "aes128-gcm" }, "aes-128-gcm/12"],
    [{ kind: "encryption", cipher: "aes256-cbc" }, "aes-256-cbc/16"],
  ] as const)("%j", async (mischief, cipher) => {
    const intermediary = await bed.start();
    intermediary.faults.next("GetMessageId", mischief);
    const answer = await bed.client("sender").getMessageId();
    expect([answer.cipher, answer.codes, answer.problems]).toEqual([cipher, ["0800"], []]);
  });

  it("wrongCardId: the process card names another message", async () => {
    const intermediary = await bed.start();
    const client = bed.client("sender");
    const { messageId = "" } = await client.getMessageId();
    intermediary.faults.next("StoreDelivery", { kind: "wrongCardId" });
    const [card] = cardsIn(await bed.store(client, { messageId }));
    expect(card?.messageId).not.toBe(messageId);
    expect(intermediary.countByMessageId(messageId)).toBe(1);
  });

  it("lostDialog: 9802, and the dialog is gone", async () => {
    const intermediary = await bed.start();
    const messageId = await bed.deposit(bed.client("sender"));
    const client = bed.client("recipient");
    await client.initDialog();
    await client.fetchDelivery();
    intermediary.faults.next("ExitDialog", { kind: "lostDialog" });
    expect((await client.fetchDelivery()).codes).toEqual(["9803"]);
    expect(intermediary.card(messageId)?.reception).toBeInstanceOf(Date);
    const { dialog } = client;
    expect((await client.exitDialog()).codes).toEqual(["9802"]);
    client.dialog = dialog;
    expect((await client.fetchDelivery()).fault).toBe("9400");
  });

  it("extra feedback beside success, and a late answer", async () => {
    const intermediary = await bed.start();
    intermediary.faults.next("GetMessageId", { kind: "feedback", codes: ["3707", "3501"] });
    intermediary.faults.next("GetMessageId", { kind: "delay", ms: 1_000 });
    const client = bed.client("sender");
    const warned = await client.getMessageId();
    expect([warned.codes, warned.messageId === undefined]).toEqual([
      ["0800", "3707", "3501"],
      false,
    ]);
    const events: string[] = [];
    const tell = (name: string) => () => void events.push(name);
    const late = client.getMessageId().then(tell("held back"));
    await intermediary.until(() => intermediary.state.issuedCount === 2);
    // Asked after the first was executed, answered before it.
    await bed.client("recipient").getMessageId().then(tell("asked later"));
    await late;
    expect(events).toEqual(["asked later", "held back"]);
  });
});

describe("the plan of faults", () => {
  it("hits the wanted type, so often, after so many", async () => {
    const intermediary = await bed.start();
    const { faults } = intermediary;
    faults.next("InitDialog", { kind: "soapFault", code: "9000" });
    faults.next("GetMessageId", { kind: "soapFault", code: "9000" }, { times: 2, skip: 1 });
    const client = bed.client("sender");
    const seen: unknown[] = [];
    for (let index = 0; index < 4; index += 1) seen.push((await client.getMessageId()).fault);
    expect(seen).toEqual([undefined, "9000", "9000", undefined]);
    expect(faults.armed.map(({ hits, left }) => [hits, left])).toEqual([
      [0, 1],
      [2, 0],
    ]);
    expect(intermediary.observations.refusals).toEqual([]);
  });

  it("is read from JSON, and nothing else", () => {
    const read: Mischief = readFault({
      type: "StoreDelivery",
      kind: "status",
      status: 502,
    }).mischief;
    expect(read).toEqual({ kind: "status", status: 502 });
    expect(readFault({ kind: "encryption", ivLength: 16 }).type).toBe("*");
    for (const wrong of [
      ...[
        null,
        1,
        {},
        { kind: "other" },
        { kind: "status", status: 200 },
        { kind: "delay", ms: -1 },
      ],
      ...[
        { kind: "feedback", codes: [] },
        { kind: "feedback", codes: ["12"] },
        { kind: "encryption", ivLength: 13 },
      ],
      ...[
        { kind: "status", times: 0 },
        { kind: "status", type: "Other" },
        { kind: "soapFault", code: "<x>" },
      ],
    ])
      expect(() => readFault(wrong)).toThrow();
  });
});
