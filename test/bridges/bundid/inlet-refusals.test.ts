import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { Wrong } from "../../../fixtures/simulators/zbp/client.ts";
import { openConnection } from "../../../fixtures/simulators/zbp/legacy-connection.ts";
import { issueToken, signContent, signerOf } from "../../../fixtures/simulators/zbp/legacy-wire.ts";
import { OTHER_MAILBOX, PDF } from "./bench.ts";
import { LETTER, letters, raw, signedJson, useInlet } from "./inlet-bench.ts";

const bed = useInlet();

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
    await bed.open();
    const reaction = await bed.bench.legacy.sendLetter(LETTER, { wrong });
    expect([reaction.status, (reaction.json as { code: string }).code]).toEqual([status, code]);
    expect(reaction.json).toMatchObject({ message: expect.any(String), retryable: false });
    expect(letters(bed.bench.state)).toEqual([]);
    expect((await bed.bench.legacy.sendLetter(LETTER)).status).toBe(200);
  });

  it.each([
    ["a certificate that nobody entered", () => bed.keys.stranger],
    ["our own", () => bed.keys.gateway],
  ])("%s", async (_what, identity) => {
    await bed.open();
    expect(await bed.bench.as(identity()).sendLetter(LETTER)).toMatchObject({
      status: 403,
      json: { code: "CLIENT_CERTIFICATE_UNKNOWN" },
    });
  });

  it("an expired certificate", async () => {
    const expired = await bed.keys.pki.issueExpired({ cn: "Altes Amt" });
    await writeFile(`${bed.keys.folder}/alt.pem`, expired.certPem);
    await bed.open({ sender: { certificate: "file:alt.pem" } });
    expect(await bed.bench.as({ ...bed.keys.legacy, ...expired }).sendLetter(LETTER)).toMatchObject(
      {
        status: 403,
        json: { code: "CLIENT_CERTIFICATE_INVALID" },
      },
    );
  });

  it("another sender's token on a good connection", async () => {
    await bed.open();
    const other = issueToken(signerOf(bed.keys.second), new Date());
    const connection = openConnection({
      baseUrl: bed.bench.url,
      caPem: bed.keys.pki.ca.certPem,
      identity: bed.keys.legacy,
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
    await bed.open();
    const { level, attachments: _, ...rest } = LETTER;
    const reaction = await bed.bench.legacy.sendRaw({
      ...rest,
      stork_qaa_level: level,
      ...members,
    });
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
    await bed.open();
    const reaction = await bed.bench.legacy.sendLetter({
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
    await bed.open();
    expect((await bed.bench.legacy.call("PUT", "/v6/mailbox/messages", body, type)).status).toBe(
      status,
    );
  });

  it("the same file twice", async () => {
    await bed.open();
    const { contentType, body } = raw([
      ["json", undefined, signedJson(bed.keys, { files: [PDF] })],
      ["files", "a.pdf", PDF],
      ["files", "a.pdf", PDF],
    ]);
    expect(
      await bed.bench.legacy.call("PUT", "/v6/mailbox/messages", body, contentType),
    ).toMatchObject({ status: 400, json: { code: "MULTIPART" } });
  });

  it.each([
    ["GET", "/v6/anderes", 404],
    ["DELETE", "/v6/mailbox/messages", 405],
    ["GET", "/", 404],
  ])("%s %s", async (method, path, status) => {
    await bed.open();
    expect((await bed.bench.legacy.call(method, path)).status).toBe(status);
  });

  it("come in their order: what is wrong first is named first", async () => {
    await bed.open();
    const bad = Buffer.from('{"content":"{}","sha512sum":"x"}');
    const { contentType, body } = raw([
      ["json", undefined, bad],
      ["files", "a.exe", Buffer.alloc(3_000_000)],
    ]);
    const path = "/v6/mailbox/messages";
    const call = (identity: typeof bed.keys.legacy | undefined, token: string) => {
      const connection = openConnection({
        baseUrl: bed.bench.url,
        caPem: bed.keys.pki.ca.certPem,
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
    const token = `Bearer ${issueToken(signerOf(bed.keys.legacy), new Date())}`;
    expect(await code(call(undefined, "Bearer x"))).toBe("CLIENT_CERTIFICATE_MISSING");
    expect(await code(call(bed.keys.stranger, "Bearer x"))).toBe("CLIENT_CERTIFICATE_UNKNOWN");
    expect(await code(call(bed.keys.legacy, "Bearer x"))).toBe("TOKEN_FORMAT");
    expect(await code(call(bed.keys.legacy, token))).toBe("SIGNATURE");
    const wrongSchema = raw([
      ["json", undefined, Buffer.from(signContent("{}", signerOf(bed.keys.legacy)))],
      ["files", "a.exe", PDF],
    ]);
    expect(
      await code(bed.bench.legacy.call("PUT", path, wrongSchema.body, wrongSchema.contentType)),
    ).toBe("SCHEMA");
    const noFile = raw([
      [
        "json",
        undefined,
        signedJson(bed.keys, { files: [PDF], content: { mailboxUuid: OTHER_MAILBOX } }),
      ],
    ]);
    expect(await code(bed.bench.legacy.call("PUT", path, noFile.body, noFile.contentType))).toBe(
      "ATTACHMENT_MISSING",
    );
    const unlinked = raw([
      ["json", undefined, signedJson(bed.keys, { content: { mailboxUuid: OTHER_MAILBOX } })],
    ]);
    expect(
      await code(bed.bench.legacy.call("PUT", path, unlinked.body, unlinked.contentType)),
    ).toBe("MAILBOX_UNKNOWN");
  });
});
