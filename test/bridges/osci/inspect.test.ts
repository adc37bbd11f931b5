import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspectOsci } from "../../../bridges/osci/inspect.ts";
import type { Inspection } from "../../../src/bridge/contract.ts";
import {
  edited,
  fixture,
  FIXTURES,
  HAS_RECORDINGS,
  RECORDINGS,
  verdict,
  wireFiles,
} from "./support.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "osci-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function inspect(
  file: string,
  keys = path.join(FIXTURES, "keys"),
  more: Readonly<Record<string, string>> = {},
): Promise<Inspection> {
  return inspectOsci(file, { options: { keys, ...more }, now: new Date("2030-01-01") });
}

function inspectBytes(
  bytes: Buffer,
  more: Readonly<Record<string, string>> = {},
): Promise<Inspection> {
  const file = path.join(folder, "message.mime");
  writeFileSync(file, bytes);
  return inspect(file, undefined, more);
}

const corpora: readonly [string, string][] = [
  ["own fixtures", FIXTURES],
  ...(HAS_RECORDINGS ? [["recordings", RECORDINGS] as [string, string]] : []),
];

describe.each(corpora)("all %s", (_name, root) => {
  const keys = path.join(root, "keys");
  const inner = wireFiles(root)
    .map((file) => file.replace(".outer.", ".inner."))
    .filter((file) =>
      readdirSync(path.join(root, path.dirname(file))).includes(path.basename(file)),
    );

  it.each([...new Set([...wireFiles(root), ...inner])])("%s is accepted", async (file) => {
    const legacy: Readonly<Record<string, string>> = file.startsWith("legacy")
      ? { legacy: "cbc,rsa-1_5" }
      : {};
    const inspection = await inspect(path.join(root, file), keys, legacy);
    expect(inspection.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(inspection.code).toBeUndefined();
    expect(inspection.kind).toBe("osci");
    const type = String(inspection.facts?.["type"]);
    expect(path.basename(file)).toContain(type);
    expect(JSON.stringify(inspection)).not.toContain("undefined");
  });

  it.each(inner)("--inner writes %s byte for byte", async (file) => {
    const target = path.join(folder, "inner.mime");
    await inspect(path.join(root, file.replace(".inner.", ".outer.")), keys, { inner: target });
    expect(readFileSync(target).equals(readFileSync(path.join(root, file)))).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  });
});

describe("what it says", () => {
  it("of a delivery: signatures, references, containers, attachments", async () => {
    const { facts, checks } = await inspect(
      path.join(FIXTURES, "default", "04-ResponseToFetchDelivery.outer.mime"),
    );
    expect(facts).toMatchObject({
      type: "ResponseToFetchDelivery",
      transportEncryption: {
        ivLength: 12,
        keyTransport: "rsa-oaep",
        keyTransportHash: "sha256",
        key: "recipient_enc",
      },
      transportSignature: {
        valid: true,
        role: "SignatureCertificateIntermediary",
        key: "manager_sig",
      },
      controlBlock: { conversationId: "1003", sequenceNumber: 0 },
      feedback: {
        outcome: "done",
        entries: [{ code: "0801", meaning: "done, the dialog stays open" }],
      },
      processCards: [{ messageId: "govapp_17000000000001234567890123456789" }],
      containers: [
        {
          id: "contentcontainer0",
          encryption: [],
          signatures: [{ valid: true, key: "originator_sig" }],
        },
        { id: "contentcontainer1", encryption: [{ readers: 2 }], signatures: [{ valid: true }] },
      ],
      attachments: [
        { name: "test.txt", encrypted: false, bytes: 42 },
        { name: "enc_test.txt", encrypted: true, bytes: 23, transportedBytes: 23 + 28 },
      ],
      encryptedForOthers: [],
    });
    expect(checks.map(({ name }) => name)).toContain("transport signature: cid:test.txt");
    expect(JSON.stringify(facts)).not.toMatch(/PRIVATE|secret attachment|geheimer/);
  });

  it("of certificates: role, owner, validity at the given time, whether they are known", async () => {
    const { facts } = await inspect(path.join(FIXTURES, "default", "01-GetMessageId.outer.mime"));
    const [cipher, signature] = facts?.["certificates"] as readonly Readonly<
      Record<string, unknown>
    >[];
    expect(cipher).toMatchObject({
      role: "CipherCertificateOriginator",
      known: "originator_enc",
      key: "rsa 2048",
      validNow: true,
    });
    expect(signature?.["subject"]).toBe("CN=originator_sig, O=Postfachbruecke Test, C=DE");
  });

  it("of a fault", async () => {
    const { facts, code } = await inspect(path.join(FIXTURES, "faults", "01-SOAPFault-9503.mime"));
    expect(code).toBeUndefined();
    expect(facts).toMatchObject({ type: "SOAPFault", fault: { code: "9503", side: "server" } });
  });

  it("without any key of what stands in the clear", async () => {
    const bytes = fixture("plain-unsigned", "01-GetMessageId.outer.mime");
    const file = path.join(folder, "plain.mime");
    writeFileSync(file, bytes);
    const { code, facts } = await inspectOsci(file, { options: {}, now: new Date() });
    expect([code, facts?.["type"], facts?.["transportEncryption"]]).toEqual([
      undefined,
      "GetMessageId",
      "none",
    ]);
  });
});

describe("what it refuses, with a code", () => {
  const signed = fixture("default", "02-StoreDelivery.inner.mime");

  it.each<[string, () => Buffer, string]>([
    ["no MIME at all", () => Buffer.from("hello"), "INPUT_INVALID"],
    ["an empty file", () => Buffer.alloc(0), "INPUT_INVALID"],
    [
      "a DOCTYPE",
      () => edited(signed, "<soap:Envelope", "<!DOCTYPE a><soap:Envelope"),
      "INPUT_HOSTILE",
    ],
    [
      "a changed block",
      () => edited(signed, "Testnachricht", "Testnachrichd"),
      "SIGNATURE_INVALID",
    ],
    [
      "a changed attachment",
      () => edited(signed, "plain attachment", "plaim attachment"),
      "SIGNATURE_INVALID",
    ],
    [
      "legacy encryption that was not asked for",
      () => fixture("legacy", "02-StoreDelivery.outer.mime"),
      "INPUT_INVALID",
    ],
    [
      "a truncated message",
      () => fixture("default", "02-StoreDelivery.outer.mime").subarray(0, 9000),
      "INPUT_INVALID",
    ],
    [
      "a wrong control block",
      () =>
        edited(
          fixture("plain-unsigned", "06-ResponseToExitDialog.outer.mime"),
          /<osci:Response>.*<\/osci:Response>/,
          "",
        ),
      "INPUT_INVALID",
    ],
  ])("%s", async (_name, bytes, code) => {
    const inspection = await inspectBytes(bytes());
    expect(inspection.code).toBe(code);
    expect(inspection.checks.some(({ ok }) => !ok)).toBe(true);
  });

  it("names the reference that is wrong and passes the others", async () => {
    const { checks } = await inspectBytes(edited(signed, "Testnachricht", "Testnachrichd"));
    const wrong = checks.filter(({ ok }) => !ok).map(({ name }) => name);
    expect(wrong).toEqual(["transport signature: #storedelivery"]);
    expect(checks.filter(({ name, ok }) => ok && name.includes("#")).length).toBeGreaterThan(5);
  });

  it("a signer whose certificate nobody vouches for", async () => {
    const keys = path.join(folder, "keys");
    rmSync(keys, { recursive: true, force: true });
    const copy = (name: string): void => {
      copyFileSync(path.join(FIXTURES, "keys", name), path.join(keys, name));
    };
    mkdirSync(keys);
    for (const name of ["manager_enc.key.pem", "manager_enc.cert.pem"]) copy(name);
    const file = path.join(FIXTURES, "default", "01-GetMessageId.outer.mime");
    expect((await inspect(file, keys)).code).toBe("CERTIFICATE_INVALID");
    copy("ca.cert.pem");
    expect((await inspect(file, keys)).code).toBeUndefined();
  });

  it("a key that is not there, and writes nothing then", async () => {
    const keys = path.join(folder, "no-keys");
    mkdirSync(keys);
    const target = path.join(folder, "never.mime");
    const file = path.join(FIXTURES, "default", "01-GetMessageId.outer.mime");
    const inspection = await inspect(file, keys, { inner: target });
    expect(inspection.code).toBe("CERTIFICATE_INVALID");
    expect(inspection.checks.at(-1)?.detail).toContain("OSCI 9200");
    expect(readdirSync(folder)).not.toContain("never.mime");
  });

  it("a message that breaks off, and leaves no half of it", async () => {
    const target = path.join(folder, "half.mime");
    const bytes = fixture("default", "02-StoreDelivery.outer.mime");
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    expect((await inspectBytes(bytes, { inner: target })).code).toBe("INPUT_INVALID");
    expect(readdirSync(folder).filter((name) => name.startsWith("half"))).toEqual([]);
  });

  it("files and options that are not there by throwing", async () => {
    expect(await verdict(() => inspect(path.join(folder, "nothing.mime")))).toBe("NOT_FOUND");
    expect(await verdict(() => inspect(folder, path.join(folder, "nothing")))).toBe(
      "SECRET_UNREADABLE",
    );
    expect(await verdict(() => inspectBytes(Buffer.from("x"), { legacy: "des" }))).toBe(
      "CONFIG_INVALID",
    );
  });
});
