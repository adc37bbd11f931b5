import { createCipheriv, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { wrapKey } from "../../../bridges/osci/wire/key-transport.ts";
import { change, putTogether, takeApart } from "./forge.ts";
import { edited, fixture, identity, receive, verdict } from "./support.ts";
import { changed, edit, judge, keys, encryptedInit, signedInit, unsignedInit } from "./changes.ts";

describe("the transport envelope", () => {
  const outer = (from: string | RegExp, to: string): Promise<string> =>
    judge(edited(encryptedInit, from, to));

  it.each([
    ["another Content-ID in both places", /osci_enc/g, "other part"],
    ["no Content-Length", /Content-Length: \d+\r\n/, ""],
    ["a wrong Content-Length", /Content-Length: \d+/, "Content-Length: 1"],
    ["no Transforms", /<xenc:Transforms>.*<\/xenc:Transforms>/, ""],
    ["no MimeType", / MimeType="Multipart\/Related"/, ""],
    ["line breaks", /><xenc:/g, ">\r\n <xenc:"],
  ])("may have %s", async (_name, from, to) => {
    expect(await outer(from, to)).toBe("accepted");
  });

  it.each([
    ["without MGF", /<xenc11:MGF.*<\/xenc11:MGF>/, "", "9202"],
    ["without DigestMethod", /<ds:DigestMethod.*?<\/ds:DigestMethod>/, "", "9202"],
    [
      "with rsa-oaep-mgf1p",
      "http://www.w3.org/2009/xmlenc11#rsa-oaep",
      "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
      "9202",
    ],
    ["with another length of the IV", `Value="12"`, `Value="16"`, "9202"],
    ["with an impossible length of the IV", `Value="12"`, `Value="13"`, "9202"],
    ["without IvLength", /<osci128:IvLength.*<\/osci128:IvLength>/, "", "9202"],
    ["without transfer encoding", "Content-Transfer-Encoding: binary\r\n", "", "9100"],
    ["with a Content-ID that is not the one named", "<osci_enc>", "<other>", "9100"],
    [
      "with CBC although it is not allowed",
      "http://www.w3.org/2009/xmlenc11#aes256-gcm",
      "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
      "9202",
    ],
    [
      "with two encrypted parts in its Body",
      "</soap:Body>",
      "<xenc:EncryptedData/></soap:Body>",
      "9100",
    ],
    ["with a reference to somewhere else", "cid:osci_enc", "http://127.0.0.1/", "9100"],
    ["with an unknown transform", "xmldsig#base64", "xmldsig#other", "9100"],
  ])("is refused %s", async (_name, from, to, code) => {
    expect(await outer(from, to)).toBe(`INPUT_INVALID ${code}`);
  });

  it("is refused with an IV of 13 bytes, however well it is encrypted", async () => {
    const key = randomBytes(32);
    const iv = randomBytes(13);
    const cipher = createCipheriv("aes-256-gcm", key, iv);
    const data = Buffer.concat([
      iv,
      cipher.update(unsignedInit),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    const { certificate } = identity(keys, "recipient_enc");
    const wrapped = wrapKey(certificate, key, { kind: "oaep", hash: "sha256" });
    const { xml } = await takeApart(encryptedInit);
    const envelope = change(
      change({ xml, parts: [{ id: "osci_enc", bytes: data }] }, `Value="12"`, `Value="13"`),
      /<xenc:CipherValue>[^<]*/,
      `<xenc:CipherValue>${wrapped.toString("base64")}`,
    );
    expect(await judge(await putTogether(envelope))).toBe("INPUT_INVALID 9202");
  });

  it("is refused when one bit of the data is another, with one and the same error", async () => {
    const start = encryptedInit.indexOf("<osci_enc>") + "<osci_enc>\r\n\r\n".length;
    for (const offset of [0, 5, 12, 13, 40, 500, encryptedInit.length - start - 80]) {
      const bytes = Buffer.from(encryptedInit);
      bytes[start + offset] = (bytes[start + offset] ?? 0) ^ 0x20;
      expect(await judge(bytes), `byte ${String(offset)}`).toBe("INPUT_INVALID 9202");
    }
  });

  it("is refused at whatever byte it breaks off", async () => {
    for (let length = encryptedInit.length - 1; length > 0; length -= 97)
      expect(await judge(encryptedInit.subarray(0, length))).toMatch(/^INPUT_INVALID 9[12]0[02]$/);
  });

  it("may hold anything but another envelope", async () => {
    const twice = await changed(
      unsignedInit,
      edit("soapResponseToInitDialog.xsd", "soapMessageEncrypted.xsd"),
    );
    expect(await judge(twice)).toBe("INPUT_INVALID 9100");
  });

  it("must be there when the request was encrypted, but not around a fault", async () => {
    const run = (message: Buffer): Promise<string> =>
      verdict(() => receive(message, keys, { encryptionRequired: true }));
    expect(await run(signedInit)).toBe("INPUT_INVALID 9100");
    expect(await run(fixture("faults", "01-SOAPFault-9400.mime"))).toBe("accepted");
    expect(await run(encryptedInit)).toBe("accepted");
  });
});

describe("legacy encryption", () => {
  const legacy = fixture("legacy", "02-ResponseToStoreDelivery.outer.mime");
  const read = (message: Buffer): Promise<string> =>
    verdict(() => receive(message, keys, { legacy: { cbc: true, rsa15: true }, required: true }));

  it("is read only when it is allowed", async () => {
    expect(await read(legacy)).toBe("accepted");
    expect(await judge(legacy)).toBe("INPUT_INVALID 9202");
  });

  it("fails in one way, wherever it was changed: no padding oracle", async () => {
    const start = legacy.indexOf("<osci_enc>") + "<osci_enc>\r\n\r\n".length;
    const end = legacy.length - "\r\n--MIME_boundary_ResponseToStoreDelivery--\r\n".length;
    const errors = new Set<string>();
    for (let offset = start; offset < end; offset += 61) {
      const bytes = Buffer.from(legacy);
      bytes[offset] = (bytes[offset] ?? 0) ^ 1;
      await receive(bytes, keys, { legacy: { cbc: true, rsa15: true }, required: true }).then(
        () => errors.add("accepted"),
        (error: unknown) =>
          errors.add(error instanceof Error ? `${error.message} ${String(error.cause)}` : "?"),
      );
    }
    for (const tail of [1, 15, 16, 17, 32])
      await receive(Buffer.concat([legacy.subarray(0, end - tail), legacy.subarray(end)]), keys, {
        legacy: { cbc: true, rsa15: true },
        required: true,
      }).catch((error: unknown) =>
        errors.add(error instanceof Error ? `${error.message} ${String(error.cause)}` : "?"),
      );
    // Without authentication a change of an insignificant MIME header goes unseen; the signature covers what counts.
    errors.delete("accepted");
    expect([...errors]).toEqual(["the encrypted data cannot be decrypted undefined"]);
  });
});
