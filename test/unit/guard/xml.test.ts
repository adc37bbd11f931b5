import { DOMParser, type Element as DomElement, type Node as DomNode } from "@xmldom/xmldom";
import { describe, expect, it } from "vitest";
import { writeElement, writeText } from "../../../src/guard/xml-write.ts";
import {
  attributeOf,
  childElements,
  indexIds,
  parseXml,
  parseXmlPaced,
  requiredChild,
  sourceOf,
  textOf,
  type XmlElement,
  type XmlLimits,
} from "../../../src/guard/xml.ts";
import { GatewayError } from "../../../src/model/errors.ts";

function parse(text: string, limits: Partial<XmlLimits> = {}): XmlElement {
  return parseXml(Buffer.from(text), limits).root;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
  return "accepted";
}

describe("reading", () => {
  it("resolves namespaces, also when they are taken back", () => {
    const root = parse(
      `<a xmlns="urn:1" xmlns:p="urn:2"><b xmlns="" p:x="1" x="2"/><p:c xmlns:p="urn:3"/></a>`,
    );
    const [b, c] = childElements(root);
    expect([root.uri, b?.uri, c?.uri]).toEqual(["urn:1", "", "urn:3"]);
    expect(b && attributeOf(b, "x")).toBe("2");
    expect(b && attributeOf(b, "x", "urn:2")).toBe("1");
  });

  it("joins text across CDATA and comments, as the canonical form without comments does", () => {
    expect(textOf(parse("<a>one<!-- no -->two<![CDATA[<&]]>&amp;three</a>"))).toBe(
      "onetwo<&&three",
    );
  });

  it("normalises line ends in text and white space in attributes, but not where it is written as reference", () => {
    const root = parse(`<a x="1\r\n2\t3&#10;4">1\r\n2\r3&#13;4</a>`);
    expect(attributeOf(root, "x")).toBe("1 2 3\n4");
    expect(textOf(root)).toBe("1\n2\n3\r4");
  });

  it("says where each element stands in the input", () => {
    const document = parseXml(Buffer.from(`\ufeff<?xml version="1.0"?><ä><b c="ü">x</b ><d/></ä>`));
    const texts = childElements(document.root).map((child) => sourceOf(document, child));
    expect(texts).toEqual([`<b c="ü">x</b >`, "<d/>"]);
  });

  it("keeps processing instructions within the root and nothing outside of it", () => {
    const root = parse(`<?xml-stylesheet href="x"?><a><?p  d ?></a><?q?><!-- -->`);
    expect(root.children).toEqual([{ kind: "instruction", target: "p", data: "d " }]);
  });

  it("cuts huge text only where nothing breaks", async () => {
    for (const filler of ["x".repeat(131_070), "x".repeat(131_065), "x".repeat(131_071)]) {
      const root = (
        await parseXmlPaced(Buffer.from(`<a>${filler}\r\n&amp;&#x1F600;😀\r${filler}&lt;</a>`))
      ).root;
      expect(textOf(root)).toBe(`${filler}\n&😀😀\n${filler}<`);
    }
  });

  it("stops when it is told to", async () => {
    const text = `<a>${"<b/>".repeat(200_000)}</a>`;
    const reading = parseXmlPaced(
      Buffer.from(text),
      { maxNodes: 1_000_000 },
      AbortSignal.abort(new Error("enough")),
    );
    await expect(reading).rejects.toThrow("enough");
  });
});

describe("what is refused as hostile", () => {
  const doctype = `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`;
  const wide = (text: string, order: "le" | "be", mark: boolean): Buffer => {
    const bytes = Buffer.from((mark ? "\ufeff" : "") + text, "utf16le");
    return order === "le" ? bytes : bytes.swap16();
  };

  it.each([
    ["UTF-8", Buffer.from(doctype)],
    [
      "UTF-8 after a declaration and comments",
      Buffer.from(`<?xml version="1.0"?><!-- x -->${doctype}`),
    ],
    ["UTF-8 in lower case", Buffer.from(doctype.toLowerCase())],
    ["UTF-16 little endian", wide(doctype, "le", true)],
    ["UTF-16 big endian", wide(doctype, "be", true)],
    ["UTF-16 without byte order mark", wide(doctype, "le", false)],
  ])("a DOCTYPE in %s", (_name, bytes) => {
    expect(codeOf(() => parseXml(bytes))).toBe("INPUT_HOSTILE");
  });

  it("a root that hides behind endless comments", () => {
    const text = `${`<!-- ${"x".repeat(1000)} -->`.repeat(100)}${doctype}`;
    expect(codeOf(() => parse(text))).toBe("INPUT_HOSTILE");
  });

  it.each<[string, string, Partial<XmlLimits>]>([
    ["size", "<a>12345</a>", { maxBytes: 10 }],
    ["depth", "<a><b><c/></b></a>", { maxDepth: 2 }],
    ["attributes", `<a b="" c="" xmlns:d="urn:d"/>`, { maxAttributes: 2 }],
    ["attribute length", `<a b="123456"/>`, { maxAttributeLength: 5 }],
    ["elements", "<a><b/><b/><b/></a>", { maxNodes: 3 }],
    ["comments", `<a>${"<!-- -->".repeat(5)}</a>`, { maxNodes: 4 }],
    ["references", `<a>${"&amp;".repeat(20)}</a>`, { maxNodes: 10 }],
    ["CDATA sections", `<a>${"<![CDATA[]]>".repeat(20)}</a>`, { maxNodes: 10 }],
  ])("more than the limit of %s", (_name, text, limits) => {
    expect(codeOf(() => parse(text, limits))).toBe("INPUT_HOSTILE");
    expect(codeOf(() => parse(text))).toBe("accepted");
  });

  it("an Id that occurs twice", () => {
    const root = parse(`<a><b Id="1"/><c><d Id="1"/></c></a>`);
    expect(codeOf(() => indexIds(root))).toBe("INPUT_HOSTILE");
  });
});

describe("what is refused as not well-formed", () => {
  const broken: readonly string[] = [
    "",
    "text",
    "<a>",
    "<a/>text",
    "<a/><b/>",
    "<a></b>",
    "<a><b></a></b>",
    "<a b=1/>",
    "<a b/>",
    `<a b="1" b="2"/>`,
    `<a b="1"c="2"/>`,
    `<a xmlns:p="urn:1" xmlns:q="urn:1" p:x="1" q:x="2"/>`,
    `<a b="<"/>`,
    "<a>&b;</a>",
    "<a>&</a>",
    "<a>&#0;</a>",
    "<a>&#xD800;</a>",
    "<a>&#x110000;</a>",
    "<a>&#xFFFE;</a>",
    "<a>\u0001</a>",
    "<a>\uffff</a>",
    "<a>]]></a>",
    "<a><!-- -- --></a>",
    "<a><!-- ---></a>",
    "<a><!-- \u0002 --></a>",
    "<a><![CDATA[x</a>",
    "<![CDATA[x]]><a/>",
    "<a><?xml version='1.0'?></a>",
    "<a><?p:q x?></a>",
    " <?xml version='1.0'?><a/>",
    `<?xml version="1.1"?><a/>`,
    `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`,
    "<p:a/>",
    `<a p:b="1"/>`,
    `<a xmlns:p=""/>`,
    `<a xmlns:xmlns="urn:1"/>`,
    `<a xmlns:p="http://www.w3.org/2000/xmlns/"/>`,
    `<a xmlns:xml="urn:1"/>`,
    `<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`,
    "<a:b:c xmlns:a='urn:1'/>",
    "<1a/>",
    "<a><!ELEMENT b ANY></a>",
    "< a/>",
    "<a / >",
  ];
  it.each(broken)("%j", (text) => {
    expect(codeOf(() => parse(text))).toMatch(/INPUT_(?:INVALID|HOSTILE)/);
  });

  it.each([
    ["UTF-16", Buffer.from("\ufeff<a/>", "utf16le")],
    ["an overlong sequence", Buffer.from([0x3c, 0x61, 0x3e, 0xc0, 0x80, 0x3c, 0x2f, 0x61, 0x3e])],
    ["half a character", Buffer.from([0x3c, 0x61, 0x3e, 0xc3, 0x3c, 0x2f, 0x61, 0x3e])],
  ])("%s", (_name, bytes) => {
    expect(codeOf(() => parseXml(bytes))).toBe("INPUT_INVALID");
  });
});

describe("held against another parser", () => {
  it("sees the same in a thousand random documents", () => {
    for (let seed = 1; seed <= 1000; seed += 1) {
      const text = randomDocument(random(seed));
      const other = new DOMParser({
        // Its default also changes U+0085 and U+2028, which XML 1.0 does not.
        normalizeLineEndings: (input) => input.replace(/\r\n?/g, "\n"),
      }).parseFromString(text, "text/xml").documentElement;
      expect(other && outlineOfDom(other), text).toEqual(outline(parse(text)));
    }
  });

  function outline(element: XmlElement): unknown {
    return [
      element.uri,
      element.local,
      element.attributes.map(({ uri, local, value }) => `${uri} ${local} ${value}`).sort(),
      element.children.map((node) =>
        node.kind === "element"
          ? outline(node)
          : node.kind === "text"
            ? node.value
            : `?${node.target} ${node.data}`,
      ),
    ];
  }

  function outlineOfDom(element: DomElement): unknown {
    const attributes = Array.from(element.attributes)
      .filter(({ prefix, name }) => prefix !== "xmlns" && name !== "xmlns")
      .map(
        ({ namespaceURI, localName, value }) => `${namespaceURI ?? ""} ${localName ?? ""} ${value}`,
      )
      .sort();
    const children: unknown[] = [];
    for (const node of Array.from(element.childNodes as Iterable<DomNode>)) {
      const last = children.length - 1;
      if (node.nodeType === 1) children.push(outlineOfDom(node as DomElement));
      else if (node.nodeType === 7) children.push(`?${node.nodeName} ${node.nodeValue ?? ""}`);
      else if (node.nodeType !== 8 && node.nodeValue) {
        const before = children[last];
        const joins = typeof before === "string" && !before.startsWith("?");
        if (joins) children[last] = before + node.nodeValue;
        else children.push(node.nodeValue);
      }
    }
    return [element.namespaceURI ?? "", element.localName, attributes, children];
  }

  function randomDocument(next: (limit: number) => number): string {
    const names = ["a", "b", "p:c", "q:d", "ä-1", "_x.y"];
    const texts = [
      "x",
      " ",
      "\r\n",
      "\r",
      "&amp;",
      "&#xE9;",
      "€",
      "😀",
      "\u2028",
      "\u0085",
      "<![CDATA[<]]>",
      "<!--c-->",
    ];
    const values = ["", "1", "&lt;", "a\tb", "ü", "&#10;", "'", "\u2028"];
    const element = (depth: number): string => {
      const name = names[next(names.length)] ?? "a";
      const attributes = ["x", "p:y", "z"]
        .filter(() => next(3) === 0)
        .map((key) => ` ${key}="${values[next(values.length)] ?? ""}"`);
      const namespaces = [
        ` xmlns="urn:${String(next(3))}"`,
        ` xmlns:p="urn:p${String(next(2))}"`,
      ].filter(() => next(4) === 0);
      const parts = Array.from({ length: next(5) }, () =>
        depth < 5 && next(2) === 0 ? element(depth + 1) : (texts[next(texts.length)] ?? ""),
      );
      const tag = `${name}${namespaces.join("")}${attributes.join("")}`;
      return parts.length === 0 ? `<${tag}/>` : `<${tag}>${parts.join("")}</${name}>`;
    };
    return `<root xmlns:p="urn:p" xmlns:q="urn:q">${element(0)}</root>`;
  }
});

describe("writing", () => {
  it("escapes so that the reader finds the same text", () => {
    const odd = `a&b<c>d"e'f\tg\nh\ri]]>j😀`;
    const root = parse(writeElement("a", [["x", odd]], writeText(odd)));
    expect([attributeOf(root, "x"), textOf(root)]).toEqual([odd, odd]);
  });

  it.each(["\u0000", "\u001f", "\ufffe", "\ud800", "\udc00x"])("refuses %j", (text) => {
    expect(codeOf(() => writeText(text))).toBe("CONTENT_REJECTED");
    expect(codeOf(() => writeElement("a", [["x", text]]))).toBe("CONTENT_REJECTED");
  });
});

describe("navigation", () => {
  it("never picks one of two", () => {
    const root = parse("<a><b/><b/></a>");
    expect(codeOf(() => requiredChild(root, "", "b"))).toBe("INPUT_INVALID");
    expect(codeOf(() => requiredChild(root, "", "c"))).toBe("INPUT_INVALID");
    expect(codeOf(() => textOf(root))).toBe("INPUT_INVALID");
  });
});

/** A small linear generator, so that a failure can be repeated by its seed. */
function random(seed: number): (limit: number) => number {
  let state = seed * 2_654_435_761;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * limit);
  };
}
