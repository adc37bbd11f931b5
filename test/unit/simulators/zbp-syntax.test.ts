import { describe, expect, it } from "vitest";
import { checkHtml } from "../../../fixtures/simulators/zbp/html.ts";
import { parseStrictJson } from "../../../fixtures/simulators/zbp/json.ts";
import { boundaryOf, parseMultipart } from "../../../fixtures/simulators/zbp/multipart.ts";
import { refusalOf } from "./zbp-stage.ts";

describe("HTML", () => {
  it.each([
    "Nur Text & mehr: 3 < 5 > 2, a<5, <",
    '<p>Ein <a href="https://a.example/?b=c&amp;d">Verweis</a><br>neu<br/></p>',
    "<UL><li><b>a</b><strong>b</strong><i>c</i><em>d</em><u>e</u></li></UL><ol></ol>",
    "<p >a</p >",
    "http://a.example/ steht hier nur als Text",
  ])("passes: %s", (text) => {
    expect(() => checkHtml(text, "content")).not.toThrow();
  });

  it.each([
    ["<script>x</script>", "HTML_TAG"],
    ["<img src=x>", "HTML_TAG"],
    ["<!-- -->", "HTML_TAG"],
    ["<!DOCTYPE html>", "HTML_TAG"],
    ["<?xml?>", "HTML_TAG"],
    ["<p", "HTML_TAG"],
    ["<p/>", "HTML_TAG"],
    ["<p title=x>a</p>", "HTML_TAG"],
    ["</ p>", "HTML_TAG"],
    ["<name@a.example>", "HTML_TAG"],
    ['<p class="x">a</p>', "HTML_ATTRIBUTE"],
    ['<a href="https://a.example" onclick="x">a</a>', "HTML_ATTRIBUTE"],
    ['<a href="https://a.example" HREF="javascript:x">a</a>', "HTML_ATTRIBUTE"],
    ['<a href="http://a.example">a</a>', "HTML_LINK"],
    ['<a href="javascript:alert(1)">a</a>', "HTML_LINK"],
    ['<a href="&#104;ttps://a.example">a</a>', "HTML_LINK"],
    ['<a href=" https://a.example">a</a>', "HTML_LINK"],
    ['<a href="//a.example">a</a>', "HTML_LINK"],
    ["<p>", "HTML_NESTING"],
    ["</p>", "HTML_NESTING"],
    ["<b><i>a</b></i>", "HTML_NESTING"],
    ["<b>".repeat(65) + "</b>".repeat(65), "HTML_NESTING"],
  ])("refuses %s with 422 %s", (text, code) => {
    expect(refusalOf(() => checkHtml(text, "content"))).toMatchObject({ status: 422, code });
  });

  it("judges a megabyte of anything quickly enough to finish", () => {
    for (const text of [`<p${" ".repeat(999_000)}`, "<".repeat(999_999), "<a href=".repeat(99_999)])
      expect(() => checkHtml(text, "content")).not.toThrow(RangeError);
  });
});

describe("JSON", () => {
  it.each([
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"x":[{"b":{},"b":1}]}',
    '["\\ud800"]',
    `${"[".repeat(33)}${"]".repeat(33)}`,
    "{'a':1}",
    '\ufeff{"a":1}',
  ])("refuses %s", (text) => {
    expect(refusalOf(() => parseStrictJson(text, "content"))).toMatchObject({ status: 400 });
  });

  it("lets the same name appear in different objects, and braces in strings", () => {
    const value = [
      { a: '{"a":1,"a":2}\\"', b: { a: [1, "a", "a", null, true, -1.5e3] } },
      { a: "" },
    ];
    expect(parseStrictJson(JSON.stringify(value, undefined, 1), "content")).toEqual(value);
  });
});

describe("multipart", () => {
  const body = (...lines: string[]) => Buffer.from(lines.join("\r\n"), "utf8");
  const head = (parameters: string) => `Content-Disposition: form-data; ${parameters}`;

  it("reads parts with their bytes, names with umlauts and escapes", () => {
    const bytes = body(
      "--b",
      head('name="json"'),
      "content-type: application/json",
      "",
      "{}",
      "--b",
      head('name="files"; filename="Gr\\"ü\\\\ße;.txt"'),
      "Content-Type: Text/Plain; charset=utf-8",
      "",
      "a\r\n--c\r\n",
      "--b--",
      "",
    );
    expect(parseMultipart(bytes, "b")).toEqual([
      {
        name: "json",
        filename: undefined,
        mediaType: "application/json",
        bytes: Buffer.from("{}"),
      },
      {
        name: "files",
        filename: 'Gr"ü\\ße;.txt',
        mediaType: "text/plain",
        bytes: Buffer.from("a\r\n--c\r\n"),
      },
    ]);
  });

  it("reads what the platform's own FormData writes", async () => {
    const form = new FormData();
    form.append("json", new Blob(["{}"], { type: "application/json" }));
    form.append("files", new Blob(["x"], { type: "text/plain" }), "Grüße.txt");
    const request = new Request("http://a.example", { method: "PUT", body: form });
    const boundary = boundaryOf(request.headers.get("content-type") ?? undefined);
    const parts = parseMultipart(Buffer.from(await request.arrayBuffer()), boundary);
    expect(parts.map(({ name, filename }) => [name, filename])).toEqual([
      ["json", "blob"],
      ["files", "Grüße.txt"],
    ]);
  });

  const broken: readonly (readonly [string, Buffer])[] = [
    ["a preamble", body("", "--b", head('name="a"'), "", "x", "--b--")],
    ["an epilogue", body("--b", head('name="a"'), "", "x", "--b--", "", "mehr")],
    ["no end", body("--b", head('name="a"'), "", "x")],
    ["a longer boundary", body("--bb", head('name="a"'), "", "x", "--bb--")],
    ["padding", body("--b ", head('name="a"'), "", "x", "--b--")],
    ["no name", body("--b", "Content-Disposition: form-data", "", "x", "--b--")],
    ["no disposition", body("--b", "Content-Type: text/plain", "", "x", "--b--")],
    ["two dispositions", body("--b", head('name="a"'), head('name="b"'), "", "x", "--b--")],
    ["two names", body("--b", head('name="a"; name="b"'), "", "x", "--b--")],
    ["filename*", body("--b", head(`name="a"; filename*=UTF-8''a`), "", "x", "--b--")],
    ["headers without end", body("--b", head('name="a"'), "--b--")],
    [
      "base64",
      body("--b", head('name="a"'), "Content-Transfer-Encoding: base64", "", "eA==", "--b--"),
    ],
    ["bare line feeds", Buffer.from('--b\nContent-Disposition: form-data; name="a"\n\nx\n--b--')],
    ["no part at all", Buffer.alloc(0)],
  ];
  it.each(broken)("refuses %s", (_what, bytes) => {
    expect(refusalOf(() => parseMultipart(bytes, "b"))).toMatchObject({
      status: 400,
      code: "MULTIPART",
    });
  });

  it.each([undefined, "application/json", "multipart/mixed; boundary=b", "multipart/form-data"])(
    "refuses the content type %s",
    (type) => {
      expect(refusalOf(() => boundaryOf(type))).toMatchObject({ status: 400 });
    },
  );
});
