import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { Message } from "../../../src/model/message.ts";
import { attach, letterTo, MAILBOX, never, OTHER_MAILBOX, PDF, senderSettings } from "./bench.ts";
import { useZbp } from "./zbp-bench.ts";

const bed = useZbp();

describe("a letter to the mailbox", () => {
  it("arrives with everything, and the answer is kept as evidence", async () => {
    const file = await attach(bed.bench, "Bescheid über Gebühren.pdf", "application/pdf", PDF);
    const table = await attach(bed.bench, "Liste.csv", "text/csv", Buffer.from("a;b\n"));
    const letter = letterTo(MAILBOX, {
      subject: 'Umlaute äöü, „Anführung“, "Quotes", 🏛️ \\',
      text: "Zeile 1 & <kein Tag>\nZeile 2",
      case: { reference: "AZ 12/34", applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee" },
      attachments: [file, table],
    });
    const delivery = await bed.send(letter);
    const [stored] = bed.zbp.letters();
    expect(stored?.letter).toEqual({
      mailboxUuid: MAILBOX,
      stork_qaa_level: 3,
      sender: "Stadt Beispielhausen, Bauamt",
      title: letter.subject,
      content: "Zeile 1 &amp; &lt;kein Tag&gt;<br>Zeile 2",
      service: "Bauvoranfrage",
      reference: "AZ 12/34",
      applicationId: letter.case?.applicationId,
      attachments: [
        expect.objectContaining({
          filename: "Bescheid über Gebühren.pdf",
          contentLength: PDF.length,
        }),
        expect.objectContaining({ filename: "Liste.csv", contentLength: 4 }),
      ],
    });
    expect(stored?.attachments.map(({ mediaType }) => mediaType)).toEqual([
      "application/pdf",
      "text/comma-separated-values",
    ]);
    const [pdf] = stored?.attachments ?? [];
    expect(pdf && bed.zbp.attachmentBytes(pdf).equals(PDF)).toBe(true);
    expect(stored?.signer).toBe(bed.keys.gateway.cn);
    expect(delivery.remoteId).toBe(stored?.id);
    expect(delivery.receipt?.kind).toBe("delivered");
    expect(delivery.receipt?.at.toISOString()).toBe(stored?.receivedAt);
    const evidence = bed.bench.state.blobs.get(delivery.receipt?.evidence?.digest.slice(7) ?? "");
    expect(evidence?.toString()).toContain(stored?.id);
  });

  it("carries routing information only where replies are on and allowed", async () => {
    await bed.send(letterTo(MAILBOX));
    await bed.use({ replies: { enabled: true } });
    await bed.send(letterTo(MAILBOX));
    await bed.send(letterTo(MAILBOX, { replyPolicy: "forbidden" }));
    const routing = bed.zbp.letters().map(({ letter }) => letter.routingInfo);
    expect(routing).toEqual([undefined, expect.stringMatching(/^mxgw1\./), undefined]);
  });

  it("goes with a PKCS#12 key, another page and a minimum level", async () => {
    await writeFile(path.join(bed.keys.folder, "pin"), "test");
    const { certificate: _c, key: _k, ...rest } = senderSettings(bed.keys, bed.zbp.url);
    await bed.replace({
      sender: {
        ...rest,
        pkcs12: `file:${bed.keys.gateway.pkcs12File}`,
        pin: "file:pin",
        signer: bed.keys.gateway.cn,
        senderUrl: "https://stadt.example",
        minimumLevel: 4,
      },
    });
    await bed.send(letterTo(MAILBOX));
    expect(bed.zbp.letters()[0]?.letter).toMatchObject({
      senderUrl: "https://stadt.example",
      stork_qaa_level: 4,
    });
  });

  it("renames what the mailbox does not take, and numbers equals", async () => {
    const attachments = [
      await attach(
        bed.bench,
        "Foto 12:30.png",
        "image/png",
        Buffer.from("89504e470d0a1a0a", "hex"),
      ),
      await attach(
        bed.bench,
        "Foto 12_30.png",
        "image/png",
        Buffer.from("89504e470d0a1a0a01", "hex"),
      ),
      await attach(bed.bench, "bild", "image/jpeg", Buffer.from("ffd8ffe0", "hex")),
      await attach(bed.bench, "plan.pdf", "application/octet-stream", PDF),
    ];
    await bed.send(letterTo(MAILBOX, { attachments }));
    expect(bed.zbp.letters()[0]?.attachments.map(({ filename }) => filename)).toEqual([
      "Foto 12_30.png",
      "Foto 12_30 (2).png",
      "bild.jpg",
      "plan.pdf",
    ]);
  });

  it.each([
    [
      "a type that is not on the list",
      "a.zip",
      "application/zip",
      Buffer.from("504b0304", "hex"),
      "„a.zip“",
    ],
    ["an ending that does not fit", "a.exe", "application/pdf", PDF, "Endung"],
    ["content that does not fit", "a.pdf", "application/pdf", Buffer.from("MZ\0\0"), "Inhalt"],
    ["a file too large", "a.txt", "text/plain", Buffer.alloc(2_000_001, 0x61), "zu groß"],
  ])("refuses %s before anything is sent", async (_what, name, type, bytes, notice) => {
    const error = await bed.failure(
      letterTo(MAILBOX, { attachments: [await attach(bed.bench, name, type, bytes)] }),
    );
    expect([error.fault, error.code]).toEqual(["permanent", "ATTACHMENT_REJECTED"]);
    expect(error.notice).toContain(notice);
    expect(bed.zbp.observations.requests).toEqual([]);
  });

  it("sends five files at their limit", async () => {
    const attachments = await Promise.all(
      [1, 2, 3, 4, 5].map((n) =>
        attach(bed.bench, `${n}.txt`, "text/plain", Buffer.alloc(2_000_000, 0x60 + n)),
      ),
    );
    await bed.send(letterTo(MAILBOX, { attachments, text: "x".repeat(1_000_000) }));
    expect(bed.zbp.letters()[0]?.attachments).toHaveLength(5);
  });

  it("waits when an attachment cannot be read", async () => {
    const file = await attach(bed.bench, "a.pdf", "application/pdf", PDF);
    bed.bench.state.blobs.clear();
    const error = await bed.failure(letterTo(MAILBOX, { attachments: [file] }));
    expect([error.fault, error.code]).toEqual(["transient", "ATTACHMENT_MISSING"]);
  });
});

describe("application states", () => {
  const stateMessage = (more: Record<string, string> = {}): Message =>
    letterTo(MAILBOX, {
      case: { applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", reference: "AZ 1" },
      extra: { kind: "application-state", status: "PROCESSING", statusDetails: "läuft", ...more },
    });
  it("reach the status monitor", async () => {
    await bed.send(stateMessage());
    expect(bed.zbp.state.states[0]?.state).toEqual({
      applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
      status: "PROCESSING",
      publicServiceName: { de: "Bauvoranfrage" },
      senderName: "Stadt Beispielhausen, Bauamt",
      statusDetails: { de: "läuft" },
      reference: "AZ 1",
      createdDate: "2026-11-20T09:00:00.000Z",
    });
  });
  it("are refused when the interface does not know them", async () =>
    expect(await bed.failure(stateMessage({ status: "FERTIG" }))).toMatchObject({
      fault: "permanent",
      code: "LETTER_INVALID",
    }));
});

describe("look-up, ping and check", () => {
  it("takes a mailbox id as it is, and nothing else", async () => {
    expect(await bed.bench.bridge.resolve?.(` ${MAILBOX.toUpperCase()} `, never)).toEqual([
      { address: MAILBOX, role: "citizen" },
    ]);
    expect(await bed.bench.bridge.resolve?.("Erika Mustermann", never)).toEqual([]);
  });
  it("asks whether it exists where the profile has such a call", async () => {
    await bed.use({}, "probe: { enabled: true }");
    expect(await bed.bench.bridge.resolve?.(MAILBOX, never)).toHaveLength(1);
    expect(await bed.bench.bridge.resolve?.(OTHER_MAILBOX, never)).toEqual([]);
    bed.zbp.faults.arm({ route: "probe", kind: "status", status: 503 });
    expect(await bed.bench.bridge.resolve?.(OTHER_MAILBOX, never)).toHaveLength(1);
  });
  it("pings without leaving a trace", async () => {
    const health = await bed.bench.bridge.ping(never);
    expect(health).toMatchObject({ ok: true, certificates: [{ subject: bed.keys.gateway.cn }] });
    expect(bed.zbp.letters()).toHaveLength(0);
    await bed.zbp.stop();
    expect((await bed.bench.bridge.ping(never)).ok).toBe(false);
  });
});
