import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkReceipt } from "../../../bridges/fink/as4/receipt.ts";
import { MODE, NORTH, SOUTH, startSide, UNREGISTERED } from "./as4-bench.ts";
import type { Side } from "./as4-bench.ts";

describe("an answer that only the whole bridge can refuse", () => {
  let south: Side;
  beforeEach(async () => void (south = await startSide(SOUTH, NORTH)));
  afterEach(() => south.close());
  const put = (messageId: string) =>
    south.accessPoint.exchange.take({
      ...{ messageId, refToMessageId: undefined, conversationId: "v@n", timestamp: new Date(0) },
      from: { id: NORTH.party, type: UNREGISTERED },
      to: { id: SOUTH.party, type: UNREGISTERED },
      ...{ fromRole: MODE.roles.from, toRole: MODE.roles.to, service: MODE.service },
      action: "urn:example:mxgw:pfisk:1:nachricht",
      properties: new Map([
        ["originalSender", `${NORTH.entityId}#amt-1`],
        ["finalRecipient", `${SOUTH.entityId}#buerger-2`],
      ]),
      parts: [
        {
          href: "cid:nachricht",
          properties: new Map([["MimeType", "application/xml"]]),
          bytes: Buffer.from("letter:Hallo"),
        },
      ],
    });

  /** What the access point would say, changed on the way; five times, so that it is no accident. */
  async function distorted(
    change: (text: string) => string,
    form: "inline" | "mtom",
  ): Promise<void> {
    south.accessPoint.setAnswers(form);
    put("m1@nord");
    const captured: { type: string; body: string }[] = [];
    const { context: inner } = south.test;
    const { fetch } = inner;
    Object.assign(inner, {
      fetch: async (...args: Parameters<typeof fetch>) => {
        const response = await fetch(...args);
        const body = Buffer.from(await response.arrayBuffer()).toString("latin1");
        const type = response.headers.get("content-type") ?? "";
        captured.push({ type, body });
        const changed = body.includes("retrieveMessageResponse") ? change(body) : body;
        return new Response(Buffer.from(changed, "latin1"), {
          status: response.status,
          headers: { "content-type": type },
        });
      },
    });
    for (let round = 0; round < 5; round += 1) await south.poll();
  }
  const quarantined = () => [...south.state.quarantined.values()].map(({ code }) => code);

  it.each<[string, "inline" | "mtom", (text: string) => string, string]>([
    [
      "a reference to no part",
      "mtom",
      (text) => text.replace(/href="cid:0-att/, 'href="cid:9-att'),
      "INPUT_INVALID",
    ],
    [
      "a reference that is no cid",
      "mtom",
      (text) => text.replace(/href="cid:0-att/, 'href="http://evil.example/0-att'),
      "INPUT_INVALID",
    ],
    [
      "two payloads of one part",
      "mtom",
      (text) => text.replace(/(<payload .*?<\/payload>)/, "$1$1"),
      "INPUT_HOSTILE",
    ],
    [
      "another message than asked for",
      "inline",
      (text) => text.replaceAll("m1@nord", "m2@nord"),
      "INPUT_INVALID",
    ],
    [
      "an address twice",
      "inline",
      (text) => text.replace(/(<ns5:Property name="originalSender">.*?<\/ns5:Property>)/, "$1$1"),
      "INPUT_HOSTILE",
    ],
    [
      "two user messages",
      "inline",
      (text) => text.replace(/(<ns5:UserMessage.*<\/ns5:UserMessage>)/, "$1$1"),
      "INPUT_INVALID",
    ],
    [
      "a file that no payload names",
      "inline",
      (text) =>
        text.replace(
          "</ns2:retrieveMessageResponse>",
          "<other><value>QQ==</value></other></ns2:retrieveMessageResponse>",
        ),
      "INPUT_INVALID",
    ],
    [
      "a placeholder of our own",
      "inline",
      (text) => text.replace(/<value>[^<]*<\/value>/, "<value><b>#0</b></value>"),
      "INPUT_INVALID",
    ],
  ])("%s is kept with its bytes and never accepted", async (_name, form, change, code) => {
    await distorted(change, form);
    expect(south.state.accepted).toEqual([]);
    expect(quarantined()).toEqual([code]);
    expect([...south.state.quarantined.values()][0]?.original.size).toBeGreaterThan(500);
    expect(south.accessPoint.exchange.received.get("m1@nord")?.state).toBe("DOWNLOADED");
  });

  it("undistorted it is accepted: the tests above change what they say they change", async () => {
    await distorted((text) => text, "mtom");
    expect(south.state.accepted).toHaveLength(1);
  });

  it("larger than an answer may be, it stays at the access point, aloud, and holds nothing up", async () => {
    await south.close();
    south = await startSide(SOUTH, NORTH, {
      profile: (whole) => ({ ...whole, backend: { ...whole.backend, maxMessageBytes: 10_000 } }),
    });
    put("m1@nord");
    const { message } = south.accessPoint.exchange.received.get("m1@nord") ?? {};
    if (message === undefined) throw new Error("not there");
    const big = {
      ...message.parts[0],
      href: "cid:anlage-1",
      bytes: Buffer.alloc(20_000),
    } as (typeof message.parts)[0];
    south.accessPoint.exchange.take({
      ...message,
      messageId: "gross@nord",
      parts: [...message.parts, big],
    });
    for (let round = 0; round < 6; round += 1) await south.poll();
    expect(south.state.accepted).toHaveLength(1);
    expect(south.accessPoint.exchange.received.get("gross@nord")?.state).toBe("RECEIVED");
    expect(
      south.test.log.filter(({ event }) => event === "as4-message-unreadable").length,
    ).toBeGreaterThan(5);
    expect(quarantined()).toEqual([]);
  });
});

describe("a receipt", () => {
  const EB = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";
  const signalOf = (reference: string, receipt: string) =>
    Buffer.from(
      `<e:Messaging xmlns:e="${EB}"><e:SignalMessage><e:MessageInfo><e:Timestamp>2026-11-21T10:00:00Z</e:Timestamp><e:RefToMessageId>${reference}</e:RefToMessageId></e:MessageInfo>${receipt}</e:SignalMessage></e:Messaging>`,
    );
  const information = `<e:Receipt><n:NonRepudiationInformation xmlns:n="http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0"><n:MessagePartNRInformation/></n:NonRepudiationInformation></e:Receipt>`;
  it("for our message with its digests is one", () => {
    expect(checkReceipt(signalOf("a@b", information), "a@b").at).toEqual(
      new Date("2026-11-21T10:00:00Z"),
    );
  });
  it.each([
    ["for another message", signalOf("x@b", information)],
    ["without non-repudiation information", signalOf("a@b", "<e:Receipt/>")],
    ["that is an error", signalOf("a@b", '<e:Error errorCode="EBMS:0101"/>')],
    ["that is no signal", Buffer.from("<a/>")],
    ["with a DOCTYPE", Buffer.concat([Buffer.from("<!DOCTYPE a>"), signalOf("a@b", information)])],
  ])("%s is none", (_name, bytes) => {
    expect(() => checkReceipt(bytes, "a@b")).toThrow();
  });
});
