/** Settings, keys and address book of an account: what is refused before the first letter, and with which words. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import osci from "../../../bridges/osci/index.ts";
import { loadKeys } from "../../../bridges/osci/keys.ts";
import { settingsSchema } from "../../../bridges/osci/settings.ts";
import { SIGNATURE_NAMES, suiteOf } from "../../../bridges/osci/suite.ts";
import { cipherOf } from "../../../bridges/osci/wire/cipher.ts";
import { createDigest } from "../../../bridges/osci/wire/digests.ts";
import {
  signatureAlgorithmOf,
  signBytes,
  verifyBytes,
} from "../../../bridges/osci/wire/signature-value.ts";
import {
  makeIdentity,
  packPkcs12,
  type KeyPem,
} from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import { loadSettings } from "../../support/settings.ts";
import {
  COURT_ID,
  makeBridge,
  makeKeys,
  never,
  OUR_ID,
  PIN,
  rawSettings,
  startHub,
  writeBook,
  type Keys,
  type Raw,
} from "./flows-bench.ts";

const URL = "http://127.0.0.1:9/entry";
let keys: Keys;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());

const settings = async (more: Raw = {}, url = URL) =>
  loadSettings(settingsSchema, await rawSettings(keys, url, more), keys.folder);
const file = (name: string) => `file:${path.join(keys.folder, name)}`;

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return "fine";
  } catch (error) {
    if (error instanceof GatewayError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

async function keyFile(name: string, identity: KeyPem): Promise<Raw> {
  await writeFile(path.join(keys.folder, name), packPkcs12(identity, PIN));
  return { pkcs12: file(name), pin: file("pin") };
}
/** node-forge writes no EC keys; openssl does, as every real issuer. */
async function opensslFile(name: string, { certPem, keyPem }: KeyPem): Promise<Raw> {
  const place = path.join(keys.folder, name);
  await writeFile(`${place}.pem`, certPem + keyPem);
  const pass = `pass:${PIN}`;
  execFileSync("openssl", [
    "pkcs12",
    "-export",
    "-in",
    `${place}.pem`,
    "-out",
    place,
    "-passout",
    pass,
  ]);
  return { pkcs12: file(name), pin: file("pin") };
}
async function withKeys(more: Raw): Promise<Raw> {
  const raw = await rawSettings(keys, URL);
  return { keys: { ...(raw["keys"] as Raw), ...more } };
}

describe("keys", () => {
  it("come out of PKCS#12 files with their certificates, old ones beside", async () => {
    const older = [{ pkcs12: file("older.p12"), pin: file("pin") }];
    const { keys: loaded } = await settings(await withKeys({ older }));
    const own = loadKeys(loaded);
    const [old] = own.older;
    if (old === undefined) throw new Error("no older key");
    expect(own.cipher.certificate.subject).toContain("Stadt Beispielhausen");
    for (const identity of [own.cipher, own.signature, old])
      expect(identity.certificate.checkPrivateKey(identity.privateKey)).toBe(true);
    expect(own.ring.find(old.certificate)).toBe(old);
    expect(own.ring.find(own.signature.certificate)).toBeUndefined();
  });

  it("may be EC for signatures, never for the mailbox", async () => {
    const ec = await makeIdentity({ cn: "VHN - Justiz", use: "signature", kind: "p256" });
    const signature = await opensslFile("ec.p12", ec);
    const { keys: loaded } = await settings(await withKeys({ signature }));
    const own = loadKeys(loaded).signature;
    expect(own.privateKey.asymmetricKeyType).toBe("ec");
    expect(own.certificate.raw.equals(new X509Certificate(ec.certPem).raw)).toBe(true);
    const cipher = await settings(await withKeys({ cipher: signature }));
    expect(await codeOf(() => loadKeys(cipher.keys))).toContain("RSA keys only");
  });

  it("of openssl's present form are read, too", async () => {
    const cipher = await opensslFile("modern.p12", keys.us.cipher);
    const { keys: loaded } = await settings(await withKeys({ cipher }));
    const { raw } = new X509Certificate(keys.us.cipher.certPem);
    expect(loadKeys(loaded).cipher.certificate.raw.equals(raw)).toBe(true);
  });

  it.each<[string, () => Promise<Raw>, string]>([
    [
      "a wrong PIN",
      async () => {
        await writeFile(path.join(keys.folder, "pin2"), "000000");
        return { cipher: { pkcs12: file("cipher.p12"), pin: file("pin2") } };
      },
      "CERTIFICATE_INVALID: mailbox key: the PKCS#12 file cannot be opened",
    ],
    [
      "no PKCS#12",
      () => Promise.resolve({ cipher: { pkcs12: file("hub-cipher.pem"), pin: file("pin") } }),
      "CERTIFICATE_INVALID: mailbox key: the PKCS#12 file cannot be opened",
    ],
    [
      "the certificate of another key",
      async () => ({
        cipher: await keyFile("mixed.p12", {
          certPem: keys.court.cipher.certPem,
          keyPem: keys.us.cipher.keyPem,
        }),
      }),
      "CERTIFICATE_INVALID: mailbox key: the PKCS#12 file must hold exactly one certificate",
    ],
    [
      "a signature certificate for the mailbox",
      async () => ({ cipher: await keyFile("swapped.p12", keys.us.vhn) }),
      "does not allow encryption",
    ],
    [
      "a mailbox certificate for signatures",
      async () => ({ signature: await keyFile("swapped2.p12", keys.us.cipher) }),
      "does not allow signatures",
    ],
  ])("are refused: %s", async (_name, make, words) => {
    const { keys: loaded } = await settings(await withKeys(await make()));
    expect(await codeOf(() => loadKeys(loaded))).toContain(words);
  });
});

describe("the suite", () => {
  it("knows every name that the settings offer", async () => {
    const { crypto } = await settings();
    const ec = await makeIdentity({ cn: "EC", use: "signature", kind: "p256" });
    for (const signature of SIGNATURE_NAMES) {
      const { certPem, keyPem } = signature.startsWith("ecdsa") ? ec : keys.us.vhn;
      const certificate = new X509Certificate(certPem);
      const suite = suiteOf({ ...crypto, signature }, certificate);
      expect(signatureAlgorithmOf(suite.signature).scheme).toBe(
        signature.startsWith("ecdsa") ? "ecdsa" : signature.includes("pss") ? "pss" : "rsa",
      );
      const data = Buffer.from("x");
      const value = signBytes(suite.signature, createPrivateKey(keyPem), data);
      verifyBytes(suite.signature, certificate, data, value);
    }
    const certificate = new X509Certificate(keys.us.vhn.certPem);
    for (const digest of ["sha256", "sha512", "sha3-256", "sha3-384", "sha3-512"] as const)
      createDigest(suiteOf({ ...crypto, digest }, certificate).digest);
    for (const cipher of ["aes256-gcm", "aes192-gcm", "aes128-gcm"] as const) {
      const { method, legacy } = suiteOf({ ...crypto, cipher }, certificate);
      expect(cipherOf(method, legacy).mode).toBe("gcm");
    }
    const legacy = { cbc: true, rsa15: false };
    const old = suiteOf({ ...crypto, cipher: "aes128-cbc", ivLength: 16, legacy }, certificate);
    expect(cipherOf(old.method, legacy).mode).toBe("cbc");
  });

  it("refuses a method that the key cannot do", async () => {
    const wrong = await settings({ crypto: { signature: "ecdsa-sha256" } });
    expect(await codeOf(() => osci.verify?.(wrong))).toContain("CONFIG_INVALID: crypto.signature");
  });
});

describe("settings", () => {
  it.each<[string, Raw, string]>([
    ["CBC without leave", { crypto: { cipher: "aes256-cbc", ivLength: 16 } }, "crypto.cipher"],
    [
      "CBC with a short IV",
      { crypto: { cipher: "aes256-cbc", legacy: { cbc: true } } },
      "crypto.ivLength",
    ],
    [
      "proved senders that nobody can prove",
      { policy: { originators: "require" }, intermediary: { demandsSignatures: false } },
      "policy.originators",
    ],
    ["an address book that anybody may change", { addressBook: { file: "file:x" } }, "addressBook"],
    ["a literal PIN", { keys: { cipher: { pkcs12: "file:x", pin: "1234" } } }, "keys.cipher.pin"],
    ["too many files", { policy: { files: 1001 } }, "policy.files"],
    [
      "a SAFE-ID with blanks",
      { mailbox: { safeId: "DE. x", organisation: "A" } },
      "mailbox.safeId",
    ],
  ])("are refused: %s", async (_name, more, place) => {
    const parsed = settingsSchema.safeParse(await rawSettings(keys, URL, more));
    const places = parsed.error?.issues.map(({ path: at }) => at.join(".")) ?? [];
    expect(places).toContain(place);
  });

  it("name all hosts: our intermediary and those of the address book", async () => {
    const other = "http://127.0.0.1:10/entry";
    const addressBook = await writeBook(keys, other, [keys.court]);
    expect(osci.remotes(await settings({ addressBook }))).toEqual([URL, other]);
    const { addressBook: _none, ...alone } = await rawSettings(keys, URL);
    expect(osci.remotes(settingsSchema.parse(alone))).toEqual([URL]);
  });
});

describe("verify", () => {
  it("shows every certificate with its end", async () => {
    const found = await osci.verify?.(await settings());
    expect(found?.map(({ purpose }) => purpose.replace(/ \(RSA.*/, ""))).toEqual([
      "mailbox key",
      "signature key (VHN)",
      "intermediary, cipher",
      "intermediary, signature",
      "VHN authority",
    ]);
    for (const { notAfter } of found ?? []) expect(notAfter.getTime()).toBeGreaterThan(Date.now());
  });

  it("finds an address book that was changed", async () => {
    const addressBook = await writeBook(keys, URL, [keys.court]);
    const changed = { ...addressBook, sha256: ["0".repeat(64)] };
    const config = await settings({ addressBook: changed });
    expect(await codeOf(() => osci.verify?.(config))).toContain("SIGNATURE_INVALID");
  });

  it("finds an address book in which our own mailbox has another key", async () => {
    const people = [{ ...keys.stranger, safeId: OUR_ID }];
    const config = await settings({ addressBook: await writeBook(keys, URL, people) });
    expect(await codeOf(() => osci.verify?.(config))).toContain("letters to us could not be read");
  });
});

describe("looking", () => {
  it("finds parties by SAFE-ID and by words, and asks nobody", async () => {
    const bench = makeBridge(keys, await rawSettings(keys, URL));
    const court = { address: COURT_ID, name: "Amtsgericht Musterstadt", role: "authority" };
    expect(await bench.bridge.resolve(COURT_ID)).toEqual([court]);
    expect(await bench.bridge.resolve("musterstadt amtsger")).toEqual([court]);
    expect(await bench.bridge.resolve("landgericht")).toEqual([]);
    await bench.stop();
  });

  it("pings by opening and closing a dialog, and says why it cannot", async () => {
    const hub = await startHub(keys);
    const bench = makeBridge(keys, await rawSettings(keys, hub.url));
    const good = await bench.bridge.ping(never);
    expect([good.ok, good.certificates?.length]).toEqual([true, 5]);
    expect(hub.observations.requests.map(({ type }) => type)).toEqual(["InitDialog", "ExitDialog"]);
    hub.faults.next("InitDialog", { kind: "otherSigner" });
    const bad = await bench.bridge.ping(never);
    expect([bad.ok, bad.detail]).toEqual([false, expect.stringContaining("expected") as string]);
    await hub.stop();
    expect((await bench.bridge.ping(never)).ok).toBe(false);
    await bench.stop();
    await hub.close();
  });

  it("works without an address book, receiving only", async () => {
    const { addressBook: _none, ...alone } = await rawSettings(keys, URL);
    const bench = makeBridge(keys, alone);
    expect(await bench.bridge.resolve(COURT_ID)).toEqual([]);
    await bench.stop();
  });
});
