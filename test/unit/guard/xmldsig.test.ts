import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import {
  signMetadata,
  type SignOptions,
} from "../../../fixtures/simulators/fink-metadata/index.ts";
import { createPki, type Identity, type Pki } from "../../../fixtures/simulators/pki/index.ts";
import { canonicalize } from "../../../src/guard/c14n.ts";
import { childElements, parseXml } from "../../../src/guard/xml.ts";
import { verifyEnveloped } from "../../../src/guard/xmldsig.ts";
import { describeWith, useXmllint } from "../../support/services/index.ts";

const xmllint = await useXmllint();

/** A little later than now: certificates that are made here are valid by then. */
const NOW = new Date(Date.now() + 60_000);
const DOCUMENT = `<?xml version="1.0"?>
<!-- outside --><r:root xmlns:r="urn:r" xmlns:u="urn:unused" xmlns="urn:d" ID="_1" r:b="1" a="&#9;x"><!-- in -->
  <child u:x="1" xml:lang="de">Grüße &amp; mehr &#13;<r:deep xmlns:n="urn:n"><none xmlns="" n:a="1"/></r:deep></child>
</r:root>`;

const exclusive = (text: string, ...prefixes: string[]) =>
  canonicalize(parseXml(Buffer.from(text)).root, { exclusive: new Set(prefixes) });

let pki: Pki;
let one: Identity;
let other: Identity;
beforeAll(async () => {
  pki = await createPki();
  [one, other] = await Promise.all([pki.issue({ cn: "Eins" }), pki.issue({ cn: "Zwei" })]);
});

function verify(text: string, pins: readonly { readonly certPem: string }[], now = NOW) {
  const certificates = pins.map(({ certPem }) => new X509Certificate(certPem));
  return verifyEnveloped(parseXml(Buffer.from(text)), {
    pins: certificates,
    now,
    idAttribute: "ID",
  });
}

/** An elliptic key, or a short RSA key: our test authority issues neither. */
function selfSigned(...keyOptions: string[]): { certPem: string; keyPem: string } {
  const folder = mkdtempSync(path.join(tmpdir(), "pfb-xmldsig-"));
  try {
    const [key, certificate] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
    const request = ["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=x", ...keyOptions];
    execFileSync("openssl", [...request, "-keyout", key, "-out", certificate], { stdio: "ignore" });
    return { certPem: readFileSync(certificate, "utf8"), keyPem: readFileSync(key, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const openssl = spawnSync("openssl", ["version"]).status === 0;

describe("a signature of another implementation (xml-crypto)", () => {
  const forms: SignOptions[] = (["rsa", "pss"] as const).flatMap((scheme) =>
    (["sha256", "sha384", "sha512"] as const).flatMap((hash) =>
      (["exclusive", "inclusive"] as const).map((canonical) => ({ scheme, hash, canonical })),
    ),
  );
  it.each(forms)("$scheme, $hash, $canonical", async (form) => {
    const text = signMetadata(DOCUMENT, one, form);
    const { root, signer, method } = await verify(text, [other, one]);
    expect(signer.fingerprint256).toBe(new X509Certificate(one.certPem).fingerprint256);
    expect(method).toContain(form.hash ?? "");
    // The signature is gone from what is read; the rest is there.
    expect(childElements(root).map(({ local }) => local)).toEqual(["child"]);
    const changed = text.replace("mehr", "weniger");
    await expect(verify(changed, [one])).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  it("needs no KeyInfo, and believes none", async () => {
    const bare = signMetadata(DOCUMENT, one, { keyInfo: false });
    expect(bare).not.toContain("X509Certificate");
    await verify(bare, [one]);
    // Signed by another key, with that key's certificate in it.
    const foreign = signMetadata(DOCUMENT, other);
    await expect(verify(foreign, [one])).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
    const lying = signMetadata(DOCUMENT, { keyPem: other.keyPem, certPem: one.certPem });
    await expect(verify(lying, [one])).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  it("refuses SHA-1, as signature and as digest alone", async () => {
    for (const form of [{ hash: "sha1" }, { hash: "sha256", digest: "sha1" }] as const)
      await expect(verify(signMetadata(DOCUMENT, one, form), [one])).rejects.toMatchObject({
        code: "SIGNATURE_INVALID",
        message: expect.stringContaining("not allowed") as string,
      });
  });

  it("refuses a signature over a part of the document", async () => {
    const part = signMetadata(`<r><part ID="_2">x</part></r>`, one);
    await expect(verify(part.replace(/<r ID="[^"]*"/, "<r"), [one])).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
    });
  });
});

describe("the pinned certificate", () => {
  it("must be valid at the time", async () => {
    const text = signMetadata(DOCUMENT, one);
    const late = new Date(one.notAfter.getTime() + 1_000);
    const early = new Date(Date.now() - 5 * 3_600_000);
    for (const now of [late, early])
      await expect(verify(text, [one], now)).rejects.toMatchObject({ code: "CERTIFICATE_INVALID" });
  });

  it("must be there at all", async () => {
    await expect(verify(signMetadata(DOCUMENT, one), [])).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
    });
  });

  it("an expired one does not keep a valid one from being used", async () => {
    const expired = await pki.issueExpired({ cn: "Alt" });
    await verify(signMetadata(DOCUMENT, one), [expired, one]);
    await expect(verify(signMetadata(DOCUMENT, expired), [expired, one])).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
    });
  });

  it.skipIf(!openssl)("needs 2048 bits of RSA", async () => {
    const short = selfSigned("-newkey", "rsa:1024");
    await expect(verify(signMetadata(DOCUMENT, short), [short])).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
      message: expect.stringContaining("less than 2048 bits") as string,
    });
  });

  it.skipIf(!openssl)("may have an elliptic key on an allowed curve", async () => {
    const good = selfSigned("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256");
    const weak = selfSigned("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-224");
    const form = { scheme: "ecdsa" } as const;
    await verify(signMetadata(DOCUMENT, good, form), [one, good]);
    await expect(verify(signMetadata(DOCUMENT, weak, form), [weak])).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
    });
    await expect(verify(signMetadata(DOCUMENT, good, form), [one])).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
    });
  });
});

describe("the exclusive canonical form", () => {
  it("declares what is used, where it is used", () => {
    const text = `<a:a xmlns:a="urn:a" xmlns:b="urn:b" xmlns="urn:d"><b:b/><c><d xmlns=""/></c></a:a>`;
    expect(exclusive(text)).toBe(
      `<a:a xmlns:a="urn:a"><b:b xmlns:b="urn:b"></b:b><c xmlns="urn:d"><d xmlns=""></d></c></a:a>`,
    );
    expect(exclusive(text, "b", "")).toBe(
      `<a:a xmlns="urn:d" xmlns:a="urn:a" xmlns:b="urn:b"><b:b></b:b><c><d xmlns=""></d></c></a:a>`,
    );
  });

  it("declares again what was bound to something else in between", () => {
    const text = `<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"/></p:b></p:a>`;
    expect(exclusive(text)).toBe(
      `<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"></p:c></p:b></p:a>`,
    );
  });

  it("takes nothing over from the ancestors of a subset", () => {
    const document = parseXml(
      Buffer.from(`<a xml:lang="de" xmlns:u="urn:u" xmlns="urn:d"><b u:x="1"><c/></b></a>`),
    );
    const [apex] = childElements(document.root);
    expect(apex && canonicalize(apex, { exclusive: new Set() })).toBe(
      `<b xmlns="urn:d" xmlns:u="urn:u" u:x="1"><c></c></b>`,
    );
  });

  it("leaves out one element with everything in it", () => {
    const { root } = parseXml(Buffer.from("<a>1<s><x/></s>2<s/></a>"));
    const [first] = childElements(root);
    expect(first && canonicalize(root, { without: first })).toBe("<a>12<s></s></a>");
  });
});

describeWith("exclusive canonical form, held against xmllint", xmllint, ({ runOn }) => {
  it.each([
    DOCUMENT.replaceAll(/<!--.*?-->/g, ""),
    `<a xmlns="urn:0" xmlns:p="urn:1"><b xmlns="" p:x="1" y="2">ü&#13;</b>\r\n<?p d?></a>`,
    `<p:a xmlns:p="urn:1" xmlns:q="urn:1"><q:a xmlns:p="urn:2" q:b="&#9;" p:b='"'/></p:a>`,
    `<a xmlns:p="urn:p"><b xmlns="urn:b"><p:c><d xmlns="urn:b" p:x="1"/></p:c></b></a>`,
  ])("%#", async (text) => {
    expect(exclusive(text)).toBe(await runOn(text, "--exc-c14n"));
  });
});
