import path from "node:path";
import { describe, expect, it } from "vitest";
import { NO_LEGACY } from "../../../bridges/osci/wire/algorithms.ts";
import { roleCertificate } from "../../../bridges/osci/wire/certificates.ts";
import { encryptAttachment } from "../../../bridges/osci/wire/compose.ts";
import {
  contentBytes,
  readContainer,
  type ContentPackage,
} from "../../../bridges/osci/wire/content.ts";
import { openPackage, type OpenPackage } from "../../../bridges/osci/wire/content-open.ts";
import { examineContents } from "../../../bridges/osci/wire/content-verify.ts";
import {
  encryptContainer,
  writeContainer,
  type OutgoingContainer,
} from "../../../bridges/osci/wire/content-write.ts";
import { readEncryptedData } from "../../../bridges/osci/wire/encrypted-data.ts";
import { KeyRing } from "../../../bridges/osci/wire/keys.ts";
import { NS } from "../../../bridges/osci/wire/names.ts";
import { sourceOf } from "../../../bridges/osci/wire/stream.ts";
import { parseXml } from "../../../src/guard/xml.ts";
import {
  ALL_LEGACY,
  bytesOf,
  FIXTURES,
  GCM,
  identity,
  loadKeys,
  SHA256,
  verdict,
} from "./support.ts";

const keys = loadKeys(path.join(FIXTURES, "keys"));
const author = identity(keys, "originator_sig");
const authorCertificate = roleCertificate("SignatureCertificateOriginator", author.certificate);
const readers = ["reader_enc", "recipient_enc"].map((name, ordinal) =>
  roleCertificate("CipherCertificateOtherReader", identity(keys, name).certificate, ordinal),
);
const certificates = [...readers, authorCertificate];
const signer = {
  identity: author,
  certificateId: authorCertificate.id,
  algorithm: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
};
const transport = { kind: "oaep", hash: "sha256" } as const;
const options = { id: "encdata_0", method: GCM, transport, legacy: NO_LEGACY };

function ringOf(...names: readonly string[]): KeyRing {
  return new KeyRing(names.map((name) => identity(keys, name)));
}

function seal(container: string, names: readonly number[] = [0, 1]): Promise<string> {
  const chosen = names.flatMap((index) => readers[index] ?? []);
  return encryptContainer(
    container,
    chosen.map(({ id, certificate }) => ({ certificateId: id, certificate })),
    options,
  );
}

function open(encrypted: string, ring: KeyRing): Promise<OpenPackage> {
  const { root } = parseXml(Buffer.from(encrypted));
  const content: ContentPackage = { containers: [], encrypted: [readEncryptedData(root)] };
  return openPackage(content, { ring, legacy: NO_LEGACY, certificates });
}

async function reports(markup: string): Promise<readonly string[]> {
  const document = parseXml(Buffer.from(markup));
  const found = await examineContents(readContainer(document, document.root), {
    certificates,
    attachments: new Map(),
    trusts: (certificate) => keys.trusts(certificate),
  });
  return found.flatMap(({ errors }) => errors.map(({ osciCode }) => osciCode));
}

const simple: OutgoingContainer = {
  id: "c",
  contents: [{ kind: "data", id: "d", bytes: Buffer.from("data ä") }],
};

describe("encrypted containers", () => {
  it("open for each of several readers, and stay closed for everybody else", async () => {
    const encrypted = await seal(await writeContainer(simple));
    for (const name of ["reader_enc", "recipient_enc"]) {
      const { containers, closed } = await open(encrypted, ringOf(name));
      const [content] = containers[0]?.container.contents ?? [];
      expect(content?.kind === "data" && contentBytes(content).toString()).toBe("data ä");
      expect(closed).toEqual([]);
    }
    const { containers, closed } = await open(encrypted, ringOf("originator_enc"));
    expect([containers.length, closed.length, closed[0]?.id]).toEqual([0, 1, "encdata_0"]);
  });

  it("may be nested in one another", async () => {
    const inner = await seal(await writeContainer({ ...simple, id: "inner" }), [0]);
    const markup = (await writeContainer(simple)).replace(
      "</osci:ContentContainer>",
      `${inner}</osci:ContentContainer>`,
    );
    const { containers } = await open(
      await seal(markup, [1]),
      ringOf("reader_enc", "recipient_enc"),
    );
    expect(
      containers.map(({ container, encryptions }) => [container.id, encryptions.length]),
    ).toEqual([
      ["c", 1],
      ["inner", 2],
    ]);
    const partly = await open(await seal(markup, [1]), ringOf("recipient_enc"));
    expect([partly.containers.length, partly.closed.length]).toEqual([1, 1]);
  });

  it("are refused when they are nested without end", async () => {
    let markup = await writeContainer(simple);
    for (let depth = 0; depth < 10; depth += 1) {
      const within = await seal(markup, [0]);
      markup = (await writeContainer(simple)).replace(
        "</osci:ContentContainer>",
        `${within}</osci:ContentContainer>`,
      );
    }
    expect(
      await verdict(() =>
        open(
          markup.slice(markup.indexOf("<xenc:"), markup.lastIndexOf("</osci:")),
          ringOf("reader_enc"),
        ),
      ),
    ).toMatch(/^INPUT_HOSTILE/);
  });

  it.each([
    [
      "a changed bit",
      (markup: string) =>
        markup.replace(
          /(<xenc:CipherValue>)(.)(.{40})(?=[^<]*<\/xenc:CipherValue><\/xenc:CipherData><\/xenc:EncryptedData>)/s,
          (_m, a: string, b: string, c: string) => `${a}${b === "A" ? "B" : "A"}${c}`,
        ),
      "INPUT_INVALID 9202",
    ],
    [
      "another cipher",
      (markup: string) => markup.replace("aes256-gcm", "aes128-gcm"),
      "INPUT_INVALID 9202",
    ],
    [
      "an unknown cipher",
      (markup: string) => markup.replace("aes256-gcm", "des"),
      "INPUT_INVALID 9202",
    ],
    [
      "no key at all",
      (markup: string) => markup.replace(/<xenc:EncryptedKey>.*<\/xenc:EncryptedKey>/s, ""),
      "INPUT_INVALID 9100",
    ],
    [
      "a reader that is named in another way",
      (markup: string) => markup.replaceAll("ds:RetrievalMethod", "ds:KeyName"),
      "INPUT_INVALID 9100",
    ],
  ])("are refused with %s", async (_name, change, code) => {
    const markup = await seal(await writeContainer(simple));
    const changed = change(markup);
    expect(changed).not.toBe(markup);
    expect(await verdict(() => open(changed, ringOf("reader_enc", "recipient_enc")))).toBe(code);
  });

  it("with CBC fail in one way only: no padding oracle", async () => {
    const method = { uri: "http://www.w3.org/2001/04/xmlenc#aes256-cbc", ivLength: 16 } as const;
    const [reader] = readers;
    if (reader === undefined) throw new Error("no reader");
    const named = [{ certificateId: reader.id, certificate: reader.certificate }];
    const container = await writeContainer(simple);
    const markup = await encryptContainer(container, named, {
      ...options,
      method,
      legacy: ALL_LEGACY,
    });
    const errors = new Set<string>();
    const value = /(.*<xenc:CipherValue>)([^<]*)/s.exec(markup);
    const bytes = Buffer.from(value?.[2] ?? "", "base64");
    for (let index = 0; index < bytes.length; index += 7) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const { root } = parseXml(
        Buffer.from(markup.replace(value?.[2] ?? "", changed.toString("base64"))),
      );
      const content = { containers: [], encrypted: [readEncryptedData(root)] };
      const opening = openPackage(content, {
        ring: ringOf("reader_enc"),
        legacy: ALL_LEGACY,
        certificates,
      });
      await opening.catch((error: unknown) => errors.add(String(error)));
    }
    expect([...errors]).toEqual(["OsciError: the encrypted data cannot be decrypted"]);
  });

  it("hold one container and nothing else", async () => {
    expect(
      await verdict(async () => open(await seal(`<x xmlns="${NS.osci}"/>`), ringOf("reader_enc"))),
    ).toBe("INPUT_INVALID 9100");
    expect(await verdict(async () => open(await seal("no XML"), ringOf("reader_enc")))).toBe(
      "INPUT_INVALID 9100",
    );
  });
});

describe("content signatures", () => {
  it("hold for what was signed, of each of several authors", async () => {
    const markup = await writeContainer({
      ...simple,
      signers: [signer, { ...signer, digest: "http://www.w3.org/2001/04/xmlenc#sha512" }],
    });
    expect(await reports(markup)).toEqual([]);
    expect(await reports(await writeContainer(simple))).toEqual([]);
  });

  it.each([
    [
      "changed data",
      (markup: string) => markup.replace(/(Base64Content Id="d">)./, "$1X"),
      ["9601"],
    ],
    [
      "another content beside",
      (markup: string) =>
        markup.replace(
          "</osci:ContentContainer>",
          `<osci:Content><osci:Base64Content Id="e">QQ==</osci:Base64Content></osci:Content></osci:ContentContainer>`,
        ),
      ["9602"],
    ],
    [
      "a content replaced",
      (markup: string) => markup.replace(`Content Id="d"`, `Content Id="e"`),
      ["9601", "9602"],
    ],
    [
      "another transform",
      (markup: string) => markup.replace("xmldsig#base64", "xmldsig#other"),
      ["9601", "9601"],
    ],
  ])("break with %s", async (_name, change, codes) => {
    const markup = await writeContainer({ ...simple, signers: [signer] });
    expect(change(markup)).not.toBe(markup);
    expect(await reports(change(markup))).toEqual(codes);
  });

  it("do not mind how base64 is broken into lines", async () => {
    const markup = await writeContainer({ ...simple, signers: [signer] });
    expect(await reports(markup.replace(/(Base64Content Id="d">.)/, "$1 \r\n "))).toEqual([]);
  });

  it("may cover a nested container and signed properties", async () => {
    const inner = await writeContainer({ ...simple, id: "inner" });
    const markup = (await writeContainer(simple)).replace(
      "</osci:ContentContainer>",
      `<osci:Content Id="n">${inner}</osci:Content></osci:ContentContainer>`,
    );
    const { containers } = await openPackage(
      {
        containers: [
          readContainer(parseXml(Buffer.from(markup)), parseXml(Buffer.from(markup)).root),
        ],
        encrypted: [],
      },
      { ring: ringOf(), legacy: NO_LEGACY, certificates },
    );
    expect(containers.map(({ container }) => container.id)).toEqual(["c", "inner"]);
  });

  it("cover attachments by their plaintext, whatever encrypts them", async () => {
    const sealed = await encryptAttachment(sourceOf(Buffer.from("file")), GCM, [SHA256]);
    const container = await writeContainer({
      id: "c",
      contents: [{ kind: "attachment", id: "f", cid: "f ä.pdf", ...sealed }],
      signers: [signer],
    });
    const document = parseXml(Buffer.from(container));
    const read = readContainer(document, document.root);
    const examine = async (plain: Buffer | undefined): Promise<unknown> => {
      const digest = plain && new Map([[SHA256, plain]]);
      const [report] = await examineContents(read, {
        certificates,
        attachments: new Map(digest === undefined ? [] : [["f ä.pdf", digest]]),
        trusts: () => true,
      });
      return report?.errors.map(({ message }) => message);
    };
    expect(await examine(sealed.plain.get(SHA256))).toEqual([]);
    expect(await examine(sealed.transported.get(SHA256))).toEqual(["cid:f ä.pdf was changed"]);
    expect(await examine(undefined)).toEqual(["cid:f ä.pdf is missing"]);
    expect(read.attachmentKeys[0]?.key.equals(sealed.session.key)).toBe(true);
    expect((await bytesOf(sealed.body.open())).length).toBe(sealed.body.size);
  });

  it("are not taken from somebody who is not trusted", async () => {
    const markup = await writeContainer({ ...simple, signers: [signer] });
    const document = parseXml(Buffer.from(markup));
    const [report] = await examineContents(readContainer(document, document.root), {
      certificates,
      attachments: new Map(),
      trusts: () => false,
    });
    expect(report?.errors.map(({ code }) => code)).toEqual(["CERTIFICATE_INVALID"]);
  });
});
