import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Readable } from "node:stream";
import { blobOf, deliver, letter, NORTH, SOUTH, startSide } from "./as4-bench.ts";
import type { Side, SideOptions } from "./as4-bench.ts";

let north: Side;
let south: Side;
async function open(options: SideOptions = {}, southern: SideOptions = {}): Promise<void> {
  north = await startSide(NORTH, SOUTH, options);
  south = await startSide(SOUTH, NORTH, southern);
  north.accessPoint.exchange.connect(south.accessPoint.exchange);
}
beforeEach(() => open());
afterEach(async () => {
  await north.close();
  await south.close();
});

const forms = [
  ["inline", "inline"],
  ["inline", "mtom"],
  ["mtom", "inline"],
  ["mtom", "mtom"],
] as const;

describe("a letter from gateway to gateway", () => {
  it.each(forms)(
    "sent %s and fetched %s arrives whole, with evidence at every stage",
    async (upload, answers) => {
      await north.close();
      await south.close();
      await open(
        { profile: (whole) => ({ ...whole, backend: { ...whole.backend, upload } }) },
        { accessPoint: { answers } },
      );
      const bytes = Buffer.from(Array.from({ length: 300_001 }, (_, index) => (index * 7) % 256));
      const blob = await north.test.context.store("x", Readable.from([bytes]));
      const empty = await north.test.context.store("x", Readable.from([Buffer.alloc(0)]));
      const sent = letter(north, {
        text: 'Grüße <&> "Ärger"',
        attachments: [
          { name: "Bescheid über ü & <b>.pdf", mediaType: "application/pdf", blob },
          { name: "leer.txt", mediaType: "text/plain", blob: empty },
        ],
      });
      const delivery = await deliver(north, sent);
      expect(delivery.receipt?.kind).toBe("submission-accepted");
      north.accessPoint.exchange.push();
      await north.poll();
      const [relayed] = north.state.reports;
      expect(relayed).toMatchObject({
        target: { id: sent.id },
        kind: "relayed",
        detail: "non-repudiation receipt",
      });
      expect(blobOf(north, relayed?.evidence).toString()).toContain(delivery.remoteId);
      expect(blobOf(north, relayed?.evidence).toString()).toContain("NonRepudiationInformation");

      await south.poll();
      const [kept] = south.state.accepted;
      expect(kept?.message).toMatchObject({
        sourceId: `as4:${NORTH.entityId}#${delivery.remoteId}`,
        text: 'Grüße <&> "Ärger"',
        from: { address: `${NORTH.entityId}|buerger-1` },
        to: [{ address: "amt-7" }],
        level: 3,
        attachments: [
          { name: "Bescheid über ü & <b>.pdf", mediaType: "application/pdf" },
          { name: "leer.txt", mediaType: "text/plain" },
        ],
      });
      expect(blobOf(south, kept?.message.attachments[0]?.blob).equals(bytes)).toBe(true);
      expect(kept?.message.attachments[1]?.blob.size).toBe(0);
      expect(blobOf(south, kept?.message.original).toString()).toContain(delivery.remoteId);
      expect(south.accessPoint.exchange.received.get(delivery.remoteId)?.state).toBe("DOWNLOADED");

      south.accessPoint.exchange.push();
      await north.poll();
      const delivered = north.state.reports.at(-1);
      expect(delivered).toMatchObject({ target: { id: sent.id }, kind: "delivered", detail: "0" });
      expect(blobOf(north, delivered?.evidence).length).toBeGreaterThan(0);
    },
  );

  it("an answer finds its conversation and the letter it answers, on both sides", async () => {
    const first = letter(north);
    await deliver(north, first);
    north.accessPoint.exchange.push();
    await south.poll();
    const got = south.state.accepted[0]?.message;
    const answer = letter(south, {
      conversation: got?.conversation ?? "",
      inReplyTo: got?.id ?? "",
      text: "Antwort",
      from: { address: "amt-7" },
    });
    await deliver(south, answer, NORTH, "buerger-1");
    south.accessPoint.exchange.push();
    await north.poll();
    const back = north.state.accepted.find(({ origin }) => origin === "legacy")?.message;
    expect(back).toMatchObject({ text: "Antwort", conversation: "fall-1", inReplyTo: first.id });
  });

  it("a refusal by the mailbox ends the letter with its reason, and nothing is accepted there", async () => {
    const sent = letter(north, { text: "abgelehnt" });
    await deliver(north, sent);
    north.accessPoint.exchange.push();
    await south.poll();
    expect(south.state.accepted).toEqual([]);
    south.accessPoint.exchange.push();
    await north.poll();
    expect(north.state.reports.map(({ kind }) => kind)).toContain("not-delivered");
    expect(north.state.reports.at(0)?.notice ?? north.state.reports.at(1)?.notice).toContain(
      "nicht bekannt",
    );
  });

  it("without acknowledgements in the profile, the receipt already counts as delivery and none is sent", async () => {
    await north.close();
    await south.close();
    const none: SideOptions = { profile: (whole) => ({ ...whole, acknowledgement: "none" }) };
    await open(none, none);
    await deliver(north, letter(north));
    north.accessPoint.exchange.push();
    await north.poll();
    await south.poll();
    expect(north.state.reports).toMatchObject([{ kind: "delivered" }]);
    expect(south.accessPoint.exchange.sent.size).toBe(0);
  });

  it("without the REST interface the access point's own word is kept as evidence", async () => {
    await north.close();
    await open({ settings: { rest: undefined } });
    await deliver(north, letter(north));
    north.accessPoint.exchange.push();
    await north.poll();
    const [report] = north.state.reports;
    expect(report?.detail).toBe("state at the access point");
    expect(blobOf(north, report?.evidence).toString()).toContain("ACKNOWLEDGED");
  });

  it("a reading is reported with its time", async () => {
    const sent = letter(north);
    const { remoteId } = await deliver(north, sent);
    const { message } = north.accessPoint.exchange.sent.get(remoteId) ?? {};
    if (message === undefined) throw new Error("not sent");
    const swap = new Map(message.properties)
      .set("originalSender", `${SOUTH.entityId}#amt-7`)
      .set("finalRecipient", `${NORTH.entityId}#buerger-1`);
    north.accessPoint.exchange.take({
      ...message,
      messageId: "gelesen@sued",
      refToMessageId: remoteId,
      from: message.to,
      to: message.from,
      action: "urn:example:mxgw:pfisk:1:lesebestaetigung",
      properties: swap,
      parts: message.parts.map((part) => ({ ...part, bytes: Buffer.from("2026-11-21T11:00:00Z") })),
    });
    await north.poll();
    expect(north.state.reports).toMatchObject([
      { target: { id: sent.id }, kind: "retrieved", at: new Date("2026-11-21T11:00:00Z") },
    ]);
  });
});
