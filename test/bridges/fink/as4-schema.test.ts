/** Judges that are not ours: xmllint over our schema, and a plain HTTP client with bytes as the interface documents them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseAs4Profile } from "../../../bridges/fink/as4/index.ts";
import { deliver, letter, MODE, NORTH, SOUTH, startSide, UNREGISTERED } from "./as4-bench.ts";
import type { Side } from "./as4-bench.ts";
import { useXmllint } from "../../support/services/index.ts";

const xmllint = await useXmllint();

const schema = fileURLToPath(
  new URL("../../../bridges/fink/wsdl/backend-envelope.xsd", import.meta.url),
);
const folder = mkdtempSync(path.join(tmpdir(), "as4-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let north: Side;
let south: Side;
beforeEach(async () => {
  north = await startSide(NORTH, SOUTH);
  south = await startSide(SOUTH, NORTH);
  north.accessPoint.exchange.connect(south.accessPoint.exchange);
});
afterEach(async () => {
  await north.close();
  await south.close();
});

async function judge(bytes: Buffer): Promise<void> {
  const file = path.join(folder, "request.xml");
  writeFileSync(file, bytes);
  if (xmllint.available) await xmllint.run("--noout", "--nonet", "--schema", schema, file);
}

describe.skipIf(!xmllint.available)("xmllint", () => {
  it("accepts every request of a whole journey, and refuses a changed one", async () => {
    await deliver(north, letter(north));
    north.accessPoint.exchange.push();
    await north.poll();
    await south.poll();
    south.accessPoint.exchange.push();
    await south.poll();
    await north.poll();
    const requests = [...north.accessPoint.requests, ...south.accessPoint.requests];
    expect(new Set(requests.map(({ name }) => name))).toEqual(
      new Set([
        "submitRequest",
        "statusRequestWithAccessPointRole",
        "listPendingMessagesRequest",
        "retrieveMessageRequest",
        "markMessageAsDownloadedRequest",
      ]),
    );
    for (const { body } of requests) await judge(body);
    const [submission] = requests;
    const changed = submission?.body.toString().replace("<eb:PartyInfo>", "<eb:Partyinfo>") ?? "";
    await expect(judge(Buffer.from(changed))).rejects.toThrow();
  });

  it("accepts the root of a request with parts", async () => {
    await north.close();
    north = await startSide(NORTH, SOUTH, {
      profile: (whole) => ({ ...whole, backend: { ...whole.backend, upload: "mtom" } }),
    });
    north.accessPoint.exchange.connect(south.accessPoint.exchange);
    await deliver(north, letter(north));
    const body = north.accessPoint.requests[0]?.body.toString() ?? "";
    const root = /<\?xml.*?<\/soap:Envelope>/s.exec(body)?.[0] ?? "";
    expect(root).toContain("xop:Include");
    // The schema describes the information set, in which the reference stands for the bytes (XOP §2).
    await judge(Buffer.from(root.replace(/<xop:Include[^>]*><\/xop:Include>/, "QQ==")));
  });
});

describe("a plain HTTP client", () => {
  it("whose bytes are those of the published examples reaches the gateway on the other side", async () => {
    const property = (name: string, value: string) =>
      `<ns:Property name="${name}">${value}</ns:Property>`;
    const body = `<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" xmlns:ns="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/" xmlns:_1="http://eu.domibus.wsplugin/">
  <soap:Header>
    <ns:Messaging>
      <ns:UserMessage>
        <ns:MessageInfo><ns:Timestamp>2026-11-21T09:00:00</ns:Timestamp><ns:MessageId>hand@nord</ns:MessageId></ns:MessageInfo>
        <ns:PartyInfo>
          <ns:From><ns:PartyId type="${UNREGISTERED}">${NORTH.party}</ns:PartyId><ns:Role>${MODE.roles.from}</ns:Role></ns:From>
          <ns:To><ns:PartyId type="${UNREGISTERED}">${SOUTH.party}</ns:PartyId><ns:Role>${MODE.roles.to}</ns:Role></ns:To>
        </ns:PartyInfo>
        <ns:CollaborationInfo>
          <ns:Service type="${MODE.service.type}">${MODE.service.id}</ns:Service>
          <ns:Action>urn:example:mxgw:pfisk:1:nachricht</ns:Action>
          <ns:ConversationId>von-hand</ns:ConversationId>
        </ns:CollaborationInfo>
        <ns:MessageProperties>${property("originalSender", `${NORTH.entityId}#amt`)}${property("finalRecipient", `${SOUTH.entityId}#buerger`)}</ns:MessageProperties>
        <ns:PayloadInfo><ns:PartInfo href="cid:nachricht"><ns:PartProperties>${property("MimeType", "application/xml")}</ns:PartProperties></ns:PartInfo></ns:PayloadInfo>
      </ns:UserMessage>
    </ns:Messaging>
  </soap:Header>
  <soap:Body><_1:submitRequest><payload payloadId="cid:nachricht" contentType="application/xml"><value>${Buffer.from("letter:von Hand").toString("base64")}</value></payload></_1:submitRequest></soap:Body>
</soap:Envelope>`;
    const authorization = `Basic ${Buffer.from("bruecke:geheim-42").toString("base64")}`;
    const response = await fetch(north.accessPoint.url, {
      method: "POST",
      headers: { "Content-Type": "application/soap+xml; charset=utf-8", authorization },
      body,
    });
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringContaining("<messageID>hand@nord</messageID>"),
    ]);
    north.accessPoint.exchange.push();
    await south.poll();
    expect(south.state.accepted[0]?.message).toMatchObject({
      text: "von Hand",
      sentAt: new Date("2026-11-21T09:00:00Z"),
      conversation: `as4:${NORTH.entityId}#von-hand`,
    });
  });
});

describe("the profile", () => {
  it.each([
    ["no YAML", "a: [", /own\.yaml/],
    ["an unknown key", "profile: x\nsurprise: 1", /surprise/],
    ["what is missing", "profile: x", /exchange/],
    ["too long", "#".repeat(100_001), /more than/],
  ])("%s is refused by name", (_name, text, message) => {
    expect(() => parseAs4Profile(text, "own.yaml")).toThrow(message);
  });

  it("decides service, action, roles, properties and part names of what is sent", async () => {
    await deliver(north, letter(north));
    const sent = [...north.accessPoint.exchange.sent.values()][0]?.message;
    expect(sent).toMatchObject({
      service: MODE.service,
      action: "urn:example:mxgw:pfisk:1:nachricht",
      fromRole: MODE.roles.from,
      toRole: MODE.roles.to,
      from: { id: NORTH.party },
      to: { id: SOUTH.party },
    });
    expect([...(sent?.properties ?? [])]).toEqual([
      ["originalSender", `${NORTH.entityId}#buerger-1`],
      ["finalRecipient", `${SOUTH.entityId}#amt-7`],
      ["level", "3"],
      ["legalBasis", "OZG"],
    ]);
    expect(sent?.parts.map(({ href }) => href)).toEqual(["cid:nachricht"]);
  });

  it("ids tell nothing and stay the same", async () => {
    const message = letter(north);
    const { remoteId } = await deliver(north, message);
    expect(remoteId).toMatch(/^[0-9a-f]{32}@bruecke\.example$/);
    expect(remoteId).not.toContain(message.id.slice(0, 8));
    const sent = [...north.accessPoint.exchange.sent.values()][0]?.message;
    expect(sent?.conversationId).toMatch(/^[0-9a-f]{32}@bruecke\.example$/);
  });
});
