import { mkdtemp, rm, stat } from "node:fs/promises";
import { X509Certificate } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import forge from "node-forge";
import { commonNameOf, createPki, openPki } from "../../../fixtures/simulators/pki/index.ts";

describe("the test certificate authority", () => {
  it("issues what it says: name, usage, validity, issuer", async () => {
    const pki = await createPki();
    const ca = new X509Certificate(pki.ca.certPem);
    expect(commonNameOf(ca)).toBe("Postfachbruecke Test-CA");
    const client = await pki.issue({ cn: "Stadt Köln, Bauamt", bits: 3072 });
    const certificate = new X509Certificate(client.certPem);
    expect(client.cn).toBe("Stadt Köln, Bauamt");
    expect(certificate.checkIssued(ca) && certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    const server = new X509Certificate((await pki.issue({ cn: "x", kind: "server" })).certPem);
    expect(server.checkHost("localhost")).toBe("localhost");
    expect(server.checkIP("127.0.0.1")).toBe("127.0.0.1");
    const expired = await pki.issueExpired({ cn: "Alt" });
    expect(expired.notAfter.getTime()).toBeLessThan(Date.now());
    const foreign = new X509Certificate((await createPki()).ca.certPem);
    expect(certificate.verify(foreign.publicKey)).toBe(false);
  });

  it("packs PKCS#12 that only its password opens", async () => {
    const identity = await (await createPki()).issue({ cn: "Stadt" });
    const asn1 = forge.asn1.fromDer(identity.toPkcs12("geheim").toString("latin1"));
    const bags = forge.pkcs12.pkcs12FromAsn1(asn1, "geheim").getBags({ friendlyName: "Stadt" });
    expect(bags.friendlyName?.length).toBeGreaterThan(0);
    expect(() => forge.pkcs12.pkcs12FromAsn1(asn1, "falsch")).toThrow();
  });

  it("is found again in its directory, with what it issued", async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "pki-"));
    const first = await openPki(directory);
    const issued = await first.obtain("stadt", { cn: "Stadt" });
    const again = await openPki(directory);
    expect(again.ca).toEqual(first.ca);
    expect((await again.obtain("stadt", { cn: "Stadt" })).fingerprint).toBe(issued.fingerprint);
    expect((await stat(issued.keyFile)).mode & 0o077).toBe(0);
    await expect(again.obtain("../x", { cn: "x" })).rejects.toThrow("not a file name");
    await rm(directory, { recursive: true });
  });
});
