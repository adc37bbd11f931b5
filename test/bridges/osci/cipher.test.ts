import { spawnSync } from "node:child_process";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CIPHERS, NO_LEGACY } from "../../../bridges/osci/wire/algorithms.ts";
import {
  decrypted,
  encrypted,
  newSessionKey,
  type CipherMethod,
  type SessionKey,
} from "../../../bridges/osci/wire/cipher.ts";
import {
  keyTransportOf,
  unwrapKey,
  urisOf,
  wrapKey,
  type KeyTransport,
} from "../../../bridges/osci/wire/key-transport.ts";
import { sourceOf } from "../../../bridges/osci/wire/stream.ts";
import { ALL_LEGACY, bytesOf, FIXTURES, identity, loadKeys, random, verdict } from "./support.ts";

const keys = loadKeys(path.join(FIXTURES, "keys"));
const reader = identity(keys, "recipient_enc");
const xmlenc = "http://www.w3.org/2001/04/xmlenc#";
const xmlenc11 = "http://www.w3.org/2009/xmlenc11#";

const methods: readonly CipherMethod[] = [
  { uri: `${xmlenc11}aes128-gcm`, ivLength: 12 },
  { uri: `${xmlenc11}aes192-gcm`, ivLength: 12 },
  { uri: `${xmlenc11}aes256-gcm`, ivLength: 12 },
  { uri: `${xmlenc11}aes128-gcm`, ivLength: 16 },
  { uri: `${xmlenc11}aes192-gcm`, ivLength: 16 },
  { uri: `${xmlenc11}aes256-gcm`, ivLength: 16 },
  { uri: `${xmlenc}aes128-cbc`, ivLength: 16 },
  { uri: `${xmlenc}aes192-cbc`, ivLength: 16 },
  { uri: `${xmlenc}aes256-cbc`, ivLength: 16 },
];
const gcm256: CipherMethod = { uri: `${xmlenc11}aes256-gcm`, ivLength: 12 };
const cbc256: CipherMethod = { uri: `${xmlenc}aes256-cbc`, ivLength: 16 };

async function seal(plain: Buffer, session: SessionKey): Promise<Buffer> {
  const source = encrypted(sourceOf(plain), session, ALL_LEGACY);
  const bytes = await bytesOf(source.open());
  expect(source.size).toBe(bytes.length);
  return bytes;
}

function unseal(bytes: Buffer, method: CipherMethod, key: Buffer): Promise<Buffer> {
  return bytesOf(decrypted(sourceOf(bytes).open(), method, key, ALL_LEGACY));
}

describe.each(methods)("$uri, IV of $ivLength bytes", (method) => {
  it("comes back in whatever pieces, for every length around a block", async () => {
    for (let length = 0; length < 70; length += 1) {
      const session = newSessionKey(method, ALL_LEGACY);
      const plain = randomBytes(length);
      const bytes = await seal(plain, session);
      const next = random(length + 1);
      const pieces: Buffer[] = [];
      for (let start = 0; start < bytes.length;) {
        const end = start + 1 + next(20);
        pieces.push(bytes.subarray(start, end));
        start = end;
      }
      const opened = decrypted(sourceOf(...pieces).open(), method, session.key, ALL_LEGACY);
      expect((await bytesOf(opened)).equals(plain), `${String(length)} bytes`).toBe(true);
    }
  });

  it("is what node:crypto makes and reads by itself", async () => {
    const name = CIPHERS[method.uri]?.name ?? "aes-256-gcm";
    const session = newSessionKey(method, ALL_LEGACY);
    const plain = randomBytes(100_003);
    const ours = await seal(plain, session);
    expect(ours.subarray(0, method.ivLength).equals(session.iv)).toBe(true);
    const body = ours.subarray(method.ivLength);
    if (name.endsWith("gcm")) {
      const decipher = createDecipheriv(name as "aes-256-gcm", session.key, session.iv);
      decipher.setAuthTag(body.subarray(-16));
      const opened = Buffer.concat([decipher.update(body.subarray(0, -16)), decipher.final()]);
      expect(opened.equals(plain)).toBe(true);
    } else {
      const decipher = createDecipheriv(name, session.key, session.iv);
      expect(Buffer.concat([decipher.update(body), decipher.final()]).equals(plain)).toBe(true);
    }
  });

  it("is the same each time it is opened", async () => {
    const source = encrypted(
      sourceOf(randomBytes(1000)),
      newSessionKey(method, ALL_LEGACY),
      ALL_LEGACY,
    );
    expect((await bytesOf(source.open())).equals(await bytesOf(source.open()))).toBe(true);
  });

  it("fails in one way only, wherever it is cut off", async () => {
    const session = newSessionKey(method, ALL_LEGACY);
    const bytes = await seal(randomBytes(50), session);
    for (let length = 0; length < bytes.length; length += 1)
      if (method.uri.endsWith("gcm") || length % 16 !== 0 || length <= 16)
        expect(await verdict(() => unseal(bytes.subarray(0, length), method, session.key))).toBe(
          "INPUT_INVALID 9202",
        );
  });

  it("takes no key of another length", async () => {
    const session = newSessionKey(method, ALL_LEGACY);
    const bytes = await seal(Buffer.from("x"), session);
    expect(await verdict(() => unseal(bytes, method, session.key.subarray(1)))).toBe(
      "INPUT_INVALID 9202",
    );
  });
});

describe("authentication", () => {
  it("refuses every changed bit: IV, ciphertext and tag", async () => {
    const session = newSessionKey(gcm256, NO_LEGACY);
    const bytes = await seal(Buffer.from("secret text"), session);
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(await verdict(() => unseal(changed, gcm256, session.key))).toBe("INPUT_INVALID 9202");
    }
  });

  it("does not read an IV of 12 bytes as one of 16", async () => {
    const session = newSessionKey(gcm256, NO_LEGACY);
    const bytes = await seal(Buffer.from("secret text"), session);
    expect(await verdict(() => unseal(bytes, { ...gcm256, ivLength: 16 }, session.key))).toBe(
      "INPUT_INVALID 9202",
    );
  });
});

describe("CBC", () => {
  it("is refused unless the account allows it", async () => {
    expect(await verdict(async () => newSessionKey(cbc256, NO_LEGACY))).toBe("INPUT_INVALID 9202");
    const source = sourceOf(Buffer.alloc(32)).open();
    expect(
      await verdict(() => bytesOf(decrypted(source, cbc256, Buffer.alloc(32), NO_LEGACY))),
    ).toBe("INPUT_INVALID 9202");
  });

  it("says the same for every padding that is wrong", async () => {
    const key = randomBytes(32);
    const iv = randomBytes(16);
    for (const last of [0, 17, 32, 255]) {
      const cipher = createCipheriv("aes-256-cbc", key, iv).setAutoPadding(false);
      const block = Buffer.alloc(16, 1);
      block[15] = last;
      const bytes = Buffer.concat([iv, cipher.update(block), cipher.final()]);
      expect(await verdict(() => unseal(bytes, cbc256, key))).toBe("INPUT_INVALID 9202");
    }
  });

  it("trusts only the last byte of the padding, as XML Encryption does", async () => {
    const key = randomBytes(32);
    const iv = randomBytes(16);
    const cipher = createCipheriv("aes-256-cbc", key, iv).setAutoPadding(false);
    const block = Buffer.concat([Buffer.from("plain"), randomBytes(10), Buffer.from([11])]);
    const bytes = Buffer.concat([iv, cipher.update(block), cipher.final()]);
    expect((await unseal(bytes, cbc256, key)).toString()).toBe("plain");
  });
});

describe("key transport", () => {
  const transports: readonly KeyTransport[] = [
    { kind: "oaep", hash: "sha256" },
    { kind: "oaep", hash: "sha512" },
    { kind: "rsa-1_5" },
  ];

  it.each(transports)("comes back: %j", (transport) => {
    const key = randomBytes(32);
    const wrapped = wrapKey(reader.certificate, key, transport);
    expect(unwrapKey(reader.privateKey, wrapped, transport, 32).equals(key)).toBe(true);
    expect(keyTransportOf(urisOf(transport), ALL_LEGACY)).toEqual(transport);
  });

  it.each([
    ["without MGF", { mgf: undefined }],
    ["without DigestMethod", { digest: undefined }],
    ["with two hashes", { mgf: `${xmlenc11}mgf1sha512` }],
    [
      "with SHA-1",
      { mgf: `${xmlenc11}mgf1sha1`, digest: "http://www.w3.org/2000/09/xmldsig#sha1" },
    ],
    ["as rsa-oaep-mgf1p", { algorithm: `${xmlenc}rsa-oaep-mgf1p` }],
    ["as rsa-1_5", { algorithm: `${xmlenc}rsa-1_5` }],
    ["as toString", { algorithm: "toString" }],
  ])("is refused %s", async (_name, change) => {
    const uris = { ...urisOf({ kind: "oaep", hash: "sha256" }), ...change };
    expect(await verdict(async () => keyTransportOf(uris, NO_LEGACY))).toBe("INPUT_INVALID 9202");
  });

  it("answers a wrong rsa-1_5 padding with a key, and not the same one twice", () => {
    const nonsense = randomBytes(256);
    nonsense[0] = 0;
    const open = (): Buffer => unwrapKey(reader.privateKey, nonsense, { kind: "rsa-1_5" }, 32);
    expect(open().length).toBe(32);
    const short = wrapKey(reader.certificate, randomBytes(16), { kind: "rsa-1_5" });
    expect(unwrapKey(reader.privateKey, short, { kind: "rsa-1_5" }, 32).length).toBe(32);
  });

  it("refuses what OAEP cannot open", async () => {
    const transport = { kind: "oaep", hash: "sha256" } as const;
    const wrapped = wrapKey(reader.certificate, randomBytes(16), transport);
    const wrong: readonly [Buffer, number][] = [
      [randomBytes(256), 32],
      [wrapped, 32],
      [Buffer.alloc(3), 32],
    ];
    for (const [bytes, length] of wrong)
      expect(
        await verdict(async () => unwrapKey(reader.privateKey, bytes, transport, length)),
      ).toBe("INPUT_INVALID 9202");
  });

  it("takes no certificate whose key is not RSA", async () => {
    const { certificate } = identity(keys, "ec_sig");
    const wrap = async (): Promise<Buffer> =>
      wrapKey(certificate, randomBytes(16), { kind: "oaep", hash: "sha256" });
    expect(await verdict(wrap)).toBe("CERTIFICATE_INVALID 9500");
  });
});

const openssl = spawnSync("openssl", ["version"]).status === 0;
describe.skipIf(!openssl)("held against openssl (skipped where it is not installed)", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "osci-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const keyFile = path.join(FIXTURES, "keys", "recipient_enc.key.pem");
  const certificateFile = path.join(FIXTURES, "keys", "recipient_enc.cert.pem");

  function run(args: readonly string[], input: Buffer): Buffer {
    const { status, stdout, stderr } = spawnSync("openssl", args, { input });
    if (status !== 0) throw new Error(stderr.toString());
    return stdout;
  }

  it.each([16, 24, 32])("AES-CBC with a key of %i bytes, both ways", async (keyBytes) => {
    const bits = String(keyBytes * 8);
    const method = { uri: `${xmlenc}aes${bits}-cbc`, ivLength: 16 } as const;
    const session = newSessionKey(method, ALL_LEGACY);
    const plain = randomBytes(10_007);
    const args = [
      `-aes-${bits}-cbc`,
      "-K",
      session.key.toString("hex"),
      "-iv",
      session.iv.toString("hex"),
    ];
    const sealed = await seal(plain, session);
    expect(run(["enc", "-d", ...args], sealed.subarray(16)).equals(plain)).toBe(true);
    const theirs = Buffer.concat([session.iv, run(["enc", "-e", ...args], plain)]);
    expect((await unseal(theirs, method, session.key)).equals(plain)).toBe(true);
  });

  it.each<[KeyTransport, readonly string[]]>([
    [
      { kind: "oaep", hash: "sha256" },
      ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"],
    ],
    [
      { kind: "oaep", hash: "sha512" },
      ["rsa_padding_mode:oaep", "rsa_oaep_md:sha512", "rsa_mgf1_md:sha512"],
    ],
    [{ kind: "rsa-1_5" }, ["rsa_padding_mode:pkcs1"]],
  ])("key transport %j, both ways", (transport, options) => {
    const key = randomBytes(32);
    const flags = options.flatMap((option) => ["-pkeyopt", option]);
    const wrapped = wrapKey(reader.certificate, key, transport);
    expect(run(["pkeyutl", "-decrypt", "-inkey", keyFile, ...flags], wrapped).equals(key)).toBe(
      true,
    );
    const file = path.join(folder, "key");
    writeFileSync(file, key);
    const theirs = run(
      ["pkeyutl", "-encrypt", "-certin", "-inkey", certificateFile, ...flags, "-in", file],
      Buffer.alloc(0),
    );
    expect(unwrapKey(reader.privateKey, theirs, transport, 32).equals(key)).toBe(true);
  });
});
