import { describe, expect, it } from "vitest";
import { BUILT_IN } from "../../../bridges/bundid/profile.ts";
import { checkFileType, findFileType } from "../../../src/guard/filetype.ts";

const TABLE = BUILT_IN.mediaTypes;
const HEADS: Record<string, Buffer> = {
  pdf: Buffer.from("%PDF-1.7\n"),
  pdfLate: Buffer.from("\n\n%PDF-1.4"),
  png: Buffer.from("89504e470d0a1a0a0000", "hex"),
  jpeg: Buffer.from("ffd8ffe000104a464946", "hex"),
  gif: Buffer.from("GIF89a..."),
  tiff: Buffer.from("49492a0008000000", "hex"),
  bmp: Buffer.from("BM......"),
  rtf: Buffer.from("{\\rtf1\\ansi"),
  svg: Buffer.from('<?xml version="1.0"?><svg xmlns="x">'),
  ics: Buffer.from("BEGIN:VCALENDAR\r\n"),
  text: Buffer.from("Grüße\n"),
  latin1: Buffer.from("Gr\u00fc\u00dfe\n", "latin1"),
  utf16: Buffer.from("\ufeffGrüße", "utf16le"),
  zip: Buffer.from("504b030414000000", "hex"),
  exe: Buffer.from("4d5a90000300", "hex"),
  binary: Buffer.from([1, 0, 2, 0]),
  empty: Buffer.alloc(0),
};
function judge(name: string, mediaType: string, head: string): string {
  const verdict = checkFileType({ name, mediaType, head: HEADS[head] ?? Buffer.alloc(0) }, TABLE);
  return verdict.ok ? "ok" : verdict.reason;
}

describe("file types", () => {
  it.each([
    ["a.pdf", "application/pdf", "pdf", "ok"],
    ["a.PDF", "Application/PDF; x=y", "pdfLate", "ok"],
    ["a.png", "image/png", "png", "ok"],
    ["a.jfif", "image/jpeg", "jpeg", "ok"],
    ["a.jpg", "image/jpg", "jpeg", "ok"],
    ["a.gif", "image/gif", "gif", "ok"],
    ["a.tif", "image/tiff", "tiff", "ok"],
    ["a.bmp", "image/bmp", "bmp", "ok"],
    ["a.rtf", "application/rtf", "rtf", "ok"],
    ["a.svg", "image/svg+xml", "svg", "ok"],
    ["a.ics", "text/calendar", "ics", "ok"],
    ["a.csv", "text/csv", "text", "ok"],
    ["a.csv", "text/comma-separated-values", "latin1", "ok"],
    ["a.txt", "text/plain", "utf16", "ok"],
    ["a.txt", "text/plain; charset=utf-8", "empty", "ok"],
    [
      "a.docx",
      "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
      "zip",
      "type",
    ],
    ["a.zip", "application/zip", "zip", "type"],
    ["a.exe", "application/pdf", "exe", "extension"],
    ["a.pdf.exe", "application/pdf", "pdf", "extension"],
    ["a", "application/pdf", "pdf", "extension"],
    ["a.pdf", "application/pdf", "exe", "content"],
    ["a.pdf", "application/pdf", "text", "content"],
    ["a.png", "image/png", "jpeg", "content"],
    ["a.txt", "text/plain", "pdf", "content"],
    ["a.txt", "text/plain", "zip", "content"],
    ["a.txt", "text/plain", "binary", "content"],
    ["a.ics", "text/calendar", "text", "content"],
    ["a.svg", "image/svg+xml", "text", "content"],
  ])("%s as %s holding %s: %s", (name, type, head, expected) =>
    expect(judge(name, type, head)).toBe(expected),
  );
  it("knows the registered name of csv", () =>
    expect(findFileType(TABLE, "text/csv")?.type).toBe("text/comma-separated-values"));
  it("is the whole table 9005", () => {
    expect(TABLE.map(({ type }) => type)).toHaveLength(11);
    expect(TABLE.flatMap(({ extensions }) => extensions)).toHaveLength(15);
  });
});
