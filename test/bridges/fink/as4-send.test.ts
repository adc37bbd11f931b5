import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Readable } from "node:stream";
import { deliver, faultOf, find, letter, NORTH, SOUTH, startSide } from "./as4-bench.ts";
import type { Side, SideOptions } from "./as4-bench.ts";

let north: Side;
let south: Side;
async function open(options: SideOptions = {}): Promise<void> {
  north = await startSide(NORTH, SOUTH, options);
  south = await startSide(SOUTH, NORTH);
  north.accessPoint.exchange.connect(south.accessPoint.exchange);
}
beforeEach(() => open());
afterEach(async () => {
  await north.close();
  await south.close();
});
const submissions = () => north.accessPoint.requests.filter(({ name }) => name === "submitRequest");
const pushed = () => {
  north.accessPoint.exchange.push();
  return [...south.accessPoint.exchange.received.values()];
};

describe("an attempt that is cut", () => {
  it.each(["cutAfterAccept", "acceptThen500", "truncatedAnswer"] as const)(
    "%s is unknown; asking finds the letter, and it is there once",
    async (kind) => {
      const sent = letter(north);
      north.accessPoint.arm("submitRequest", { kind });
      expect(await faultOf(deliver(north, sent))).toMatchObject({ fault: "unknown" });
      expect(await find(north, sent)).toMatchObject({ receipt: { kind: "submission-accepted" } });
      expect(pushed()).toHaveLength(1);
    },
  );

  it("before anything happened is unknown too, asking says absent, and the next attempt has the same id", async () => {
    const sent = letter(north);
    north.accessPoint.arm("submitRequest", { kind: "cutBeforeRead" });
    expect(await faultOf(deliver(north, sent))).toEqual({
      fault: "unknown",
      code: "OUTCOME_UNKNOWN",
    });
    expect(await find(north, sent)).toBe("absent");
    const { remoteId } = await deliver(north, sent);
    const [first, second] = submissions();
    expect(first?.body.toString()).toContain(remoteId);
    expect(second?.body.toString()).toContain(remoteId);
    expect(pushed()).toHaveLength(1);
  });

  it("a second attempt at what had come through asks first and sends nothing", async () => {
    const sent = letter(north);
    north.accessPoint.arm("submitRequest", { kind: "cutAfterAccept" });
    await faultOf(deliver(north, sent));
    const again = await deliver(north.restart(), sent);
    expect(again.receipt?.kind).toBe("submission-accepted");
    expect(submissions()).toHaveLength(1);
  });

  it("a refusal as repetition counts as success when the access point has the letter", async () => {
    const sent = letter(north);
    north.accessPoint.arm("submitRequest", { kind: "cutAfterAccept" });
    await faultOf(deliver(north, sent));
    // The state cannot be seen for a moment, so the letter is submitted again and refused by its id.
    north.accessPoint.arm("statusRequestWithAccessPointRole", {
      kind: "answer",
      contentType: "application/soap+xml",
      body: statusAnswer("NOT_FOUND"),
    });
    const delivery = await deliver(north, sent);
    expect(submissions().at(-1)?.status).toBe(500);
    expect(delivery.receipt?.kind).toBe("submission-accepted");
    expect(pushed()).toHaveLength(1);
  });

  it("nothing sent at all: find says absent without asking", async () => {
    const before = north.accessPoint.requests.length;
    expect(await find(north, letter(north))).toBe("absent");
    expect(north.accessPoint.requests).toHaveLength(before);
  });

  it("not found proves nothing any more when the access point may have forgotten", async () => {
    const sent = letter(north);
    north.accessPoint.arm("submitRequest", { kind: "cutBeforeRead" });
    await faultOf(deliver(north, sent));
    north.clock = new Date(north.clock.getTime() + 73 * 3_600_000);
    expect(await find(north, sent)).toBeUndefined();
  });

  it("a state that says nothing about a letter we sent leaves it to an operator", async () => {
    const sent = letter(north);
    const { remoteId } = await deliver(north, sent);
    const entry = north.accessPoint.exchange.sent.get(remoteId);
    if (entry !== undefined) entry.state = "DELETED";
    expect(await find(north, sent)).toBeUndefined();
  });
});

describe("what the access point refuses", () => {
  const refusals = [
    ["EBMS:0005", "transient", "REMOTE_UNAVAILABLE"],
    ["EBMS_0101", "transient", "AUTH_REFUSED"],
    ["EBMS:0010", "transient", "CONFIG_INVALID"],
    ["EBMS:0009", "permanent", "LETTER_INVALID"],
    ["WS_PLUGIN_0002", "transient", "AUTH_REFUSED"],
    ["DOMIBUS:WS_PLUGIN:0005", "permanent", "LETTER_INVALID"],
  ] as const;
  it.each(refusals)("%s becomes %s %s", async (code, fault, ours) => {
    north.accessPoint.arm("submitRequest", { kind: "fault", code });
    expect(await faultOf(deliver(north, letter(north)))).toEqual({ fault, code: ours });
  });

  it("a fault without the plug-in's own detail: ours when the sender is to blame, open otherwise", async () => {
    north.accessPoint.arm("submitRequest", { kind: "bareFault", role: "Sender" });
    expect(await faultOf(deliver(north, letter(north)))).toMatchObject({ fault: "permanent" });
    north.accessPoint.arm("submitRequest", { kind: "bareFault", role: "Receiver" });
    expect(await faultOf(deliver(north, letter(north)))).toMatchObject({ fault: "unknown" });
  });

  it.each([
    [401, "transient", "AUTH_REFUSED"],
    [404, "transient", "REMOTE_ANSWER_INVALID"],
    [413, "permanent", "ATTACHMENT_REJECTED"],
    [502, "unknown", "REMOTE_ANSWER_INVALID"],
  ])("status %i without SOAP", async (status, fault, code) => {
    north.accessPoint.arm("submitRequest", { kind: "status", status });
    expect(await faultOf(deliver(north, letter(north)))).toEqual({ fault, code });
  });

  it("a message taken under another id is not a delivery", async () => {
    north.accessPoint.arm("submitRequest", {
      kind: "answer",
      contentType: "application/soap+xml",
      body: soap(
        "<w:submitResponse xmlns:w='http://eu.domibus.wsplugin/'><messageID>other@x</messageID></w:submitResponse>",
      ),
    });
    expect(await faultOf(deliver(north, letter(north)))).toEqual({
      fault: "unknown",
      code: "REMOTE_ANSWER_INVALID",
    });
  });

  it("a wrong password is transient and shows in ping", async () => {
    await north.close();
    process.env.AS4_WRONG = "falsch";
    await open({ settings: { password: "env:AS4_WRONG" } });
    expect(await faultOf(deliver(north, letter(north)))).toEqual({
      fault: "transient",
      code: "AUTH_REFUSED",
    });
    expect(await north.transport.ping(new AbortController().signal, [])).toMatchObject({
      ok: false,
    });
  });

  it("a letter that cannot be expressed never leaves", async () => {
    const sent = letter(north, { text: "unschreibbar" });
    expect(await faultOf(deliver(north, sent))).toEqual({
      fault: "permanent",
      code: "CONTENT_REJECTED",
    });
    expect(submissions()).toHaveLength(0);
  });

  it("an entity without an access point waits, with a sentence for the sender", async () => {
    await north.close();
    await open({ settings: { parties: [] } });
    const error = await deliver(north, letter(north)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ fault: "transient", code: "CONFIG_INVALID" });
    expect((error as { notice: string }).notice).toContain("kein Übermittlungsweg");
  });

  it("a file that is gone from the store ends the attempt, and the letter is not there", async () => {
    const sent = letter(north, {
      attachments: [
        {
          name: "a.pdf",
          mediaType: "application/pdf",
          blob: { digest: `sha256:${"0".repeat(64)}`, size: 10 },
        },
      ],
    });
    expect(await faultOf(deliver(north, sent))).toBeDefined();
    expect(await find(north, sent)).toBe("absent");
    expect(pushed()).toEqual([]);
  });

  it("a file that is shorter than noted ends the attempt too", async () => {
    const blob = await north.test.context.store("x", Readable.from([Buffer.from("kurz")]));
    const long = { digest: blob.digest, size: 4_000 };
    const sent = letter(north, {
      attachments: [{ name: "a.txt", mediaType: "text/plain", blob: long }],
    });
    expect(await faultOf(deliver(north, sent))).toBeDefined();
    expect(pushed()).toEqual([]);
  });
});

function soap(body: string): Buffer {
  return Buffer.from(
    `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>${body}</s:Body></s:Envelope>`,
  );
}
function statusAnswer(status: string): Buffer {
  return soap(
    `<w:getStatusResponse xmlns:w="http://eu.domibus.wsplugin/">${status}</w:getStatusResponse>`,
  );
}
