import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { issueCertificate } from "../../../fixtures/simulators/pki/certificate.ts";
import { decideLevel } from "../../../src/people/levels.ts";
import { readCertificate } from "../../../src/people/certificates.ts";
import { findRecipient } from "../../../src/people/recipients.ts";
import { isOver, momentsOf } from "../../../src/people/substitution.ts";
import { T0 } from "../../support/stores.ts";

describe("trust levels", () => {
  const policy = { roomMaximum: 2, above: "notice", link: "https://example.org" } as const;
  test.each([
    [1, true],
    [2, true],
    [3, false],
    [4, false],
  ] as const)("level %i with a maximum of 2: shown is %s", (level, show) => {
    expect(decideLevel({ level }, policy)).toMatchObject({ show });
    expect(decideLevel({ level }, undefined)).toMatchObject({ show: true });
  });
});

test("a substitution covers whole days of Germany, also over the change of the clock", () => {
  const time = momentsOf({ from: "2026-03-28", until: "2026-03-29" });
  expect(time.from.toISOString()).toBe("2026-03-27T23:00:00.000Z");
  expect(time.until.toISOString()).toBe("2026-03-29T22:00:00.000Z");
  expect(isOver(time, new Date("2026-03-27T22:59:59.999Z"))).toBe(true);
  expect(isOver(time, time.from)).toBe(false);
  expect(isOver(time, new Date("2026-03-29T21:59:59.999Z"))).toBe(false);
  expect(isOver(time, time.until)).toBe(true);
});

describe("recipients", () => {
  const signal = new AbortController().signal;
  const find = (...addresses: string[]) =>
    findRecipient(() => Promise.resolve(addresses.map((address) => ({ address }))), "q", signal);
  test("one, none, several in order: never a guess", async () => {
    expect(await find("a", "a")).toEqual({ result: "found", recipient: { address: "a" } });
    expect(await find()).toEqual({ result: "none" });
    const both = [{ address: "a" }, { address: "b" }];
    expect(await find("b", "a")).toEqual({ result: "several", recipients: both, more: false });
    expect(await find("a", "b")).toEqual(await find("b", "a"));
  });
  test("a directory that is down is no answer about people", async () => {
    const down = findRecipient(() => Promise.reject(new Error("away")), "q", signal);
    await expect(down).rejects.toMatchObject({ code: "REMOTE_UNAVAILABLE" });
    await expect(findRecipient(undefined, "q", signal)).rejects.toMatchObject({
      code: "NOT_ALLOWED",
    });
  });
});

describe("a private key is refused in every dress", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pkcs8 = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const pkcs1 = privateKey.export({ type: "pkcs1", format: "pem" }) as string;
  const der = privateKey.export({ type: "pkcs8", format: "der" }).toString("base64");
  const locked = privateKey.export({
    ...{ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" },
  } as never) as unknown as string;
  const p12 = Buffer.from([0x30, 0x82, 0x05, 0x00, 0x02, 0x01, 0x03, 0x30]).toString("base64");
  test.each([
    ["PKCS#8", pkcs8],
    ["PKCS#1", pkcs1],
    ["encrypted", locked],
    ["bare DER", der],
    ["PKCS#12", p12],
    ["under the name of a certificate", pkcs8.replaceAll("PRIVATE KEY", "CERTIFICATE")],
  ])("%s", (_name, text) => {
    expect(() => readCertificate(text, T0)).toThrow(/private key/);
  });
  test("a certificate is taken, with its key or behind its time it is not", async () => {
    const { certPem, keyPem } = await issueCertificate({
      ...{ cn: "Bauamt", kind: "client", bits: 2048, altNames: [] },
      validFrom: new Date(T0.getTime() - 86_400_000),
      validTo: new Date(T0.getTime() + 86_400_000),
    });
    expect(readCertificate(certPem, T0)).toMatchObject({
      subject: expect.stringContaining("Bauamt") as string,
      notAfter: new Date(T0.getTime() + 86_400_000),
    });
    expect(() => readCertificate(certPem + keyPem, T0)).toThrow(/private key/);
    expect(() => readCertificate(certPem + certPem, T0)).toThrow(/exactly one/);
    const late = new Date(T0.getTime() + 2 * 86_400_000);
    expect(() => readCertificate(certPem, late)).toThrow(/expired/);
  });
  test("what is no certificate is named as that", () => {
    expect(() => readCertificate("hello", T0)).toThrow(/exactly one certificate/);
  });
});
