import { describe, expect, it } from "vitest";
import { readState } from "../../../fixtures/simulators/zbp/application-state.ts";
import { checkAttachments } from "../../../fixtures/simulators/zbp/attachments.ts";
import { sha512Hex } from "../../../fixtures/simulators/zbp/legacy-wire.ts";
import { readLetter } from "../../../fixtures/simulators/zbp/letter.ts";
import { refusalOf } from "./zbp-stage.ts";

const minimal = {
  mailboxUuid: "11111111-2222-4333-8444-555555555555",
  stork_qaa_level: 1,
  sender: "S",
  title: "T",
  content: "C",
  service: "D",
};
const file = { filename: "a.txt", sha512sum: sha512Hex(Buffer.from("a")), contentLength: 1 };
const read = (change: object) => readLetter(JSON.stringify({ ...minimal, ...change }));

describe("fields of a letter", () => {
  it("needs only six", () => {
    expect(read({})).toEqual({ ...minimal, attachments: [] });
  });

  it.each(Object.keys(minimal))("does not do without %s", (name) => {
    expect(refusalOf(() => read({ [name]: undefined }))).toMatchObject({
      status: 400,
      field: name,
    });
    expect(refusalOf(() => read({ [name]: null }))).toMatchObject({ status: 400, field: name });
  });

  const lengths: readonly (readonly [string, number])[] = [
    ["sender", 255],
    ["title", 1024],
    ["service", 255],
    ["reference", 255],
  ];
  it.each(lengths)("counts %s in characters, up to %i", (name, max) => {
    expect(read({ [name]: "🙂".repeat(max) })).toHaveProperty(name);
    expect(refusalOf(() => read({ [name]: "🙂".repeat(max + 1) }))).toMatchObject({ field: name });
  });

  const values: readonly (readonly [string, unknown, unknown])[] = [
    ["mailboxUuid", "ABCDEF12-2222-4333-8444-555555555555", "11111111222243338444555555555555"],
    ["stork_qaa_level", 4, 5],
    ["stork_qaa_level", 1, 0],
    ["stork_qaa_level", 2, "2"],
    ["stork_qaa_level", 2, 2.5],
    ["title", "x", ""],
    ["title", "x", "zwei\nZeilen"],
    ["content", "zwei\nZeilen", ""],
    ["content", "Tab\t", "NUL\u0000"],
    ["senderUrl", "https://a.example/b?c=d#e", "http://a.example/"],
    ["senderUrl", `https://a.example/${"b".repeat(237)}`, `https://a.example/${"b".repeat(238)}`],
    ["retrievalConfirmationAddress", "ack+01J.mac@gw.example", "kein-at.example"],
    ["replyAddress", "a@localhost", "Amt <a@b.example>"],
    [
      "replyAddress",
      `${"a".repeat(64)}@${"b".repeat(255)}`,
      `${"a".repeat(64)}@${"b".repeat(256)}`,
    ],
    ["applicationId", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", null],
    ["routingInfo", "mxgw1.x.y", ""],
  ];
  it.each(values)("%s may be %j, not %j", (name, good, bad) => {
    expect(read({ [name]: good })).toHaveProperty(name, good);
    expect(refusalOf(() => read({ [name]: bad }))).toMatchObject({ status: 400, field: name });
  });

  it("has no others", () => {
    expect(refusalOf(() => read({ storkQaaLevel: 1 }))).toMatchObject({
      status: 400,
      field: "storkQaaLevel",
    });
    const attachments = [{ ...file, mediaType: "text/plain" }];
    expect(refusalOf(() => read({ attachments })).field).toBe("attachments[0].mediaType");
  });

  const files: readonly (readonly [string, object, string])[] = [
    ["no name", { filename: "" }, "filename"],
    ["a path", { filename: "../a.txt" }, "filename"],
    ["a long name", { filename: `${"a".repeat(252)}.txt` }, "filename"],
    ["an upper-case digest", { sha512sum: file.sha512sum.toUpperCase() }, "sha512sum"],
    ["a base64 digest", { sha512sum: "AAAA" }, "sha512sum"],
    ["a negative length", { contentLength: -1 }, "contentLength"],
    ["a length as text", { contentLength: "1" }, "contentLength"],
  ];
  it.each(files)("refuses a declared file with %s", (_what, change, field) => {
    const attachments = [{ ...file, ...change }];
    expect(refusalOf(() => read({ attachments })).field).toBe(`attachments[0].${field}`);
  });

  it("refuses two files of one name, and a declared file that is too large", () => {
    expect(refusalOf(() => read({ attachments: [file, file] }))).toMatchObject({
      status: 400,
      field: "attachments[1].filename",
    });
    const attachments = [{ ...file, contentLength: 2_000_001 }];
    expect(refusalOf(() => read({ attachments }))).toMatchObject({ status: 413 });
  });
});

describe("files of a letter", () => {
  const bytes = Buffer.from("a");
  const part = { name: "files", filename: "a.txt", mediaType: "text/plain", bytes };
  const codeOf = (parts: readonly (typeof part)[], declared = [file]) =>
    refusalOf(() => checkAttachments(declared, parts)).code;

  it("belong one to one to their declarations", () => {
    expect(checkAttachments([file], [part])[0]?.stored.mediaType).toBe("text/plain");
    expect(codeOf([])).toBe("ATTACHMENT_MISSING");
    expect(codeOf([part, part])).toBe("ATTACHMENT_AMBIGUOUS");
    expect(codeOf([part, { ...part, filename: "b.txt" }])).toBe("ATTACHMENT_UNDECLARED");
    expect(codeOf([{ ...part, bytes: Buffer.from("ab") }])).toBe("ATTACHMENT_LENGTH");
    expect(codeOf([{ ...part, bytes: Buffer.from("b") }])).toBe("ATTACHMENT_DIGEST");
  });

  it("take the name as it is: another normal form is another name", () => {
    const composed = { ...file, filename: "\u00fc.txt" };
    expect(codeOf([{ ...part, filename: "u\u0308.txt" }], [composed])).toBe(
      "ATTACHMENT_UNDECLARED",
    );
  });

  it("may have their ending in capitals", () => {
    const capital = { ...file, filename: "A.TXT" };
    expect(checkAttachments([capital], [{ ...part, filename: "A.TXT" }])).toHaveLength(1);
  });
});

describe("fields of an application state", () => {
  const state = {
    applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    status: "RECEIVED",
    publicServiceName: { de: "Bauvoranfrage" },
    senderName: "Bauamt",
    createdDate: "2028-02-29T23:59:59.999Z",
  };
  const readWith = (change: object) => readState(JSON.stringify({ ...state, ...change }));

  it("needs five, knows eight", () => {
    expect(readWith({})).toEqual(state);
    const full = {
      ...state,
      statusDetails: { de: "d".repeat(50) },
      additionalInformation: { de: "a".repeat(100), en: "b" },
      reference: "r".repeat(50),
    };
    expect(readWith(full)).toEqual(full);
  });

  const wrong: readonly (readonly [string, object])[] = [
    ["applicationId", { applicationId: "1" }],
    ["status", { status: "NONE" }],
    ["publicServiceName.de", { publicServiceName: { en: "x" } }],
    ["publicServiceName.de", { publicServiceName: { de: "x".repeat(101) } }],
    ["publicServiceName.deutsch", { publicServiceName: { de: "x", deutsch: "x" } }],
    ["publicServiceName", { publicServiceName: "x" }],
    ["senderName", { senderName: "x".repeat(101) }],
    ["statusDetails.de", { statusDetails: { de: "x".repeat(51) } }],
    ["additionalInformation.de", { additionalInformation: { de: "x".repeat(101) } }],
    ["reference", { reference: "x".repeat(51) }],
    ["createdDate", { createdDate: "2026-02-30T00:00:00.000Z" }],
    ["createdDate", { createdDate: "2026-02-28T00:00:00Z" }],
    ["createdDate", { createdDate: "2026-02-28T00:00:00.000+01:00" }],
    ["title", { title: "x" }],
  ];
  it.each(wrong)("refuses a wrong %s", (field, change) => {
    expect(refusalOf(() => readWith(change))).toMatchObject({ status: 400, field });
  });
});
