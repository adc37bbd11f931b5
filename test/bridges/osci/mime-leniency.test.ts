import { describe, expect, it } from "vitest";
import { type MimeLimits } from "../../../bridges/osci/wire/mime.ts";
import { edited, verdict } from "./support.ts";
import { read, lines, xmlPart, end, whole } from "./mime-support.ts";

describe("what the reference implementation accepts (facts §2.3, left column)", () => {
  it.each<[string, Buffer]>([
    ["quoted boundary", edited(whole, "boundary=B", `boundary="B"`)],
    [
      "parameters in another order",
      edited(whole, "boundary=B; type=text/xml", "type=text/xml; boundary=B"),
    ],
    ["folded header", edited(whole, "; boundary=B", ";\r\n\tboundary=B")],
    ["start parameter", edited(whole, "type=text/xml", `type=text/xml; start="<osci@message>"`)],
    ["no type parameter", edited(whole, "; type=text/xml", "")],
    ["no MIME-Version", edited(whole, "MIME-Version: 1.0\r\n", "")],
    [
      "lower-case names",
      Buffer.from(whole.toString().replace(/^[A-Za-z-]+(?=: )/gm, (name) => name.toLowerCase())),
    ],
    ["leading blank line", Buffer.concat([Buffer.from("\r\n"), whole])],
    ["epilogue", Buffer.concat([whole, Buffer.from("anything\nat all")])],
    [
      "XML part with transfer encoding",
      edited(whole, "charset=UTF-8\r\n", "charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n"),
    ],
    ["8bit", edited(whole, "8-bit", "8bit")],
    ["binary", edited(whole, "8-bit", "binary")],
    ["base64", edited(edited(whole, "8-bit", "base64"), "data", "ZGF\r\n0YQ==")],
    [
      "text/base64 as 7bit",
      edited(edited(edited(whole, "8-bit", "7bit"), "a/b", "text/base64"), "data", "ZGF0YQ=="),
    ],
    ["wrong Content-Length", edited(whole, "<f>", "<f>\r\nContent-Length: 17")],
  ])("%s", async (_name, bytes) => {
    expect((await read(bytes)).map(({ bytes: body }) => body.toString())).toEqual(["<x/>", "data"]);
  });
});

describe("what it refuses (right column), and what nobody may send", () => {
  it.each<[string, Buffer]>([
    ["LF-only line ends", Buffer.from(whole.toString().replaceAll("\r\n", "\n"))],
    ["one LF-only header line", edited(whole, "MIME-Version: 1.0\r\n", "MIME-Version: 1.0\n")],
    [
      "preamble",
      edited(
        whole,
        "\r\n--B\r\nContent-Type: text/xml",
        "\r\nhello\r\n--B\r\nContent-Type: text/xml",
      ),
    ],
    ["no headers on top", lines(...xmlPart, ...end)],
    ["bare XML", Buffer.from(`<?xml version="1.0"?>\r\n<x/>`)],
    ["no CRLF after the last delimiter", whole.subarray(0, whole.length - 2)],
    ["another charset", edited(whole, "charset=UTF-8", "charset=ISO-8859-1")],
    ["part without Content-ID", edited(whole, "Content-ID: <f>\r\n", "")],
    ["XML part without Content-ID", edited(whole, "Content-ID: <osci@message>\r\n", "")],
    [
      "attachment without transfer encoding",
      edited(whole, "Content-Transfer-Encoding: 8-bit\r\n", ""),
    ],
    ["Content-ID twice", edited(whole, "<f>", "<osci@message>")],
    [
      "Content-ID header twice",
      edited(whole, "Content-ID: <f>", "Content-ID: <f>\r\nContent-ID: <g>"),
    ],
    ["quoted-printable", edited(whole, "8-bit", "quoted-printable")],
    ["broken base64", edited(edited(whole, "8-bit", "base64"), "data", "ZGF0Y")],
    ["base64 with other characters", edited(edited(whole, "8-bit", "base64"), "data", "ZGF0YQ-_")],
    [
      "base64 that goes on after its padding",
      edited(edited(whole, "8-bit", "base64"), "data", "ZGF0YQ==ZGF0"),
    ],
    ["first part that is no XML", edited(whole, "text/xml; charset", "text/plain; charset")],
    ["another multipart type", edited(whole, "Multipart/Related", "Multipart/Mixed")],
    ["no boundary", edited(whole, "boundary=B; ", "")],
    ["MIME-Version 2.0", edited(whole, "1.0", "2.0")],
    ["delimiter with something behind it", edited(whole, "data\r\n--B--", "data\r\n--Bx")],
    ["header without colon", edited(whole, "Content-ID: <f>", "Content-ID <f>")],
    [
      "header that is not UTF-8",
      Buffer.from(whole.toString("latin1").replace("<f>", "<\xff>"), "latin1"),
    ],
  ])("%s", async (_name, bytes) => {
    expect(await verdict(() => read(bytes))).toBe("INPUT_INVALID 9100");
  });

  it.each<[string, Partial<MimeLimits>]>([
    ["bytes", { maxBytes: 100 }],
    ["parts", { maxParts: 0 }],
    ["bytes of a part", { maxPartBytes: 3 }],
    ["bytes of a line", { maxLineBytes: 20 }],
  ])("more than the limit of %s", async (_name, limits) => {
    expect(await verdict(() => read(whole, limits))).toBe("INPUT_HOSTILE 9100");
  });

  it.each<[string, Buffer]>([
    ["endless blank lines", Buffer.from("\r\n".repeat(1000))],
    ["endless headers", Buffer.from("a: b\r\n".repeat(1000))],
    ["an endless line", Buffer.from("a".repeat(100_000))],
    ["an endless epilogue", Buffer.concat([whole, Buffer.alloc(1_000_000)])],
  ])("%s", async (_name, bytes) => {
    expect(await verdict(() => read(bytes))).toBe("INPUT_HOSTILE 9100");
  });
});
