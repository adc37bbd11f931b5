import { once } from "node:events";
import { connect } from "node:tls";
import { describe, expect, it } from "vitest";
import {
  buildMultipart,
  issueToken,
  signerOf,
} from "../../../fixtures/simulators/zbp/legacy-wire.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import { MAILBOX, PDF } from "./bench.ts";
import { LETTER, letters, raw, signedJson, useInlet } from "./inlet-bench.ts";

const bed = useInlet();
const blob = (digest = "") => bed.bench.state.blobs.get(digest.slice("sha256:".length));

describe("a letter through the inlet", () => {
  it("is answered after it was accepted, with everything in it", async () => {
    await bed.open();
    const { status, json } = await bed.bench.legacy.sendLetter(LETTER);
    const [kept] = letters(bed.bench.state);
    expect([status, json]).toEqual([
      200,
      { id: kept?.message.id, receivedAt: kept?.acceptedAt.toISOString() },
    ]);
    expect(kept?.message).toMatchObject({
      from: { address: `authority:${bed.keys.legacy.cn}`, name: LETTER.sender, role: "authority" },
      to: [{ address: MAILBOX, role: "citizen" }],
      subject: LETTER.title,
      text: "Guten Tag,\nbitte reichen Sie Unterlagen nach.",
      attachments: [{ name: "Bescheid über Gebühren.pdf", mediaType: "application/pdf" }],
      level: 3,
      replyPolicy: "possible",
      case: { reference: "AZ 12/34", applicationId: LETTER.applicationId },
      extra: {
        service: "Bauvoranfrage",
        routingInfo: "undurchsichtig-42",
        signer: bed.keys.legacy.cn,
      },
    });
    expect(blob(kept?.message.attachments[0]?.blob.digest)?.equals(PDF)).toBe(true);
    const original = blob(kept?.message.original?.digest)?.toString() ?? "";
    expect(original).toMatch(/^PUT \/v6\/mailbox\/messages HTTP\/1\.1\r\n/);
    expect(original).toContain("authorization: Bearer ");
    expect(original).toContain("%PDF-1.7");
    expect(original.endsWith("--\r\n")).toBe(true);
  });

  it("takes every type and size that is allowed", async () => {
    await bed.open();
    const attachments = [1, 2, 3, 4, 5].map((n) => ({
      filename: `${n}.txt`,
      mediaType: "text/plain",
      bytes: Buffer.alloc(2_000_000, 0x60 + n),
    }));
    expect((await bed.bench.legacy.sendLetter({ ...LETTER, attachments })).status).toBe(200);
    expect(letters(bed.bench.state)[0]?.message.attachments).toHaveLength(5);
  });

  it("calls csv by its registered name inside", async () => {
    await bed.open();
    const attachments = [
      { filename: "a.csv", mediaType: "text/comma-separated-values", bytes: Buffer.from("a;b") },
    ];
    await bed.bench.legacy.sendLetter({ ...LETTER, attachments });
    expect(letters(bed.bench.state)[0]?.message.attachments[0]?.mediaType).toBe("text/csv");
  });

  it("lets the files come before the signed part", async () => {
    await bed.open();
    const { contentType, body } = raw([
      ["files", "a.pdf", PDF],
      ["json", undefined, signedJson(bed.keys, { files: [PDF] })],
    ]);
    expect(
      (await bed.bench.legacy.call("PUT", "/v6/mailbox/messages", body, contentType)).status,
    ).toBe(200);
  });
});

describe("what is not read", () => {
  it("200 MB are refused by their announced length, and a signature that does not hold ends the rest", async () => {
    await bed.open();
    const socket = connect({
      host: "127.0.0.1",
      port: bed.bench.port,
      ca: bed.keys.pki.ca.certPem,
      cert: bed.keys.legacy.certPem,
      key: bed.keys.legacy.keyPem,
    });
    await once(socket, "secureConnect");
    socket.write(
      `PUT /v6/mailbox/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${issueToken(signerOf(bed.keys.legacy), new Date())}\r\n` +
        "Content-Type: multipart/form-data; boundary=grenze\r\nContent-Length: 200000000\r\n\r\n",
    );
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 /);
    socket.on("error", () => undefined);
    socket.destroy();
    const head = raw([
      ["json", undefined, Buffer.from('{"content":"{}","sha512sum":"x"}')],
    ]).body.subarray(0, -12);
    const stream = connect({
      host: "127.0.0.1",
      port: bed.bench.port,
      ca: bed.keys.pki.ca.certPem,
      cert: bed.keys.legacy.certPem,
      key: bed.keys.legacy.keyPem,
    });
    await once(stream, "secureConnect");
    stream.on("error", () => undefined);
    stream.write(
      `PUT /v6/mailbox/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${issueToken(signerOf(bed.keys.legacy), new Date())}\r\n` +
        `Content-Type: multipart/form-data; boundary=grenze\r\nContent-Length: 15000000\r\n\r\n${head.toString()}\r\n--grenze\r\n`,
    );
    const [second] = await once(stream, "data");
    expect(String(second)).toMatch(/^HTTP\/1\.1 403 /);
    stream.destroy();
    expect(letters(bed.bench.state)).toEqual([]);
  });

  it("a sender that goes away in the middle leaves nothing behind", async () => {
    await bed.open();
    const { body } = raw([
      ["json", undefined, signedJson(bed.keys, { files: [PDF] })],
      ["files", "a.pdf", PDF],
    ]);
    const socket = connect({
      host: "127.0.0.1",
      port: bed.bench.port,
      ca: bed.keys.pki.ca.certPem,
      cert: bed.keys.legacy.certPem,
      key: bed.keys.legacy.keyPem,
    });
    await once(socket, "secureConnect");
    socket.write(
      `PUT /v6/mailbox/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${issueToken(signerOf(bed.keys.legacy), new Date())}\r\n` +
        `Content-Type: multipart/form-data; boundary=grenze\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body.subarray(0, -20));
    socket.destroySoon();
    await once(socket, "close");
    expect((await bed.bench.legacy.sendLetter(LETTER)).status).toBe(200);
    expect(letters(bed.bench.state)).toHaveLength(1);
  });
});

it("what the simulator's own multipart writer makes is what we read", async () => {
  await bed.open();
  const { contentType, body } = buildMultipart(signedJson(bed.keys).toString(), []);
  expect(
    (await bed.bench.legacy.call("PUT", "/v6/mailbox/messages", body, contentType)).status,
  ).toBe(200);
});

it("logs no content", async () => {
  const state = new MemoryState();
  await bed.open({ state });
  await bed.bench.legacy.sendLetter({ ...LETTER, title: "KANARIE-TITEL", content: "KANARIE-TEXT" });
  await bed.bench.legacy.sendRaw({ title: "KANARIE-FALSCH" });
  await bed.bench.legacy.sendLetter(LETTER, { wrong: "digestMismatch" });
  expect(JSON.stringify(bed.bench.log)).not.toMatch(/KANARIE|Bescheid|eyJ/);
  expect(bed.bench.log.map(({ event }) => event)).toEqual([
    "inlet-letter",
    "inlet-refused",
    "inlet-refused",
  ]);
});
