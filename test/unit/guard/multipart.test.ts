import { describe, expect, it } from "vitest";
import {
  boundaryOf,
  MULTIPART_LIMITS,
  MultipartError,
  parseMultipart,
} from "../../../src/guard/multipart.ts";
import type { MultipartLimits, PartHead } from "../../../src/guard/multipart.ts";

const LIMITS: MultipartLimits = {
  ...MULTIPART_LIMITS,
  maxParts: 4,
  repeatable: ["files"],
  maxPartBytes: () => 1_000,
};
const B = "grenze";

interface Read extends PartHead {
  readonly bytes: Buffer;
}

/** Feeds the body in pieces of every given size: a boundary may fall anywhere. */
async function read(body: string | Buffer, pieceSize = 7, limits = LIMITS): Promise<Read[]> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body, "utf8");
  const pieces = async function* () {
    for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
  };
  const parts: Read[] = [];
  await parseMultipart(pieces(), B, limits, async (head, content) => {
    const chunks: Buffer[] = [];
    for await (const chunk of content) chunks.push(Buffer.from(chunk));
    parts.push({ ...head, bytes: Buffer.concat(chunks) });
  });
  return parts;
}

function part(disposition: string, content: string, more = ""): string {
  return `--${B}\r\nContent-Disposition: ${disposition}\r\n${more}\r\n${content}\r\n`;
}
const end = `--${B}--\r\n`;
const json = part('form-data; name="json"', "{}");

async function faultOf(body: string | Buffer, limits = LIMITS): Promise<string> {
  const error = await read(body, 7, limits).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof MultipartError)) throw new Error(`not refused: ${String(error)}`);
  return error.fault;
}

describe("multipart, good bodies", () => {
  it.each([1, 2, 3, 5, 8, 13, 64, 100_000])("reads parts in pieces of %i bytes", async (size) => {
    const body =
      json +
      part(
        'form-data; name="files"; filename="Bescheid über Gebühren 🏛️.pdf"',
        "\r\n--grenz\r\n",
        "Content-Type: application/PDF; x=y\r\n",
      ) +
      part('form-data; name="files"; filename="leer.txt"', "") +
      end;
    const parts = await read(body, size);
    expect(parts.map(({ name, fileName, mediaType }) => [name, fileName, mediaType])).toEqual([
      ["json", undefined, undefined],
      ["files", "Bescheid über Gebühren 🏛️.pdf", "application/pdf"],
      ["files", "leer.txt", undefined],
    ]);
    expect(parts[1]?.bytes.toString()).toBe("\r\n--grenz\r\n");
    expect(parts[2]?.bytes).toHaveLength(0);
  });

  it("keeps binary content byte for byte", async () => {
    const bytes = Buffer.from(Array.from({ length: 900 }, (_, index) => index % 256));
    const body = Buffer.concat([
      Buffer.from(`--${B}\r\nContent-Disposition: form-data; name="json"\r\n\r\n`),
      bytes,
      Buffer.from(`\r\n${end}`),
    ]);
    expect((await read(body))[0]?.bytes.equals(bytes)).toBe(true);
  });

  it.each([
    ['filename="a\\"b\\\\c.txt"', 'a"b\\c.txt'],
    ["filename=schlicht.txt", "schlicht.txt"],
    ["filename*=UTF-8''%C3%BCber%20uns.txt", "über uns.txt"],
    ["filename=\"über.txt\"; filename*=utf-8''%C3%BCber.txt", "über.txt"],
    ['filename="a;b=c.txt"', "a;b=c.txt"],
  ])("reads %s", async (parameter, expected) => {
    const parts = await read(part(`form-data; name="files"; ${parameter}`, "x") + end);
    expect(parts[0]?.fileName).toBe(expected);
  });

  it("goes over what a consumer leaves unread", async () => {
    const body = json + part('form-data; name="files"; filename="a"', "x".repeat(500)) + end;
    const names: string[] = [];
    await parseMultipart(
      (async function* () {
        yield Buffer.from(body);
      })(),
      B,
      LIMITS,
      async ({ name }) => void names.push(name),
    );
    expect(names).toEqual(["json", "files"]);
  });

  it("lets the source go in the middle of a refusal", async () => {
    let released = false;
    const source = async function* () {
      try {
        for (;;) yield Buffer.from("x".repeat(100));
      } finally {
        released = true;
      }
    };
    await expect(parseMultipart(source(), B, LIMITS, async () => undefined)).rejects.toThrow();
    expect(released).toBe(true);
  });
});

describe("multipart, hostile bodies", () => {
  it.each([
    ["nothing", "", "syntax"],
    ["a preamble", `hallo\r\n${json}${end}`, "syntax"],
    ["another boundary", json.replace(B, "andere") + end, "syntax"],
    ["no final boundary", json, "unfinished"],
    ["cut in a body", json.slice(0, -4), "unfinished"],
    ["cut in a header", json.slice(0, 20), "unfinished"],
    ["cut in the final boundary", `${json}--${B}-`, "unfinished"],
    ["an epilogue", `${json}${end}mehr`, "syntax"],
    ["padding after a boundary", json.replace(`--${B}\r\n`, `--${B}  \r\n`) + end, "syntax"],
    ["bare line feeds", (json + end).replaceAll("\r\n", "\n"), "syntax"],
    ["no disposition", `--${B}\r\nX: y\r\n\r\nx\r\n${end}`, "syntax"],
    ["no name", part("form-data", "x") + end, "syntax"],
    ["an empty name", part('form-data; name=""', "x") + end, "syntax"],
    ["attachment instead of form-data", part('attachment; name="json"', "x") + end, "syntax"],
    ["a name twice in one part", part('form-data; name="a"; name="b"', "x") + end, "syntax"],
    [
      "two dispositions",
      part('form-data; name="a"', "x", 'Content-Disposition: form-data; name="b"\r\n') + end,
      "syntax",
    ],
    ["a folded header", part('form-data;\r\n name="a"', "x") + end, "syntax"],
    ["an unclosed quote", part('form-data; name="a', "x") + end, "syntax"],
    [
      "filename* that says something else",
      part('form-data; name="files"; filename="a"; filename*=UTF-8\'\'b', "x") + end,
      "syntax",
    ],
    [
      "filename* in latin1",
      part("form-data; name=\"files\"; filename*=ISO-8859-1''%FC", "x") + end,
      "syntax",
    ],
    [
      "filename* that is no UTF-8",
      part("form-data; name=\"files\"; filename*=UTF-8''%FC", "x") + end,
      "syntax",
    ],
    [
      "base64",
      part('form-data; name="json"', "e30=", "Content-Transfer-Encoding: base64\r\n") + end,
      "syntax",
    ],
    [
      "a control character in a name",
      part('form-data; name="files"; filename="a\u0001b"', "x") + end,
      "syntax",
    ],
    ["the same field twice", json + json + end, "duplicate"],
    [
      "the same file twice",
      part('form-data; name="files"; filename="a"', "1") +
        part('form-data; name="files"; filename="a"', "2") +
        end,
      "duplicate",
    ],
    [
      "too many parts",
      json +
        [1, 2, 3, 4].map((n) => part(`form-data; name="files"; filename="${n}"`, "x")).join("") +
        end,
      "limit",
    ],
    ["a part too large", part('form-data; name="json"', "x".repeat(1_001)) + end, "part-size"],
    ["endless headers", `--${B}\r\nX-A: ${"a".repeat(20_000)}`, "limit"],
    [
      "too many headers",
      part(
        'form-data; name="a"',
        "x",
        Array.from({ length: 20 }, (_, n) => `X-${n}: y\r\n`).join(""),
      ) + end,
      "limit",
    ],
    [
      "a file name too long",
      part(`form-data; name="files"; filename="${"ä".repeat(600)}"`, "x") + end,
      "limit",
    ],
  ])("refuses %s", async (_what, body, fault) => {
    expect(await faultOf(body)).toBe(fault);
  });

  it("refuses headers that are not UTF-8", async () => {
    const body = Buffer.concat([
      Buffer.from(`--${B}\r\nContent-Disposition: form-data; name="files"; filename="`),
      Buffer.from([0xfc]),
      Buffer.from(`"\r\n\r\nx\r\n${end}`),
    ]);
    expect(await faultOf(body)).toBe("syntax");
  });

  it("stops reading at the limit of a part", async () => {
    let fed = 0;
    const source = async function* () {
      yield Buffer.from(`--${B}\r\nContent-Disposition: form-data; name="json"\r\n\r\n`);
      for (;;) {
        fed += 1;
        yield Buffer.alloc(100);
      }
    };
    await expect(
      parseMultipart(source(), B, LIMITS, async (_, body) => {
        for await (const _piece of body);
      }),
    ).rejects.toMatchObject({ fault: "part-size", part: { name: "json" } });
    expect(fed).toBeLessThan(15);
  });
});

describe("the boundary", () => {
  it.each([
    ["multipart/form-data; boundary=abc", "abc"],
    ['Multipart/Form-Data;boundary="a b:c"', "a b:c"],
    ["multipart/form-data; charset=utf-8; boundary=abc", "abc"],
  ])("is read from %s", (type, expected) => expect(boundaryOf(type)).toBe(expected));
  it.each([
    undefined,
    "",
    "multipart/mixed; boundary=abc",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    `multipart/form-data; boundary=${"a".repeat(71)}`,
    "multipart/form-data; boundary=a; boundary=b",
    'multipart/form-data; boundary="ends with space "',
    "multipart/form-data; boundary=ä",
  ])("is refused in %s", (type) => expect(() => boundaryOf(type)).toThrow(MultipartError));
});
