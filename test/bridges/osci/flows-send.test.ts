/** Letters from Matrix to a court: one message id, one letter, whatever happens to the answers. */
import { X509Certificate, createPrivateKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { openContent } from "../../../fixtures/simulators/osci-intermediary/content.ts";
import { readMessage } from "../../../fixtures/simulators/osci-intermediary/envelope.ts";
import type { Mischief } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { failureOf } from "../../support/bridge-letters.ts";
import { attach, clientOf, COURT_ID, letterTo, never, PDF } from "./flows-bench.ts";
import { bench, hub, keys, reopen, useSite } from "./flows-site.ts";

useSite({ starts: false });

const deliver = (letter: ReturnType<typeof letterTo>) =>
  bench.bridge.deliver(letter, letter.id, never);
const arm = (mischief: Mischief, more = {}) => hub.faults.next("StoreDelivery", mischief, more);
/** The court's mailbox, opened with its key. */
async function opened(index = 0) {
  const [delivery] = hub.deliveries(keys.court.cipher.certPem).slice(index);
  if (delivery === undefined) throw new Error("nothing was stored");
  const message = await readMessage(hub.fileOf(delivery));
  const reader = {
    certificate: new X509Certificate(keys.court.cipher.certPem),
    key: createPrivateKey(keys.court.cipher.keyPem),
  };
  return { delivery, content: await openContent(message, reader) };
}

describe("a letter", () => {
  it("lies in the mailbox of the court as it was written, signed and encrypted", async () => {
    const file = await attach(bench, "Klageerwiderung Müller.pdf", "application/pdf", PDF);
    const letter = bench.state.add(letterTo(COURT_ID, { attachments: [file] }), "pending");
    const { remoteId, receipt } = await deliver(letter);
    const { delivery, content } = await opened();
    expect([delivery.messageId, receipt?.kind]).toEqual([remoteId, "delivered"]);
    expect(receipt?.at.toISOString()).toBe(delivery.creation);
    expect(delivery.signer?.subject).toContain("VHN - Justiz");
    expect(delivery.subject).toBe("Allgemeine Nachricht");
    expect(hub.observations.refusals).toEqual([]);
    expect([content.closed, content.containers.every(({ encrypted }) => encrypted)]).toEqual([
      0,
      true,
    ]);
    const project = content.containers.find(({ id }) => id === "project_coco");
    const text = project?.documents.find(({ id }) => id === "nachricht.xml")?.bytes.toString();
    expect(text).toContain("In der Sache nehmen wir Stellung.");
    const pdf = project?.files.find(({ cid }) => cid.endsWith(".pdf"));
    expect([pdf?.encrypted, (await pdf?.bytes())?.equals(PDF)]).toEqual([true, true]);
  });

  it("has its answer kept as evidence, untouched", async () => {
    const { receipt } = await deliver(letterTo());
    const bytes = bench.state.blobs.get(receipt?.evidence?.digest.slice(7) ?? "");
    expect(bytes?.toString("latin1")).toContain("soapMessageEncrypted.xsd");
    expect(receipt?.detail).toMatch(/inspections: ok\/valid/);
  });

  it("may also be signed itself", async () => {
    await reopen({ policy: { signContent: true } });
    const file = await attach(bench, "a.pdf", "application/pdf", PDF);
    await deliver(letterTo(COURT_ID, { attachments: [file] }));
    const { content } = await opened();
    expect(content.containers.map(({ signed }) => signed)).toEqual([true, true]);
  });

  it("goes to nobody who is not in the address book", async () => {
    const letter = letterTo("DE.Justiz.00000000-0000-4000-8000-000000000000.0000");
    const error = await failureOf(deliver(letter));
    expect([error.fault, error.code]).toEqual(["permanent", "RECIPIENT_UNKNOWN"]);
    expect((await bench.bridge.review(letter))?.code).toBe("RECIPIENT_UNKNOWN");
    expect(await bench.bridge.review(letterTo())).toBeUndefined();
    expect(hub.observations.count).toBe(0);
  });

  it("is refused beforehand with a type of file that EGVP does not take", async () => {
    const file = await attach(bench, "programm.exe", "application/octet-stream", Buffer.from("MZ"));
    const refusal = await bench.bridge.review(letterTo(COURT_ID, { attachments: [file] }));
    expect(refusal?.code).toBe("ATTACHMENT_REJECTED");
    expect(refusal?.notice).toContain("programm.exe");
    const error = await failureOf(deliver(letterTo(COURT_ID, { attachments: [file] })));
    expect([error.fault, error.code]).toEqual(["permanent", "ATTACHMENT_REJECTED"]);
    expect([error.notice, hub.observations.count]).toEqual([refusal?.notice, 0]);
  });
});

describe("an answer that is lost", () => {
  it.each<[string, Mischief]>([
    ["cut off", { kind: "acceptThenCut" }],
    ["an empty HTTP 500", { kind: "acceptThen500" }],
    ["truncated", { kind: "truncated" }],
    ["without signature", { kind: "strippedSignature" }],
    ["with a wrong signature", { kind: "wrongSignature" }],
    ["signed by somebody else", { kind: "otherSigner" }],
    ["in the clear", { kind: "plainAnswer" }],
    ["to another request", { kind: "wrongResponse" }],
    ["with the card of another letter", { kind: "wrongCardId" }],
    ["under a cipher that is not allowed", { kind: "encryption", cipher: "aes256-cbc" }],
  ])("leaves the outcome open (%s), and the process card settles it", async (_name, mischief) => {
    arm(mischief);
    const letter = letterTo();
    expect((await failureOf(deliver(letter))).fault).toBe("unknown");
    const found = await bench.bridge.find(letter, letter.id, never);
    const [stored, ...others] = hub.deliveries();
    expect(others).toEqual([]);
    expect(found).toMatchObject({ remoteId: stored?.messageId, receipt: { kind: "delivered" } });
  });

  it("does not make a second letter when it is simply sent again (9801)", async () => {
    arm({ kind: "acceptThenCut" });
    const letter = letterTo();
    await failureOf(deliver(letter));
    const { remoteId } = await deliver(letter);
    expect(hub.deliveries().map(({ messageId }) => messageId)).toEqual([remoteId]);
    expect(hub.observations.ofType("GetMessageId")).toHaveLength(1);
    expect(hub.observations.ofType("StoreDelivery").at(-1)?.codes).toContain("9801");
  });

  it("does not make a second letter after a crash of the gateway either", async () => {
    arm({ kind: "acceptThenCut" });
    const letter = letterTo();
    await failureOf(deliver(letter));
    await reopen();
    expect(await bench.bridge.find(letter, letter.id, never)).toMatchObject({
      remoteId: hub.deliveries()[0]?.messageId,
    });
    await deliver(letter);
    expect(hub.deliveries()).toHaveLength(1);
  });

  it("is absent when it never arrived, and the next attempt carries the same id", async () => {
    arm({ kind: "cutBefore" });
    const letter = letterTo();
    expect((await failureOf(deliver(letter))).fault).toBe("unknown");
    expect(await bench.bridge.find(letter, letter.id, never)).toBe("absent");
    const { remoteId } = await deliver(letter);
    const ids = hub.observations.ofType("StoreDelivery").map(({ messageId }) => messageId);
    expect(new Set(ids.filter((id) => id !== undefined))).toEqual(new Set([remoteId]));
    expect(hub.observations.ofType("GetMessageId")).toHaveLength(1);
  });

  it("waits longer and longer when it is cut again and again", async () => {
    arm({ kind: "cutBefore" }, { times: 2 });
    const letter = letterTo();
    await failureOf(deliver(letter));
    await failureOf(deliver(letter));
    const error = await failureOf(deliver(letter));
    expect([error.fault, hub.observations.ofType("GetMessageId").length]).toEqual(["transient", 1]);
    expect(error.retryAfterMs).toBeGreaterThan(0);
    expect(hub.deliveries()).toEqual([]);
  });
});

describe("a refusal", () => {
  it.each<[string, string, string]>([
    ["9706", "permanent", "CERTIFICATE_INVALID"],
    ["9904", "permanent", "ATTACHMENT_REJECTED"],
    ["9601", "transient", "AUTH_REFUSED"],
    ["9811", "transient", "REMOTE_UNAVAILABLE"],
    ["9810", "unknown", "OUTCOME_UNKNOWN"],
    ["9999", "transient", "REMOTE_UNAVAILABLE"],
  ])("by signed feedback %s is %s", async (code, fault, name) => {
    arm({ kind: "feedback", codes: [code] });
    const error = await failureOf(deliver(letterTo()));
    expect([error.fault, error.code, hub.deliveries().length]).toEqual([fault, name, 0]);
  });

  it.each(["9000", "9100", "9300", "9400"])(
    "by a fault (%s), which nobody signs, is never permanent",
    async (code) => {
      arm({ kind: "soapFault", code });
      const letter = letterTo();
      const error = await failureOf(deliver(letter));
      expect([error.fault, error.message]).toEqual([
        "transient",
        expect.stringContaining(code) as string,
      ]);
      await deliver(letter);
      expect(hub.deliveries()).toHaveLength(1);
    },
  );

  it("with remarks only is none", async () => {
    arm({ kind: "feedback", codes: ["3705", "3707"] });
    expect((await deliver(letterTo())).receipt?.kind).toBe("delivered");
  });

  it("of the message id changes nothing: nothing was stored", async () => {
    hub.faults.next("GetMessageId", { kind: "status", status: 503 });
    const letter = letterTo();
    const error = await failureOf(deliver(letter));
    expect([error.fault, hub.deliveries().length]).toEqual(["transient", 0]);
    expect(await bench.bridge.find(letter, letter.id, never)).toBe("absent");
    await deliver(letter);
  });

  it("of an id that the intermediary forgot leads to a new id, once", async () => {
    const letter = letterTo();
    hub.faults.next("StoreDelivery", { kind: "feedback", codes: ["9801"] });
    const { remoteId } = await deliver(letter);
    expect(hub.deliveries().map(({ messageId }) => messageId)).toEqual([remoteId]);
    expect(hub.observations.ofType("GetMessageId")).toHaveLength(2);
  });

  it("of a used id without a card keeps the id while an earlier attempt may still be on its way", async () => {
    const letter = letterTo();
    arm({ kind: "cutBefore" });
    await failureOf(deliver(letter));
    arm({ kind: "feedback", codes: ["9801"] });
    const error = await failureOf(deliver(letter));
    expect([error.fault, hub.observations.ofType("GetMessageId").length]).toEqual(["transient", 1]);
    const { remoteId } = await deliver(letter);
    expect(hub.deliveries().map(({ messageId }) => messageId)).toEqual([remoteId]);
  });

  it("of our key store is told before anything leaves", async () => {
    const letter = letterTo(COURT_ID, {
      attachments: [
        {
          name: "weg.pdf",
          mediaType: "application/pdf",
          blob: { digest: `sha256:${"0".repeat(64)}`, size: 3 },
        },
      ],
    });
    const error = await failureOf(deliver(letter));
    expect([error.fault, hub.observations.ofType("StoreDelivery").length]).toEqual([
      "transient",
      0,
    ]);
  });
});

describe("the process card", () => {
  it("tells once that the court collected a letter, with evidence", async () => {
    await bench.bridge.start();
    const letter = bench.state.add(letterTo());
    const { remoteId } = await deliver(letter);
    await bench.tick();
    expect(bench.state.reports).toEqual([]);
    const court = clientOf(hub, keys.court);
    await court.initDialog();
    await court.fetchDelivery();
    await bench.tick();
    expect(bench.state.reports).toEqual([]);
    await court.exitDialog();
    court.close();
    await bench.tick();
    await bench.tick();
    const reception = hub.card(remoteId)?.reception;
    expect(bench.state.reports).toEqual([
      expect.objectContaining({
        target: { id: letter.id },
        kind: "retrieved",
        at: new Date(reception ?? ""),
      }),
    ]);
    const digest = bench.state.reports[0]?.evidence?.digest.slice(7) ?? "";
    expect(bench.state.blobs.get(digest)?.length).toBeGreaterThan(1000);
    expect([...bench.state.records.keys()].filter((key) => key.startsWith("open:"))).toEqual([]);
  });

  it("is asked for many letters in one request", async () => {
    await bench.bridge.start();
    for (let count = 0; count < 3; count += 1) await deliver(bench.state.add(letterTo()));
    await bench.tick();
    expect(hub.observations.ofType("FetchProcessCard")).toHaveLength(1);
    expect(hub.observations.refusals).toEqual([]);
  });

  it("does not stop the others when the intermediary is away", async () => {
    await bench.bridge.start();
    await deliver(bench.state.add(letterTo()));
    hub.faults.next("FetchProcessCard", { kind: "soapFault", code: "9000" });
    await bench.tick();
    expect(bench.log.map(({ event }) => event)).toContain("osci-cards-not-fetched");
  });
});
