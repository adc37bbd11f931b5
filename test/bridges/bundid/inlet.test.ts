import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  buildMultipart,
  issueToken,
  signContent,
  signerOf,
} from "../../../fixtures/simulators/zbp/legacy-wire.ts";
import { openConnection } from "../../../fixtures/simulators/zbp/legacy-connection.ts";
import type { Wrong } from "../../../fixtures/simulators/zbp/client.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import { MAILBOX, makeKeys, OTHER_MAILBOX, PDF } from "./bench.ts";
import type { Keys } from "./bench.ts";
import { LETTER, letters, openInletBench } from "./inlet-bench.ts";
import type { InletBench, InletWish } from "./inlet-bench.ts";

let keys: Keys;
let bench: InletBench;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
afterEach(() => bench.close());
async function open(wish: InletWish = {}): Promise<InletBench> {
  bench = await openInletBench(keys, wish);
  bench.state.links.add(MAILBOX);
  return bench;
}
const blob = (digest = "") => bench.state.blobs.get(digest.slice("sha256:".length));

describe("a letter through the inlet", () => {
  it("is answered after it was accepted, with everything in it", async () => {
    await open();
    const { status, json } = await bench.legacy.sendLetter(LETTER);
    const [kept] = letters(bench.state);
    expect([status, json]).toEqual([
      200,
      { id: kept?.message.id, receivedAt: kept?.acceptedAt.toISOString() },
    ]);
    expect(kept?.message).toMatchObject({
      from: { address: `authority:${keys.legacy.cn}`, name: LETTER.sender, role: "authority" },
      to: [{ address: MAILBOX, role: "citizen" }],
      subject: LETTER.title,
      text: "Guten Tag,\nbitte reichen Sie Unterlagen nach.",
      attachments: [{ name: "Bescheid über Gebühren.pdf", mediaType: "application/pdf" }],
      level: 3,
      replyPolicy: "possible",
      case: { reference: "AZ 12/34", applicationId: LETTER.applicationId },
      extra: { service: "Bauvoranfrage", routingInfo: "undurchsichtig-42", signer: keys.legacy.cn },
    });
    expect(blob(kept?.message.attachments[0]?.blob.digest)?.equals(PDF)).toBe(true);
    const original = blob(kept?.message.original?.digest)?.toString() ?? "";
    expect(original).toMatch(/^PUT \/v6\/mailbox\/messages HTTP\/1\.1\r\n/);
    expect(original).toContain("authorization: Bearer ");
    expect(original).toContain("%PDF-1.7");
    expect(original.endsWith("--\r\n")).toBe(true);
  });

  it("takes every type and size that is allowed", async () => {
    await open();
    const attachments = [1, 2, 3, 4, 5].map((n) => ({
      filename: `${n}.txt`,
      mediaType: "text/plain",
      bytes: Buffer.alloc(2_000_000, 0x60 + n),
    }));
    expect((await bench.legacy.sendLetter({ ...LETTER, attachments })).status).toBe(200);
    expect(letters(bench.state)[0]?.message.attachments).toHaveLength(5);
  });

  it("calls csv by its registered name inside", async () => {
    await open();
    const attachments = [
      { filename: "a.csv", mediaType: "text/comma-separated-values", bytes: Buffer.from("a;b") },
    ];
    await bench.legacy.sendLetter({ ...LETTER, attachments });
    expect(letters(bench.state)[0]?.message.attachments[0]?.mediaType).toBe("text/csv");
  });

  it("lets the files come before the signed part", async () => {
    await open();
    const { contentType, body } = raw([
      ["files", "a.pdf", PDF],
      ["json", undefined, signedJson({ files: [PDF] })],
    ]);
    expect((await bench.legacy.call("PUT", "/v6/mailbox/messages", body, contentType)).status).toBe(
      200,
    );
  });
});

const key = () => signerOf(keys.legacy);
function signedJson(more: { files?: Buffer[]; content?: Record<string, unknown> } = {}): Buffer {
  const attachments = (more.files ?? []).map((bytes) => ({
    filename: "a.pdf",
    sha512sum: createHash("sha512").update(bytes).digest("hex"),
    contentLength: bytes.length,
  }));
  const { level, attachments: _, ...rest } = LETTER;
  const content = JSON.stringify({ ...rest, stork_qaa_level: level, attachments, ...more.content });
  return Buffer.from(signContent(content, key()));
}
function raw(parts: readonly [string, string | undefined, Buffer][]): {
  contentType: string;
  body: Buffer;
} {
  const chunks = parts.flatMap(([name, fileName, bytes]) => [
    Buffer.from(`--grenze\r\nContent-Disposition: form-data; name="${name}"`),
    Buffer.from(
      fileName === undefined
        ? "\r\n\r\n"
        : `; filename="${fileName}"\r\nContent-Type: application/pdf\r\n\r\n`,
    ),
    bytes,
    Buffer.from("\r\n"),
  ]);
  return {
    contentType: "multipart/form-data; boundary=grenze",
    body: Buffer.concat([...chunks, Buffer.from("--grenze--\r\n")]),
  };
}

describe("refusals", () => {
  it.each([
    ["noClientCert", 401, "CLIENT_CERTIFICATE_MISSING"],
    ["expiredToken", 401, "TOKEN_EXPIRED"],
    ["wrongCn", 401, "TOKEN_CLAIM"],
    ["badSignature", 403, "SIGNATURE"],
    ["digestMismatch", 400, "ATTACHMENT_DIGEST"],
    ["missingFile", 400, "ATTACHMENT_MISSING"],
    ["extraFile", 400, "ATTACHMENT_UNDECLARED"],
    ["oversize", 413, "TOO_LARGE"],
  ] as [Wrong, number, string][])("%s: %i %s", async (wrong, status, code) => {
    await open();
    const reaction = await bench.legacy.sendLetter(LETTER, { wrong });
    expect([reaction.status, (reaction.json as { code: string }).code]).toEqual([status, code]);
    expect(reaction.json).toMatchObject({ message: expect.any(String), retryable: false });
    expect(letters(bench.state)).toEqual([]);
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(200);
  });

  it.each([
    ["a certificate that nobody entered", () => keys.stranger],
    ["our own", () => keys.gateway],
  ])("%s", async (_what, identity) => {
    await open();
    expect(await bench.as(identity()).sendLetter(LETTER)).toMatchObject({
      status: 403,
      json: { code: "CLIENT_CERTIFICATE_UNKNOWN" },
    });
  });

  it("an expired certificate", async () => {
    const expired = await keys.pki.issueExpired({ cn: "Altes Amt" });
    await writeFile(`${keys.folder}/alt.pem`, expired.certPem);
    await open({ sender: { certificate: "file:alt.pem" } });
    expect(await bench.as({ ...keys.legacy, ...expired }).sendLetter(LETTER)).toMatchObject({
      status: 403,
      json: { code: "CLIENT_CERTIFICATE_INVALID" },
    });
  });

  it("another sender's token on a good connection", async () => {
    await open();
    const other = issueToken(signerOf(keys.second), new Date());
    const { openConnection } =
      await import("../../../fixtures/simulators/zbp/legacy-connection.ts");
    const connection = openConnection({
      baseUrl: bench.url,
      caPem: keys.pki.ca.certPem,
      identity: keys.legacy,
    });
    const reaction = await connection.call({
      method: "GET",
      path: "/v6/mailbox/replies",
      headers: { Authorization: `Bearer ${other}` },
    });
    expect(reaction).toMatchObject({ status: 401, json: { code: "TOKEN_SIGNATURE" } });
    connection.close();
  });

  it.each([
    ["an unknown field", { geheim: 1 }, 400, "geheim"],
    ["a title too long", { title: "x".repeat(1025) }, 400, "title"],
    ["a level that is none", { stork_qaa_level: 9 }, 400, "stork_qaa_level"],
    ["a text too long", { content: "x".repeat(1_000_001) }, 413, "content"],
    ["a script", { content: "<script>" }, 422, "content"],
    ["an http link", { content: '<a href="http://a.example">a</a>' }, 422, "content"],
    [
      "six files",
      {
        attachments: Array.from({ length: 6 }, (_, n) => ({
          filename: `${n}.pdf`,
          sha512sum: "0".repeat(128),
          contentLength: 1,
        })),
      },
      413,
      "attachments",
    ],
    [
      "a path as a file name",
      { attachments: [{ filename: "../a.pdf", sha512sum: "0".repeat(128), contentLength: 1 }] },
      400,
      "attachments[0].filename",
    ],
  ])("%s", async (_what, members, status, field) => {
    await open();
    const { level, attachments: _, ...rest } = LETTER;
    const reaction = await bench.legacy.sendRaw({ ...rest, stork_qaa_level: level, ...members });
    expect(reaction).toMatchObject({ status, json: { field, retryable: false } });
  });

  it.each([
    [
      "a type that is not on the list",
      "a.zip",
      "application/zip",
      Buffer.from("504b0304", "hex"),
      415,
    ],
    ["an ending that does not fit", "a.txt", "application/pdf", PDF, 415],
    ["content that does not fit", "a.pdf", "application/pdf", Buffer.from("MZ"), 415],
  ])("%s", async (_what, filename, mediaType, bytes, status) => {
    await open();
    const reaction = await bench.legacy.sendLetter({
      ...LETTER,
      attachments: [{ filename, mediaType, bytes }],
    });
    expect(reaction).toMatchObject({ status, json: { code: "MEDIA_TYPE" } });
  });

  it.each([
    ["nothing", undefined, Buffer.from("{}"), 400],
    ["JSON instead of multipart", "application/json", Buffer.from("{}"), 400],
    [
      "no signed part",
      raw([["files", "a.pdf", PDF]]).contentType,
      raw([["files", "a.pdf", PDF]]).body,
      400,
    ],
    [
      "an unknown part",
      "multipart/form-data; boundary=grenze",
      raw([["mehr", undefined, PDF]]).body,
      400,
    ],
    [
      "a cut body",
      "multipart/form-data; boundary=grenze",
      raw([["json", undefined, Buffer.from("{}")]]).body.subarray(0, -6),
      400,
    ],
    [
      "a signed part that is not JSON",
      "multipart/form-data; boundary=grenze",
      raw([["json", undefined, Buffer.from("{")]]).body,
      400,
    ],
    [
      "a member too many",
      "multipart/form-data; boundary=grenze",
      raw([["json", undefined, Buffer.from('{"content":"a","sha512sum":"b","x":1}')]]).body,
      400,
    ],
    [
      "a member missing",
      "multipart/form-data; boundary=grenze",
      raw([["json", undefined, Buffer.from('{"content":"a"}')]]).body,
      400,
    ],
  ])("%s", async (_what, type, body, status) => {
    await open();
    expect((await bench.legacy.call("PUT", "/v6/mailbox/messages", body, type)).status).toBe(
      status,
    );
  });

  it("the same file twice", async () => {
    await open();
    const { contentType, body } = raw([
      ["json", undefined, signedJson({ files: [PDF] })],
      ["files", "a.pdf", PDF],
      ["files", "a.pdf", PDF],
    ]);
    expect(await bench.legacy.call("PUT", "/v6/mailbox/messages", body, contentType)).toMatchObject(
      { status: 400, json: { code: "MULTIPART" } },
    );
  });

  it.each([
    ["GET", "/v6/anderes", 404],
    ["DELETE", "/v6/mailbox/messages", 405],
    ["GET", "/", 404],
  ])("%s %s", async (method, path, status) => {
    await open();
    expect((await bench.legacy.call(method, path)).status).toBe(status);
  });

  it("come in their order: what is wrong first is named first", async () => {
    await open();
    const bad = Buffer.from('{"content":"{}","sha512sum":"x"}');
    const { contentType, body } = raw([
      ["json", undefined, bad],
      ["files", "a.exe", Buffer.alloc(3_000_000)],
    ]);
    const path = "/v6/mailbox/messages";
    const { openConnection } =
      await import("../../../fixtures/simulators/zbp/legacy-connection.ts");
    const call = (identity: typeof keys.legacy | undefined, token: string) => {
      const connection = openConnection({
        baseUrl: bench.url,
        caPem: keys.pki.ca.certPem,
        identity,
      });
      return connection
        .call({
          method: "PUT",
          path,
          headers: { Authorization: token, "Content-Type": contentType },
          body,
        })
        .finally(() => connection.close());
    };
    const code = async (reaction: Promise<{ json: unknown }>) =>
      ((await reaction).json as { code?: string }).code;
    const token = `Bearer ${issueToken(key(), new Date())}`;
    expect(await code(call(undefined, "Bearer x"))).toBe("CLIENT_CERTIFICATE_MISSING");
    expect(await code(call(keys.stranger, "Bearer x"))).toBe("CLIENT_CERTIFICATE_UNKNOWN");
    expect(await code(call(keys.legacy, "Bearer x"))).toBe("TOKEN_FORMAT");
    expect(await code(call(keys.legacy, token))).toBe("SIGNATURE");
    const wrongSchema = raw([
      ["json", undefined, Buffer.from(signContent("{}", key()))],
      ["files", "a.exe", PDF],
    ]);
    expect(
      await code(bench.legacy.call("PUT", path, wrongSchema.body, wrongSchema.contentType)),
    ).toBe("SCHEMA");
    const noFile = raw([
      ["json", undefined, signedJson({ files: [PDF], content: { mailboxUuid: OTHER_MAILBOX } })],
    ]);
    expect(await code(bench.legacy.call("PUT", path, noFile.body, noFile.contentType))).toBe(
      "ATTACHMENT_MISSING",
    );
    const unlinked = raw([
      ["json", undefined, signedJson({ content: { mailboxUuid: OTHER_MAILBOX } })],
    ]);
    expect(await code(bench.legacy.call("PUT", path, unlinked.body, unlinked.contentType))).toBe(
      "MAILBOX_UNKNOWN",
    );
  });
});

describe("what is not read", () => {
  it("200 MB are refused by their announced length, and a signature that does not hold ends the rest", async () => {
    await open();
    const socket = connect({
      host: "127.0.0.1",
      port: bench.port,
      ca: keys.pki.ca.certPem,
      cert: keys.legacy.certPem,
      key: keys.legacy.keyPem,
    });
    await once(socket, "secureConnect");
    socket.write(
      `PUT /v6/mailbox/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${issueToken(key(), new Date())}\r\n` +
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
      port: bench.port,
      ca: keys.pki.ca.certPem,
      cert: keys.legacy.certPem,
      key: keys.legacy.keyPem,
    });
    await once(stream, "secureConnect");
    stream.on("error", () => undefined);
    stream.write(
      `PUT /v6/mailbox/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${issueToken(key(), new Date())}\r\n` +
        `Content-Type: multipart/form-data; boundary=grenze\r\nContent-Length: 15000000\r\n\r\n${head.toString()}\r\n--grenze\r\n`,
    );
    const [second] = await once(stream, "data");
    expect(String(second)).toMatch(/^HTTP\/1\.1 403 /);
    stream.destroy();
    expect(letters(bench.state)).toEqual([]);
  });

  it("a sender that goes away in the middle leaves nothing behind", async () => {
    await open();
    const { body } = raw([
      ["json", undefined, signedJson({ files: [PDF] })],
      ["files", "a.pdf", PDF],
    ]);
    const socket = connect({
      host: "127.0.0.1",
      port: bench.port,
      ca: keys.pki.ca.certPem,
      cert: keys.legacy.certPem,
      key: keys.legacy.keyPem,
    });
    await once(socket, "secureConnect");
    socket.write(
      `PUT /v6/mailbox/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${issueToken(key(), new Date())}\r\n` +
        `Content-Type: multipart/form-data; boundary=grenze\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body.subarray(0, -20));
    socket.destroySoon();
    await once(socket, "close");
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(200);
    expect(letters(bench.state)).toHaveLength(1);
  });
});

describe("repetitions", () => {
  it("get the first id, also side by side and after a restart", async () => {
    await open();
    const answers = await Promise.all([1, 2, 3, 4].map(() => bench.legacy.sendLetter(LETTER)));
    const { state } = bench;
    await bench.close();
    bench = await openInletBench(keys, { state });
    answers.push(await bench.legacy.sendLetter(LETTER));
    expect(
      new Set(answers.map(({ status, json }) => `${status} ${(json as { id: string }).id}`)).size,
    ).toBe(1);
    expect(letters(state)).toHaveLength(1);
  });

  it("are only repetitions when sender, reference and content are the same", async () => {
    await open();
    await bench.legacy.sendLetter(LETTER);
    await bench.legacy.sendLetter({ ...LETTER, title: "Anderer Betreff" });
    await bench.legacy.sendLetter({ ...LETTER, reference: "AZ 99" });
    await bench.legacy.sendLetter({ ...LETTER, attachments: [] });
    await bench.as(keys.second).sendLetter(LETTER);
    expect(letters(bench.state)).toHaveLength(5);
    expect(new Set(letters(bench.state).map(({ message }) => message.conversation)).size).toBe(3);
  });

  it("after seven days are a new letter", async () => {
    await open();
    await bench.legacy.sendLetter(LETTER);
    for (const [name, value] of bench.state.records) {
      if (!name.startsWith("letter:")) continue;
      const record = JSON.parse(value) as { at: string; generation: string };
      const old = new Date(Date.now() - 7 * 86_400_000 - 1_000);
      const day = old.toISOString().slice(0, 10);
      bench.state.records.set(name, JSON.stringify({ ...record, at: old, generation: day }));
      for (const [id, kept] of bench.state.messages) {
        const sourceId = kept.message.sourceId.replace(record.generation, day);
        bench.state.messages.set(id, { ...kept, message: { ...kept.message, sourceId } });
      }
    }
    await bench.legacy.sendLetter(LETTER);
    await bench.legacy.sendLetter(LETTER);
    expect(letters(bench.state)).toHaveLength(2);
  });

  it("strictly: another content under the same reference is refused", async () => {
    await open({ sender: { strictDuplicates: true } });
    const first = await bench.legacy.sendLetter(LETTER);
    expect(await bench.legacy.sendLetter({ ...LETTER, title: "Anderer" })).toMatchObject({
      status: 409,
      json: { code: "DUPLICATE_REFERENCE", field: "reference" },
    });
    expect((await bench.legacy.sendLetter(LETTER)).json).toEqual(first.json);
    const { reference: _, ...free } = LETTER;
    expect((await bench.legacy.sendLetter({ ...free, title: "a" })).status).toBe(200);
    expect((await bench.legacy.sendLetter({ ...free, title: "b" })).status).toBe(200);
  });

  it("are forgotten when their time is over", async () => {
    await open();
    await bench.legacy.sendLetter(LETTER);
    for (const [name, value] of bench.state.records)
      bench.state.records.set(
        name,
        value.replace(/"at":"[^"]+"/, '"at":"2020-01-01T00:00:00.000Z"'),
      );
    await bench.tick();
    expect(
      [...bench.state.records.keys()].filter((name) => /^(letter|reference):/.test(name)),
    ).toEqual([]);
  });
});

describe("acknowledgement", () => {
  it("never before the letter is accepted", async () => {
    const gate = Promise.withResolvers<undefined>();
    const reached = Promise.withResolvers<undefined>();
    await open({
      options: {
        beforeAccept: async () => {
          reached.resolve(undefined);
          await gate.promise;
        },
      },
    });
    let answered = false;
    const sending = bench.legacy.sendLetter(LETTER).finally(() => (answered = true));
    await reached.promise;
    expect([answered, letters(bench.state).length]).toEqual([false, 0]);
    gate.resolve(undefined);
    expect((await sending).status).toBe(200);
  });

  it("none when accepting fails: the sender is told to come again", async () => {
    let broken = true;
    await open({
      options: {
        beforeAccept: () => {
          if (broken) throw new Error("the database is gone");
        },
      },
    });
    const reaction = await bench.legacy.sendLetter(LETTER);
    expect(reaction).toMatchObject({ status: 503, json: { code: "UNAVAILABLE", retryable: true } });
    expect(reaction.headers["retry-after"]).toBe("30");
    expect(JSON.stringify(reaction.json)).not.toContain("database");
    broken = false;
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(200);
    expect(letters(bench.state)).toHaveLength(1);
  });
});

describe("a mailbox that nobody reads", () => {
  it("is unknown", async () => {
    await open();
    expect(await bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX })).toMatchObject({
      status: 404,
      json: { code: "MAILBOX_UNKNOWN" },
    });
    expect((await bench.legacy.probe(OTHER_MAILBOX)).status).toBe(404);
    expect(await bench.legacy.probe(MAILBOX)).toMatchObject({
      status: 200,
      json: { acceptsMessages: true, replySupported: true },
    });
  });
  it("holds its letters, and does not promise more than that", async () => {
    await open({ sender: { unlinked: "hold" } });
    const reaction = await bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX });
    expect(reaction).toMatchObject({ status: 202, json: { state: "held" } });
    const [kept] = letters(bench.state);
    expect(kept).toMatchObject({ state: "held", hold: { code: "RECIPIENT_UNLINKED" } });
    bench.state.settle(kept?.message.id ?? "", "pending");
    expect((await bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX })).status).toBe(
      200,
    );
    expect(letters(bench.state)).toHaveLength(1);
  });
  it("whose held letter an operator rejected takes a new one", async () => {
    await open({ sender: { unlinked: "hold" } });
    await bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX });
    bench.state.settle(letters(bench.state)[0]?.message.id ?? "", "rejected");
    expect((await bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX })).status).toBe(
      202,
    );
    expect(letters(bench.state).map(({ state }) => state)).toEqual(["rejected", "held"]);
  });
});

describe("application states", () => {
  const state = {
    applicationId: LETTER.applicationId ?? "",
    status: "ACTION_REQUIRED",
    publicServiceName: { de: "Bauvoranfrage" },
    senderName: "Bauamt",
    statusDetails: { de: "Unterlagen fehlen" },
    createdDate: "2026-11-21T10:00:00.000Z",
  } as const;
  it("become a message in the room of the case, once", async () => {
    await open();
    await bench.legacy.sendLetter(LETTER);
    expect((await bench.legacy.sendState(state)).status).toBe(200);
    expect((await bench.legacy.sendState(state)).status).toBe(200);
    const [letter, status, ...more] = letters(bench.state);
    expect(more).toEqual([]);
    expect(status?.message).toMatchObject({
      conversation: letter?.message.conversation,
      to: [{ address: MAILBOX }],
      subject: "Stand Ihres Antrags: Bauvoranfrage",
      text: "Stand: Ihre Mitwirkung ist nötig\nUnterlagen fehlen",
      level: 3,
      replyPolicy: "forbidden",
      extra: { kind: "application-state", status: "ACTION_REQUIRED" },
    });
  });
  it("of an application that nobody knows are refused or held", async () => {
    await open();
    expect((await bench.legacy.sendState(state)).status).toBe(404);
    await bench.close();
    await open({ sender: { unlinked: "hold" } });
    expect((await bench.legacy.sendState(state)).status).toBe(202);
    expect(letters(bench.state)[0]?.state).toBe("held");
  });
  it("of somebody else's application do not reach the case", async () => {
    await open();
    await bench.legacy.sendLetter(LETTER);
    expect((await bench.as(keys.second).sendState(state)).status).toBe(404);
  });
  it("are checked like letters", async () => {
    await open();
    const wrong = Buffer.from(signContent(JSON.stringify({ ...state, status: "NONE" }), key()));
    const path = "/v6/mailbox/applications/states";
    expect(await bench.legacy.call("POST", path, wrong, "application/json")).toMatchObject({
      status: 400,
      json: { field: "status" },
    });
    const forged = Buffer.from(signContent(JSON.stringify(state), signerOf(keys.second)));
    expect((await bench.legacy.call("POST", path, forged, "application/json")).status).toBe(403);
    expect((await bench.legacy.call("POST", path, forged, "text/plain")).status).toBe(400);
    expect(
      (await bench.legacy.call("POST", path, Buffer.alloc(70_000), "application/json")).status,
    ).toBe(413);
  });
});

it("what the simulator's own multipart writer makes is what we read", async () => {
  await open();
  const { contentType, body } = buildMultipart(signedJson().toString(), []);
  expect((await bench.legacy.call("PUT", "/v6/mailbox/messages", body, contentType)).status).toBe(
    200,
  );
});

it("logs no content", async () => {
  const state = new MemoryState();
  await open({ state });
  await bench.legacy.sendLetter({ ...LETTER, title: "KANARIE-TITEL", content: "KANARIE-TEXT" });
  await bench.legacy.sendRaw({ title: "KANARIE-FALSCH" });
  await bench.legacy.sendLetter(LETTER, { wrong: "digestMismatch" });
  expect(JSON.stringify(bench.log)).not.toMatch(/KANARIE|Bescheid|eyJ/);
  expect(bench.log.map(({ event }) => event)).toEqual([
    "inlet-letter",
    "inlet-refused",
    "inlet-refused",
  ]);
});
