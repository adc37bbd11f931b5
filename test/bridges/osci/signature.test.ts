import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SIGNATURES } from "../../../bridges/osci/wire/algorithms.ts";
import { roleCertificate } from "../../../bridges/osci/wire/certificates.ts";
import { composeMessage } from "../../../bridges/osci/wire/compose.ts";
import { maySign } from "../../../bridges/osci/wire/key-usage.ts";
import { writeMessage } from "../../../bridges/osci/wire/message-write.ts";
import { readMime } from "../../../bridges/osci/wire/mime.ts";
import { writeMime } from "../../../bridges/osci/wire/mime-write.ts";
import type { Signer } from "../../../bridges/osci/wire/signature.ts";
import { signBytes, verifyBytes } from "../../../bridges/osci/wire/signature-value.ts";
import { sourceOf } from "../../../bridges/osci/wire/stream.ts";
import { canonicalize } from "../../../src/guard/c14n.ts";
import { elementsOf, parseXml, type XmlElement } from "../../../src/guard/xml.ts";
import {
  bytesOf,
  FIXTURES,
  identity,
  loadKeys,
  receive,
  SHA256,
  SHA512,
  verdict,
} from "./support.ts";
import { describeWith, useXmlsec } from "../../support/services/index.ts";

const xmlsec = await useXmlsec();

const keyFolder = path.join(FIXTURES, "keys");
const keys = loadKeys(keyFolder);
const more2001 = "http://www.w3.org/2001/04/xmldsig-more#";
const more2007 = "http://www.w3.org/2007/05/xmldsig-more#";
const ds = "http://www.w3.org/2000/09/xmldsig#";

interface Case {
  readonly algorithm: string;
  readonly digest: string;
  readonly key: string;
  /** How openssl names the same. */
  readonly openssl?: readonly string[];
  /** Whether xmlsec1 1.2 knows it. */
  readonly xmlsec: boolean;
}
const pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
const cases: readonly Case[] = [
  {
    algorithm: `${more2001}rsa-sha256`,
    digest: SHA256,
    key: "originator_sig",
    openssl: ["-sha256"],
    xmlsec: true,
  },
  {
    algorithm: `${more2001}rsa-sha512`,
    digest: SHA512,
    key: "originator_sig",
    openssl: ["-sha512"],
    xmlsec: true,
  },
  {
    algorithm: `${more2007}sha256-rsa-MGF1`,
    digest: SHA256,
    key: "originator_sig",
    openssl: ["-sha256", ...pss],
    xmlsec: false,
  },
  {
    algorithm: `${more2007}sha512-rsa-MGF1`,
    digest: SHA512,
    key: "originator_sig",
    openssl: ["-sha512", ...pss],
    xmlsec: false,
  },
  {
    algorithm: `${more2007}sha3-256-rsa-MGF1`,
    digest: `${more2007}sha3-256`,
    key: "originator_sig",
    openssl: ["-sha3-256", ...pss],
    xmlsec: false,
  },
  {
    algorithm: `${more2007}sha3-512-rsa-MGF1`,
    digest: `${more2007}sha3-512`,
    key: "originator_sig",
    openssl: ["-sha3-512", ...pss],
    xmlsec: false,
  },
  { algorithm: `${more2001}ecdsa-sha256`, digest: SHA256, key: "ec_sig", xmlsec: true },
  { algorithm: `${more2001}ecdsa-sha512`, digest: SHA512, key: "ec_sig", xmlsec: true },
];

function signerOf({ algorithm, digest, key }: Case): Signer {
  const owner = identity(keys, key);
  const { id } = roleCertificate("SignatureCertificateOriginator", owner.certificate);
  return { identity: owner, certificateId: id, algorithm, digest };
}

async function signedMessage(entry: Case, signed = true): Promise<Buffer> {
  const { certificate } = identity(keys, entry.key);
  const written = writeMessage(
    {
      control: { challenge: "QQ==" },
      others: [
        roleCertificate(
          "CipherCertificateOriginator",
          identity(keys, "originator_enc").certificate,
        ),
        roleCertificate("SignatureCertificateOriginator", certificate),
      ],
    },
    { type: "InitDialog" },
  );
  const message = await composeMessage(written, [], signed ? { signer: signerOf(entry) } : {});
  return bytesOf(message.open());
}

async function xmlOf(message: Buffer): Promise<string> {
  for await (const { body } of readMime(sourceOf(message).open()))
    return (await bytesOf(body)).toString();
  return "";
}

function find(root: XmlElement, local: string): XmlElement {
  const [found] = [...elementsOf(root)].filter(
    (element) => element.local === local && element.uri === ds,
  );
  if (found === undefined) throw new Error(`no ${local}`);
  return found;
}

describe.each(cases)("$algorithm", (entry) => {
  it("holds, and not for another certificate", async () => {
    const message = await signedMessage(entry);
    expect(await verdict(() => receive(message, keys, { required: true }))).toBe("accepted");
    const distrusting = receive(message, keys, { required: true, trusts: () => false });
    expect(await verdict(() => distrusting)).toBe("CERTIFICATE_INVALID 9601");
  });

  it("is broken by any change of the value", () => {
    const { privateKey, certificate } = identity(keys, entry.key);
    const data = Buffer.from("data");
    const value = signBytes(entry.algorithm, privateKey, data);
    verifyBytes(entry.algorithm, certificate, data, value);
    value[5] = (value[5] ?? 0) ^ 1;
    expect(() => verifyBytes(entry.algorithm, certificate, data, value)).toThrow("wrong");
  });
});

describe("algorithms and keys", () => {
  const { privateKey, certificate } = identity(keys, "originator_sig");
  const value = Buffer.alloc(256);

  it.each([
    `${ds}rsa-sha1`,
    `${more2001}rsa-ripemd160`,
    `${more2001}rsa-md5`,
    `${ds}hmac-sha1`,
    "constructor",
  ])("refuses %s", async (algorithm) => {
    expect(await verdict(async () => signBytes(algorithm, privateKey, value))).toBe(
      "INPUT_INVALID 9601",
    );
    expect(await verdict(async () => verifyBytes(algorithm, certificate, value, value))).toBe(
      "INPUT_INVALID 9601",
    );
  });

  it("refuses a key that does not fit", async () => {
    const ec = identity(keys, "ec_sig");
    expect(
      await verdict(async () => verifyBytes(`${more2001}rsa-sha256`, ec.certificate, value, value)),
    ).toBe("CERTIFICATE_INVALID 9601");
    expect(
      await verdict(async () => verifyBytes(`${more2001}ecdsa-sha256`, certificate, value, value)),
    ).toBe("CERTIFICATE_INVALID 9601");
  });

  it("refuses a certificate whose key usage forbids it", async () => {
    const cipherOnly = identity(keys, "originator_enc");
    const data = Buffer.from("data");
    const made = signBytes(`${more2001}rsa-sha256`, cipherOnly.privateKey, data);
    expect(
      await verdict(async () =>
        verifyBytes(`${more2001}rsa-sha256`, cipherOnly.certificate, data, made),
      ),
    ).toBe("CERTIFICATE_INVALID 9601");
    expect([maySign(certificate), maySign(cipherOnly.certificate)]).toEqual([true, false]);
  });

  it("knows every algorithm of the table only in one way", () => {
    expect(Object.isFrozen(SIGNATURES)).toBe(true);
    for (const { scheme, hash } of Object.values(SIGNATURES)) {
      expect(["rsa", "pss", "ecdsa"]).toContain(scheme);
      expect(hash).toMatch(/^sha(?:256|512|3-)/);
    }
  });
});

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "osci-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const openssl = spawnSync("openssl", ["version"]).error === undefined;

describe.skipIf(!openssl)("held against openssl (skipped where it is not installed)", () => {
  it.each(cases.filter(({ openssl }) => openssl !== undefined))("$algorithm", async (entry) => {
    const { root } = parseXml(Buffer.from(await xmlOf(await signedMessage(entry))));
    const data = path.join(folder, "data");
    const value = path.join(folder, "value");
    const publicKey = path.join(folder, "public");
    writeFileSync(data, canonicalize(find(root, "SignedInfo")));
    const [text] = find(root, "SignatureValue").children;
    writeFileSync(value, Buffer.from(text?.kind === "text" ? text.value : "", "base64"));
    const { publicKey: key } = identity(keys, entry.key).certificate;
    writeFileSync(publicKey, key.export({ type: "spki", format: "pem" }));
    const args = [
      "dgst",
      ...(entry.openssl ?? []),
      "-verify",
      publicKey,
      "-signature",
      value,
      data,
    ];
    const { status, stdout, stderr } = spawnSync("openssl", args);
    expect([status, stdout.toString().trim()], stderr.toString()).toEqual([0, "Verified OK"]);
  });
});

describeWith("held against xmlsec1", xmlsec, ({ verdict: judge }) => {
  const soap = "http://schemas.xmlsoap.org/soap/envelope/";
  const osci = "http://www.osci.de/2002/04/osci";
  const ids = [
    `${osci}:ControlBlock`,
    `${osci}:DesiredLanguages`,
    `${osci}:NonIntermediaryCertificates`,
    `${soap}:Body`,
  ].flatMap((name) => ["--id-attr:Id", name]);
  const known = cases.filter(({ xmlsec }) => xmlsec);

  it.each(known)("it accepts what we sign with $algorithm", async (entry) => {
    const file = path.join(folder, "ours.xml");
    writeFileSync(file, await xmlOf(await signedMessage(entry)));
    const certificate = path.join(keyFolder, `${entry.key}.cert.pem`);
    const args = ["--verify", ...ids, "--pubkey-cert-pem", certificate, file];
    expect(await judge(...args)).toContain("References (ok/all): 4/4");
  });

  it.each(known)("we accept what it signs with $algorithm", async (entry) => {
    const signed = await xmlOf(await signedMessage(entry));
    const template = signed
      .replaceAll(/(<ds:DigestValue>)[^<]*/g, "$1")
      .replace(/(<ds:SignatureValue>)[^<]*/, "$1");
    const file = path.join(folder, "template.xml");
    const output = path.join(folder, "theirs.xml");
    writeFileSync(file, template);
    const key = path.join(keyFolder, `${entry.key}.key.pem`);
    const args = ["--sign", ...ids, "--privkey-pem", key, "--output", output, file];
    await judge(...args);
    const xml = readFileSync(output);
    const mime = writeMime({ boundary: "B", xml, announceXmlLength: false, parts: [] });
    const message = await bytesOf(mime.open());
    expect(await verdict(() => receive(message, keys, { required: true }))).toBe("accepted");
  });
});
