import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { deadPort } from "../../support/dead-port.ts";
import type { Fault, ZbpSimulator } from "../../../fixtures/simulators/zbp/index.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import type { Message } from "../../../src/model/message.ts";
import {
  attach,
  letterTo,
  MAILBOX,
  makeBridge,
  makeKeys,
  never,
  OTHER_MAILBOX,
  PDF,
  senderSettings,
  startZbp,
} from "./bench.ts";
import type { Bench, Keys, Raw } from "./bench.ts";

let keys: Keys;
let zbp: ZbpSimulator;
let bench: Bench;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => {
  zbp = await startZbp(keys);
  zbp.createMailbox({ uuid: MAILBOX });
  bench = makeBridge(keys, { sender: senderSettings(keys, zbp.url) });
});
afterEach(async () => {
  await bench.stop();
  await zbp.close();
});

async function use(more: Raw, profile?: string): Promise<void> {
  await bench.stop();
  const own = path.join(keys.folder, "profil.yaml");
  if (profile !== undefined) await writeFile(own, `extends: zbp-v6\n${profile}`);
  bench = makeBridge(
    keys,
    {
      sender: senderSettings(keys, zbp.url, more),
      ...(profile === undefined ? {} : { profile: `file:${own}` }),
    },
    { timeoutMs: 1_000 },
  );
}
const send = (letter: Message, signal = never) => bench.bridge.deliver(letter, letter.id, signal);
async function failure(letter: Message, signal = never): Promise<DeliveryError> {
  const outcome = await send(letter, signal).catch((error: unknown) => error);
  if (outcome instanceof DeliveryError) return outcome;
  throw new Error(`not a DeliveryError: ${JSON.stringify(outcome)}`, { cause: outcome });
}
const arm = (fault: Fault) => zbp.faults.arm({ route: "send", ...fault });

describe("a letter to the mailbox", () => {
  it("arrives with everything, and the answer is kept as evidence", async () => {
    const file = await attach(bench, "Bescheid über Gebühren.pdf", "application/pdf", PDF);
    const table = await attach(bench, "Liste.csv", "text/csv", Buffer.from("a;b\n"));
    const letter = letterTo(MAILBOX, {
      subject: 'Umlaute äöü, „Anführung“, "Quotes", 🏛️ \\',
      text: "Zeile 1 & <kein Tag>\nZeile 2",
      case: { reference: "AZ 12/34", applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee" },
      attachments: [file, table],
    });
    const delivery = await send(letter);
    const [stored] = zbp.letters();
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
    expect(pdf && zbp.attachmentBytes(pdf).equals(PDF)).toBe(true);
    expect(stored?.signer).toBe(keys.gateway.cn);
    expect(delivery.remoteId).toBe(stored?.id);
    expect(delivery.receipt?.kind).toBe("delivered");
    expect(delivery.receipt?.at.toISOString()).toBe(stored?.receivedAt);
    const evidence = bench.state.blobs.get(delivery.receipt?.evidence?.digest.slice(7) ?? "");
    expect(evidence?.toString()).toContain(stored?.id);
  });

  it("carries routing information only where replies are on and allowed", async () => {
    await send(letterTo(MAILBOX));
    await use({ replies: { enabled: true } });
    await send(letterTo(MAILBOX));
    await send(letterTo(MAILBOX, { replyPolicy: "forbidden" }));
    const routing = zbp.letters().map(({ letter }) => letter.routingInfo);
    expect(routing).toEqual([undefined, expect.stringMatching(/^mxgw1\./), undefined]);
  });

  it("goes with a PKCS#12 key, another page and a minimum level", async () => {
    await writeFile(path.join(keys.folder, "pin"), "test");
    await bench.stop();
    const { certificate: _c, key: _k, ...rest } = senderSettings(keys, zbp.url);
    bench = makeBridge(keys, {
      sender: {
        ...rest,
        pkcs12: `file:${keys.gateway.pkcs12File}`,
        pin: "file:pin",
        signer: keys.gateway.cn,
        senderUrl: "https://stadt.example",
        minimumLevel: 4,
      },
    });
    await send(letterTo(MAILBOX));
    expect(zbp.letters()[0]?.letter).toMatchObject({
      senderUrl: "https://stadt.example",
      stork_qaa_level: 4,
    });
  });

  it("renames what the mailbox does not take, and numbers equals", async () => {
    const attachments = [
      await attach(bench, "Foto 12:30.png", "image/png", Buffer.from("89504e470d0a1a0a", "hex")),
      await attach(bench, "Foto 12_30.png", "image/png", Buffer.from("89504e470d0a1a0a01", "hex")),
      await attach(bench, "bild", "image/jpeg", Buffer.from("ffd8ffe0", "hex")),
      await attach(bench, "plan.pdf", "application/octet-stream", PDF),
    ];
    await send(letterTo(MAILBOX, { attachments }));
    expect(zbp.letters()[0]?.attachments.map(({ filename }) => filename)).toEqual([
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
    const error = await failure(
      letterTo(MAILBOX, { attachments: [await attach(bench, name, type, bytes)] }),
    );
    expect([error.fault, error.code]).toEqual(["permanent", "ATTACHMENT_REJECTED"]);
    expect(error.notice).toContain(notice);
    expect(zbp.observations.requests).toEqual([]);
  });

  it("sends five files at their limit", async () => {
    const attachments = await Promise.all(
      [1, 2, 3, 4, 5].map((n) =>
        attach(bench, `${n}.txt`, "text/plain", Buffer.alloc(2_000_000, 0x60 + n)),
      ),
    );
    await send(letterTo(MAILBOX, { attachments, text: "x".repeat(1_000_000) }));
    expect(zbp.letters()[0]?.attachments).toHaveLength(5);
  });

  it("waits when an attachment cannot be read", async () => {
    const file = await attach(bench, "a.pdf", "application/pdf", PDF);
    bench.state.blobs.clear();
    const error = await failure(letterTo(MAILBOX, { attachments: [file] }));
    expect([error.fault, error.code]).toEqual(["transient", "ATTACHMENT_MISSING"]);
  });
});

describe("what ZBP answers", () => {
  it.each([["an unknown mailbox", OTHER_MAILBOX, "RECIPIENT_UNKNOWN"]])(
    "%s",
    async (_what, mailbox, code) =>
      expect(await failure(letterTo(mailbox))).toMatchObject({ fault: "permanent", code }),
  );
  it("a deleted mailbox", async () => {
    zbp.deleteMailbox(MAILBOX);
    expect(await failure(letterTo(MAILBOX))).toMatchObject({
      fault: "permanent",
      code: "RECIPIENT_GONE",
    });
  });
  it.each([
    [400, "permanent", "LETTER_INVALID"],
    [401, "transient", "AUTH_REFUSED"],
    [403, "transient", "AUTH_REFUSED"],
    [404, "permanent", "RECIPIENT_UNKNOWN"],
    [405, "transient", "REMOTE_ANSWER_INVALID"],
    [408, "transient", "REMOTE_UNAVAILABLE"],
    [409, "permanent", "SAME_ID_OTHER_CONTENT"],
    [410, "permanent", "RECIPIENT_GONE"],
    [413, "permanent", "ATTACHMENT_REJECTED"],
    [415, "permanent", "ATTACHMENT_REJECTED"],
    [422, "permanent", "CONTENT_REJECTED"],
    [429, "transient", "REMOTE_UNAVAILABLE"],
    [500, "unknown", "OUTCOME_UNKNOWN"],
    [502, "unknown", "OUTCOME_UNKNOWN"],
    [503, "transient", "REMOTE_UNAVAILABLE"],
    [504, "unknown", "OUTCOME_UNKNOWN"],
    [599, "unknown", "OUTCOME_UNKNOWN"],
  ])("status %i is %s %s", async (status, fault, code) => {
    arm({ kind: "status", status });
    expect(await failure(letterTo(MAILBOX))).toMatchObject({ fault, code });
    expect(zbp.letters()).toHaveLength(0);
  });
  it("asks to wait", async () => {
    arm({ kind: "status", status: 429, retryAfterSeconds: 120 });
    expect((await failure(letterTo(MAILBOX))).retryAfterMs).toBe(120_000);
  });
  it("garbage after 200 is delivered: the status decides", async () => {
    arm({ kind: "garbageAnswer" });
    const letter = letterTo(MAILBOX);
    const delivery = await send(letter);
    expect(delivery).toMatchObject({
      remoteId: `zbp:${letter.id}`,
      receipt: { kind: "delivered" },
    });
    expect(zbp.letters()).toHaveLength(1);
  });
  it("an answer that breaks off after its status line is delivered, and says so", async () => {
    arm({ kind: "truncatedAnswer" });
    const delivery = await send(letterTo(MAILBOX));
    expect(delivery.receipt?.detail).toContain("cut off");
    const evidence = bench.state.blobs.get(delivery.receipt?.evidence?.digest.slice(7) ?? "");
    expect(evidence?.toString()).toContain("broke off");
    expect(zbp.letters()).toHaveLength(1);
  });
  it("an error after it had stored the letter stays unknown", async () => {
    arm({ kind: "acceptThen500" });
    expect(await failure(letterTo(MAILBOX))).toMatchObject({ fault: "unknown" });
    expect(zbp.letters()).toHaveLength(1);
  });
  it.each(["destroy", "hang"] as const)(
    "silence (%s) after it had the letter stays unknown",
    async (socket) => {
      await use({});
      arm({ kind: "timeoutAfterAccept", socket });
      expect(await failure(letterTo(MAILBOX))).toMatchObject({
        fault: "unknown",
        code: "OUTCOME_UNKNOWN",
      });
      expect(zbp.letters()).toHaveLength(1);
    },
  );
  it("a connection cut in the middle stays unknown: nobody knows what was read", async () => {
    arm({ kind: "cutBeforeRead" });
    expect(await failure(letterTo(MAILBOX))).toMatchObject({ fault: "unknown" });
  });
});

describe("when the letter never left", () => {
  it("nobody listens", async () => {
    const port = await deadPort();
    await bench.stop();
    bench = makeBridge(keys, { sender: senderSettings(keys, `https://127.0.0.1:${port}`) });
    expect(await failure(letterTo(MAILBOX))).toMatchObject({
      fault: "transient",
      code: "REMOTE_UNAVAILABLE",
    });
  });
  it("the server is not the one we trust", async () => {
    await bench.stop();
    const { ca: _, ...untrusting } = senderSettings(keys, zbp.url);
    bench = makeBridge(keys, { sender: untrusting });
    expect(await failure(letterTo(MAILBOX))).toMatchObject({ fault: "transient" });
  });
  it("our certificate is refused in the handshake", async () => {
    await bench.stop();
    const foreign = await keys.pki.issueExpired({ cn: "Abgelaufen" });
    await writeFile(path.join(keys.folder, "alt.crt"), foreign.certPem);
    await writeFile(path.join(keys.folder, "alt.key"), foreign.keyPem);
    bench = makeBridge(keys, {
      sender: senderSettings(keys, zbp.url, { certificate: "file:alt.crt", key: "file:alt.key" }),
    });
    expect(await failure(letterTo(MAILBOX))).toMatchObject({ fault: "transient" });
    expect(zbp.letters()).toHaveLength(0);
  });
  it("the address is not on the list", async () => {
    await bench.stop();
    bench = makeBridge(keys, { sender: senderSettings(keys, zbp.url) }, { allow: [] });
    expect(await failure(letterTo(MAILBOX))).toMatchObject({
      fault: "transient",
      code: "EGRESS_REFUSED",
    });
  });
  it("the gateway stops first", async () => {
    expect(await failure(letterTo(MAILBOX), AbortSignal.abort())).toMatchObject({
      fault: "transient",
    });
    expect(zbp.letters()).toHaveLength(0);
  });
});

describe("find", () => {
  const ask = (letter: Message) => bench.bridge.find?.(letter, letter.id, never);
  it("cannot tell without such a call", async () => {
    arm({ kind: "acceptThen500" });
    const letter = letterTo(MAILBOX);
    await failure(letter);
    expect(await ask(letter)).toBeUndefined();
  });
  it("finds what arrived, and what did not", async () => {
    await use({}, "find: { enabled: true }");
    const letter = letterTo(MAILBOX);
    expect(await ask(letter)).toBe("absent");
    arm({ kind: "timeoutAfterAccept", socket: "destroy" });
    await failure(letter);
    expect(await ask(letter)).toEqual({ remoteId: zbp.letters()[0]?.id });
  });
  it("does not take a sibling of the same case for the letter", async () => {
    await use({}, "find: { enabled: true }");
    const reference = "AZ 12/34";
    await send(letterTo(MAILBOX, { case: { reference } }));
    expect(await ask(letterTo(MAILBOX, { case: { reference } }))).toBeUndefined();
    expect(await ask(letterTo(MAILBOX, { case: { reference: "AZ 99" } }))).toBe("absent");
  });
  it("says so when the mailbox cannot be asked", async () => {
    await use({}, "find: { enabled: true }");
    zbp.faults.arm({ route: "find", kind: "status", status: 503 });
    await expect(ask(letterTo(MAILBOX))).rejects.toMatchObject({ fault: "transient" });
    zbp.faults.arm({ route: "find", kind: "garbageAnswer" });
    await expect(ask(letterTo(MAILBOX))).rejects.toMatchObject({ fault: "transient" });
  });
});

describe("application states", () => {
  const stateMessage = (more: Record<string, string> = {}): Message =>
    letterTo(MAILBOX, {
      case: { applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", reference: "AZ 1" },
      extra: { kind: "application-state", status: "PROCESSING", statusDetails: "läuft", ...more },
    });
  it("reach the status monitor", async () => {
    await send(stateMessage());
    expect(zbp.state.states[0]?.state).toEqual({
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
    expect(await failure(stateMessage({ status: "FERTIG" }))).toMatchObject({
      fault: "permanent",
      code: "LETTER_INVALID",
    }));
});

describe("look-up, ping and check", () => {
  it("takes a mailbox id as it is, and nothing else", async () => {
    expect(await bench.bridge.resolve?.(` ${MAILBOX.toUpperCase()} `, never)).toEqual([
      { address: MAILBOX, role: "citizen" },
    ]);
    expect(await bench.bridge.resolve?.("Erika Mustermann", never)).toEqual([]);
  });
  it("asks whether it exists where the profile has such a call", async () => {
    await use({}, "probe: { enabled: true }");
    expect(await bench.bridge.resolve?.(MAILBOX, never)).toHaveLength(1);
    expect(await bench.bridge.resolve?.(OTHER_MAILBOX, never)).toEqual([]);
    zbp.faults.arm({ route: "probe", kind: "status", status: 503 });
    expect(await bench.bridge.resolve?.(OTHER_MAILBOX, never)).toHaveLength(1);
  });
  it("pings without leaving a trace", async () => {
    const health = await bench.bridge.ping(never);
    expect(health).toMatchObject({ ok: true, certificates: [{ subject: keys.gateway.cn }] });
    expect(zbp.letters()).toHaveLength(0);
    await zbp.stop();
    expect((await bench.bridge.ping(never)).ok).toBe(false);
  });
});
