import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOfCertificate, loadAddressBook } from "../../../bridges/osci/egvp/address-book.ts";
import type { AddressBookPins } from "../../../bridges/osci/egvp/address-book.ts";
import { SettingsFile } from "../../../src/bridge/settings.ts";
import { certificate, COURT, FOLDER, US } from "./egvp-support.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "egvp-book-"));
  mkdirSync(path.join(folder, "certificates"));
  cpSync(`${FOLDER}certificates`, path.join(folder, "certificates"), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

const byFile = (name: string) =>
  `{ file: certificates/${name}.pem, sha256: "${digestOfCertificate(certificate(name))}" }`;
const inline = (name: string) => `{ pem: ${JSON.stringify(certificate(name).toString())} }`;
const entry = (safeId: string, name: string, cipher: string, more = "") =>
  `  - { safeId: ${safeId}, name: "${name}", cipher: ${cipher}, intermediary: im${more} }\n`;
const book = (...entries: string[]) =>
  `version: 1
intermediaries:
  im: { url: "https://osci.example/entry", cipher: ${byFile("vhn-justiz")}, signature: ${inline("vhn-bebpo")} }
entries:
${entries.join("")}`;
const GOOD = () =>
  book(
    entry(
      COURT,
      "Amtsgericht Köln",
      byFile("mailbox-court"),
      `, place: Köln, role: authority, signature: [${byFile("vhn-justiz")}]`,
    ),
    entry(US, "Stadt Größe", inline("mailbox-authority")),
  );

let count = 0;
function load(text: string, pins?: AddressBookPins, signature?: Buffer | string) {
  count += 1;
  const file = path.join(folder, `book${count}.yaml`);
  writeFileSync(file, text);
  if (signature !== undefined) writeFileSync(`${file}.sig`, signature);
  const settings = new SettingsFile(`file:book${count}.yaml`);
  settings.load(folder);
  const sha256 = createHash("sha256").update(text).digest("hex");
  return loadAddressBook(settings, pins ?? { sha256: [sha256] });
}
const invalid = (message: string | RegExp) =>
  expect.objectContaining({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(message) as string,
  }) as unknown;

describe("an intermediary in an address book", () => {
  const signed = (signature: string) =>
    GOOD().replace(`signature: ${inline("vhn-bebpo")} }`, `signature: ${signature} }`);
  const digests = (text: string) =>
    load(text).entries[0]?.intermediary.signatures.map(digestOfCertificate);
  const of = (...names: string[]) => names.map((name) => digestOfCertificate(certificate(name)));

  it("has one signature certificate, or several while it changes it", () => {
    expect(digests(GOOD())).toEqual(of("vhn-bebpo"));
    const both = `[${inline("vhn-bebpo")}, ${byFile("vhn-justiz")}]`;
    expect(digests(signed(both))).toEqual(of("vhn-bebpo", "vhn-justiz"));
  });

  it.each([
    ["none", () => "[]"],
    ["too many", () => `[${Array.from({ length: 6 }, () => inline("vhn-bebpo")).join(", ")}]`],
    [
      "one that is another than its digest says",
      () =>
        `[${inline("vhn-bebpo")}, { file: certificates/vhn-justiz.pem, sha256: "${"0".repeat(64)}" }]`,
    ],
  ])("is refused with %s", (_name, signature) => {
    expect(() => load(signed(signature()))).toThrow(invalid("intermediaries"));
  });
});

describe("an address book", () => {
  it("finds mailboxes by SAFE-ID and by certificate", () => {
    const loaded = load(GOOD());
    expect(loaded.find(COURT.toUpperCase())).toMatchObject({
      safeId: COURT,
      name: "Amtsgericht Köln",
      role: "authority",
      intermediary: { url: "https://osci.example/entry" },
    });
    const digest = digestOfCertificate(certificate("mailbox-authority"));
    expect(loaded.byCipherCertificate(digest.toUpperCase())?.safeId).toBe(US);
    expect(loaded.find("DE.Justiz.other")).toBe(undefined);
    expect(loaded.byCipherCertificate("00")).toBe(undefined);
    expect(loaded.urls()).toEqual(["https://osci.example/entry"]);
  });
  it.each([
    ["koeln", [COURT]],
    ["KOLN amtsger", [COURT]],
    ["köln", [COURT]],
    ["groesse", [US]],
    ["größe stadt", [US]],
    ["gericht", []],
    ["köln größe", []],
    ["", []],
    [" *?[ ", []],
    [US.toLowerCase(), [US]],
  ])("search %j", (query, expected) => {
    expect(
      load(GOOD())
        .search(query)
        .map(({ safeId }) => safeId),
    ).toEqual(expected);
  });
});

describe("pins", () => {
  it("none at all is a fault of the configuration", () => {
    expect(() => load(GOOD(), {})).toThrow(invalid(/needs a pin/));
  });
  it("another digest is refused before anything is read", () => {
    const pins = { sha256: ["0".repeat(64)] };
    expect(() => load("{ not yaml", pins)).toThrow(
      expect.objectContaining({ code: "SIGNATURE_INVALID" }),
    );
  });
  it("one of several digests is enough", () => {
    const sha256 = createHash("sha256").update(GOOD()).digest("hex");
    expect(load(GOOD(), { sha256: ["0".repeat(64), sha256.toUpperCase()] }).entries).toHaveLength(
      2,
    );
  });
  it.each([
    ["ed25519", generateKeyPairSync("ed25519"), null],
    ["rsa", generateKeyPairSync("rsa", { modulusLength: 2048 }), "sha256"],
  ])("a signature beside it: %s, raw and base64", (_name, { publicKey, privateKey }, algorithm) => {
    const pins = { publicKey: publicKey.export({ type: "spki", format: "pem" }).toString() };
    const signature = sign(algorithm, Buffer.from(GOOD()), privateKey);
    expect(load(GOOD(), pins, signature).entries).toHaveLength(2);
    expect(load(GOOD(), pins, `${signature.toString("base64")}\n`).entries).toHaveLength(2);
    const refused = expect.objectContaining({ code: "SIGNATURE_INVALID" }) as unknown;
    expect(() => load(`${GOOD()}# more\n`, pins, signature)).toThrow(refused);
    expect(() => load(GOOD(), pins, Buffer.alloc(64))).toThrow(refused);
    expect(() => load(GOOD(), pins)).toThrow(refused);
  });
  it("a key that is none", () => {
    expect(() => load(GOOD(), { publicKey: "hello" }, "x")).toThrow(invalid(/not PEM/));
  });
});

describe("faults name their line", () => {
  it.each([
    [
      "a SAFE-ID twice",
      () =>
        book(
          entry(COURT, "A", inline("mailbox-court")),
          entry(COURT.toUpperCase(), "B", inline("mailbox-authority")),
        ),
      /:6:\d+: entries\.1\.safeId: .*listed twice/,
    ],
    [
      "a certificate twice",
      () =>
        book(entry(COURT, "A", inline("mailbox-court")), entry(US, "B", inline("mailbox-court"))),
      /:6:\d+: entries\.1\.cipher/,
    ],
    [
      "an unknown intermediary",
      () =>
        book(
          entry(COURT, "A", inline("mailbox-court")).replace(
            "intermediary: im",
            "intermediary: xy",
          ),
        ),
      /:5:\d+: .*no intermediary xy/,
    ],
    [
      "another certificate than announced",
      () =>
        book(
          entry(COURT, "A", byFile("mailbox-court").replace("mailbox-court", "mailbox-authority")),
        ),
      /:5:\d+: .*another certificate/,
    ],
    [
      "a file that is not there",
      () => book(entry(COURT, "A", `{ file: none.pem, sha256: "${"0".repeat(64)}" }`)),
      /:5:\d+: .*cannot be read/,
    ],
    [
      "a way out of the folder",
      () => book(entry(COURT, "A", `{ file: ../a.pem, sha256: "${"0".repeat(64)}" }`)),
      /:5:\d+: /,
    ],
    [
      "an absolute path",
      () => book(entry(COURT, "A", `{ file: /etc/passwd, sha256: "${"0".repeat(64)}" }`)),
      /:5:\d+: /,
    ],
    [
      "a file without digest",
      () => book(entry(COURT, "A", "{ file: certificates/mailbox-court.pem }")),
      /:5:\d+: /,
    ],
    [
      "a weak key",
      () => book(entry(COURT, "A", inline("mailbox-weak"))),
      /:5:\d+: .*shorter than 2048/,
    ],
    ["no RSA key", () => book(entry(COURT, "A", inline("mailbox-ec"))), /:5:\d+: .*RSA/],
    [
      "an unknown key",
      () => book(entry(COURT, "A", inline("mailbox-court"), ", colour: red")),
      /:5:\d+: .*colour/i,
    ],
    ["no entries", () => "version: 1\nintermediaries: {}\nentries: []\n", /:3:\d+: entries/],
    ["a key twice", () => "version: 1\nversion: 1\n", /:2:\d+: /],
    ["an alias", () => "version: &a 1\nintermediaries: {}\nentries: [*a]\n", /aliases|entries/],
    ["a user in the URL", () => GOOD().replace("https://", "https://u:p@"), /:3:\d+: .*URL/],
  ])("%s", (_name, text, message) => {
    expect(() => load(text())).toThrow(invalid(message));
  });
});
