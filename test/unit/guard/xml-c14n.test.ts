import { describe, expect, it } from "vitest";
import { canonicalSteps, canonicalize } from "../../../src/guard/c14n.ts";
import { runPaced } from "../../../src/guard/xml-pace.ts";
import { childElements, parseXml, type XmlElement } from "../../../src/guard/xml.ts";
import { describeWith, useXmllint } from "../../support/services/index.ts";

const xmllint = await useXmllint();

function parse(text: string): XmlElement {
  return parseXml(Buffer.from(text)).root;
}

function childOf(text: string): XmlElement {
  const [child] = childElements(parse(text));
  if (child === undefined) throw new Error("the example has no child");
  return child;
}

describe("the whole document", () => {
  it.each([
    [
      "drops comments and the declaration",
      `<?xml version="1.0"?><!--x--><a>1<!--y-->2</a>`,
      "<a>12</a>",
    ],
    ["writes start and end tags", "<a><b/><c ></c ></a>", "<a><b></b><c></c></a>"],
    [
      "sorts attributes by namespace and name, declarations by prefix",
      `<a xmlns:b="urn:2" xmlns:a="urn:1" xmlns="urn:0" z="1" b:a="2" a:z="3" a="4"/>`,
      `<a xmlns="urn:0" xmlns:a="urn:1" xmlns:b="urn:2" a="4" z="1" a:z="3" b:a="2"></a>`,
    ],
    [
      "leaves out declarations that say nothing new",
      `<a xmlns="urn:0" xmlns:p="urn:1"><b xmlns="urn:0" xmlns:p="urn:1"><c xmlns:p="urn:2"/></b></a>`,
      `<a xmlns="urn:0" xmlns:p="urn:1"><b><c xmlns:p="urn:2"></c></b></a>`,
    ],
    [
      "takes the default namespace back only where there was one",
      `<a xmlns=""><b xmlns="urn:0"><c xmlns=""/></b></a>`,
      `<a><b xmlns="urn:0"><c xmlns=""></c></b></a>`,
    ],
    [
      "escapes text and attributes differently",
      `<a b="&#9;&#10;&#13;&quot;'&gt;&lt;&amp;">&#13;&#9;"'&gt;&lt;&amp;<![CDATA[<>]]></a>`,
      `<a b="&#x9;&#xA;&#xD;&quot;'>&lt;&amp;">&#xD;\t"'&gt;&lt;&amp;&lt;&gt;</a>`,
    ],
    ["keeps processing instructions", "<a><?p  d?><?q?></a>", "<a><?p d?><?q?></a>"],
    [
      "sorts by code point, not by UTF-16 unit",
      "<a \u{10000}='1' \uF900='2'/>",
      `<a \uF900="2" \u{10000}="1"></a>`,
    ],
  ])("%s", (_name, text, expected) => {
    expect(canonicalize(parse(text))).toBe(expected);
  });

  it("is its own canonical form", () => {
    const text = `<p:a xmlns:p="urn:1" b="1">x<c></c></p:a>`;
    expect(canonicalize(parse(canonicalize(parse(text))))).toBe(text);
  });
});

describe("a subset", () => {
  it("takes over every namespace in scope, used or not", () => {
    const child = childOf(
      `<a xmlns="urn:0" xmlns:q="urn:q" xmlns:p="urn:p"><b xmlns:q="urn:r"/></a>`,
    );
    expect(canonicalize(child)).toBe(`<b xmlns="urn:0" xmlns:p="urn:p" xmlns:q="urn:r"></b>`);
  });

  it("takes over xml: attributes of its ancestors, the nearest ones", () => {
    const child = childOf(`<a xml:lang="de" xml:space="preserve"><b xml:lang="en" c="1"/></a>`);
    expect(canonicalize(child)).toBe(`<b c="1" xml:lang="en" xml:space="preserve"></b>`);
  });

  it("declares no default namespace where it is taken back at the apex", () => {
    expect(canonicalize(childOf(`<a xmlns="urn:0"><b xmlns=""><c/></b></a>`))).toBe(
      "<b><c></c></b>",
    );
  });
});

describe("large subsets", () => {
  it("come in bounded pieces of whole characters", async () => {
    const text = `${"x".repeat(65_535)}😀${"<&".repeat(40_000)}`;
    const root = parse(`<a>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</a>`);
    const pieces: string[] = [];
    await runPaced(canonicalSteps(root, (piece) => pieces.push(piece)));
    expect(pieces.join("")).toBe(canonicalize(root));
    expect(pieces.every((piece) => piece.isWellFormed() && piece.length < 400_000)).toBe(true);
    expect(pieces.length).toBeGreaterThan(1);
  });
});

describeWith("held against xmllint", xmllint, ({ runOn }) => {
  it.each([
    `<a xmlns="urn:0" xmlns:p="urn:1"><b xmlns="" p:x="1" y="2">ü&#13;&#x1F600;</b>\r\n<?p d?></a>`,
    `<p:a xmlns:p="urn:1"><p:a xmlns:p="urn:2" xmlns:q="urn:1" q:b="&#9;" p:b='"'/></p:a>`,
    `<a xml:lang="de" b=" x  y "><![CDATA[ <&> ]]></a>`,
  ])("%s", async (text) => {
    expect(canonicalize(parse(text))).toBe(await runOn(text, "--c14n"));
  });
});
