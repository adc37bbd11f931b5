import { describe, expect, it } from "vitest";
import {
  decodeEntities,
  findForbidden,
  hasTags,
  htmlOf,
  sanitise,
  textOf,
} from "../../../src/guard/html.ts";
import type { HtmlRules } from "../../../src/guard/html.ts";

const RULES: HtmlRules = {
  tags: ["p", "br", "b", "strong", "i", "em", "u", "ul", "ol", "li", "a"],
  attributes: { a: ["href"] },
  schemes: ["https"],
};
const kinds = (html: string) =>
  findForbidden(html, RULES).map(({ kind, what }) => `${kind} ${what}`);

describe("findForbidden", () => {
  it.each([
    "Guten Tag",
    "1 < 2 und 3 > 2",
    "a<3 und & so",
    '<p>Hallo <b>Welt</b><br/><a href="https://stadt.example/?a=1&amp;b=2">hier</a></p>',
    "<UL><LI>eins</LI></UL>",
    "",
  ])("passes %s", (html) => expect(kinds(html)).toEqual([]));
  it.each([
    ["<script>alert(1)</script>", ["element script", "element script"]],
    ['<img src="x">', ["element img"]],
    ['<p onclick="x()">a</p>', ["attribute onclick"]],
    ["<p style='color:red'>a</p>", ["attribute style"]],
    ['<a href="http://a.example">a</a>', ["link http"]],
    ['<a href="javascript:alert(1)">a</a>', ["link javascript"]],
    ['<a href="//a.example">a</a>', ["link relative"]],
    ['<a href="&#104;ttps://a.example">a</a>', ["link relative"]],
    ['<a href="https://a" href="https://b">a</a>', ["attribute href"]],
    ["<!-- c -->", ["markup broken tag, comment or declaration"]],
    ["<!DOCTYPE html>", ["markup broken tag, comment or declaration"]],
    ["<?php ?>", ["markup broken tag, comment or declaration"]],
    ["<b", ["markup broken tag, comment or declaration"]],
    ["<p>a", ["markup unclosed p"]],
    ["a</p>", ["markup unbalanced p"]],
    ["<b><i>a</b></i>", ["markup unbalanced b", "markup unbalanced i"]],
  ])("finds what is wrong in %s", (html, expected) => expect(kinds(html)).toEqual(expected));
  it("says where", () =>
    expect(findForbidden("abc <img>", RULES)[0]).toEqual({ kind: "element", what: "img", at: 4 }));
  it("stops counting", () => expect(findForbidden("<img>".repeat(500), RULES)).toHaveLength(20));
  it("is linear in the face of unclosed quotes", () => {
    const hostile = '<p a="'.repeat(100_000);
    expect(findForbidden(hostile, RULES)).toHaveLength(20);
  });
});

describe("sanitise", () => {
  it.each([
    ["<p>a<script>b</script></p>", "<p>a</p>"],
    ['<a href="javascript:x" onclick="y">a</a>', "<a>a</a>"],
    ["<p>a<p>b", "<p>a</p><p>b</p>"],
    ["a & b < c", "a &amp; b &lt; c"],
    ["<div><b>x</b></div>", "<b>x</b>"],
  ])("makes of %s", (html, expected) => expect(sanitise(html, RULES)).toBe(expected));
  it("leaves nothing to find", () => {
    const nasty =
      '<p>a<b>b<img src=x onerror=y><a href="http://x">l</a><!-- c --><script>1</script>';
    const clean = sanitise(nasty, RULES);
    expect(findForbidden(clean, RULES)).toEqual([]);
    expect(sanitise(clean, RULES)).toBe(clean);
  });
});

describe("text and HTML", () => {
  it.each([
    "Guten Tag",
    "Zeile 1\nZeile 2\n\nAbsatz",
    "Sonderzeichen: & < > \" ' € ß 🏛️",
    "1 < 2 && <b>kein HTML</b>",
    "doppelte  Leerzeichen und\ttab",
    "&amp; wörtlich",
  ])("gives the same text back: %s", (text) => {
    const html = htmlOf(text);
    expect(hasTags(html) ? textOf(html) : decodeEntities(html)).toBe(text);
  });
  it("derives readable text", () =>
    expect(
      textOf(
        '<p>Guten Tag,</p>\n<p>bitte <b>bald</b>:</p><ul><li>Plan</li><li>Foto</li></ul><ol><li>eins</li><li>zwei</li></ol><a href="https://a.example/x">mehr</a>',
      ),
    ).toBe(
      "Guten Tag,\n\nbitte bald:\n\n- Plan\n- Foto\n\n1. eins\n2. zwei\n\nmehr (https://a.example/x)",
    ));
  it("does not repeat a link that shows itself", () =>
    expect(textOf('<a href="https://a.example">https://a.example</a>')).toBe("https://a.example"));
  it("drops scripts with what is in them", () =>
    expect(textOf("<p>a<script>geheim</script><style>b</style></p>")).toBe("a"));
  it("takes line ends in the source for spaces", () =>
    expect(textOf("<p>eine\n   Zeile</p>")).toBe("eine Zeile"));
});
