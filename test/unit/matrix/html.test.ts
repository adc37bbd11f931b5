import { describe, expect, it } from "vitest";
import { sanitizeLetterHtml, textOfHtml } from "../../../src/matrix/html.ts";

describe("HTML of letters", () => {
  it("keeps text structure and links", () => {
    const html = "<h1>Bescheid</h1><p>Guten <strong>Tag</strong></p><ul><li>a</li><li>b</li></ul>";
    expect(sanitizeLetterHtml(html)).toBe(html);
    expect(sanitizeLetterHtml('<a href="https://example.org">x</a>')).toBe(
      '<a href="https://example.org">x</a>',
    );
  });

  it.each([
    ["<script>alert(1)</script>x", "x"],
    ['<img src="https://spy.example/pixel.png">x', "x"],
    ['<p onclick="x()" style="display:none" class="c">x</p>', "<p>x</p>"],
    ['<a href="javascript:alert(1)">x</a>', "<a>x</a>"],
    ['<a href="//evil.example">x</a>', "<a>x</a>"],
    ['<a href="data:text/html,x">x</a>', "<a>x</a>"],
    ["<iframe src=x></iframe><svg><a xlink:href=x>t</a></svg>", "<a>t</a>"],
    ["<mx-reply><blockquote>zitiert</blockquote></mx-reply>Antwort", "Antwort"],
    ["<style>p{}</style><title>t</title><p>x", "<p>x</p>"],
  ])("makes %s harmless", (hostile, safe) => {
    expect(sanitizeLetterHtml(hostile)).toBe(safe);
  });

  it("derives the text that people see", () => {
    const html = sanitizeLetterHtml(
      "<h2>Antrag</h2><p>Guten Tag,<br>ich &lt;bitte&gt; um A &amp; B.</p><ul><li>eins</li><li>zwei</li></ul>" +
        '<p>Siehe <a href="https://example.org/a?b=1&amp;c=2">hier</a>.</p>',
    );
    expect(textOfHtml(html)).toBe(
      "Antrag\n\nGuten Tag,\nich <bitte> um A & B.\n\n- eins\n\n- zwei\n\nSiehe hier (https://example.org/a?b=1&c=2).",
    );
  });

  it("does not take escaped text for tags, and decodes it once", () => {
    expect(textOfHtml(sanitizeLetterHtml("&amp;lt;b&amp;gt; &lt;b&gt;"))).toBe("&lt;b&gt; <b>");
  });

  it("survives deep nesting", () => {
    const deep = "<div>".repeat(5_000) + "x" + "</div>".repeat(5_000);
    expect(textOfHtml(sanitizeLetterHtml(deep)).length).toBeLessThan(10);
  });
});
