import sanitizeHtml from "sanitize-html";

/** Deepest nesting that is kept. */
const NESTING = 50;
const BLOCKS = ["p", "div", "li", "blockquote", "pre", "tr", "table", "ul", "ol"]
  .concat(["h1", "h2", "h3", "h4", "h5", "h6"])
  .join("|");

const LETTER_TAGS = ["p", "br", "strong", "b", "em", "i", "u", "del", "s", "sub", "sup", "hr"]
  .concat(["h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "ul", "ol", "li"])
  .concat(["a", "table", "thead", "tbody", "tr", "th", "td", "caption", "div", "span"]);

/**
 * HTML of a letter in either direction: text structure and links, nothing that loads, runs, hides or styles. A subset of
 * what the Matrix specification allows in `formatted_body`. The quoted fallback of old replies is dropped with its content.
 */
export function sanitizeLetterHtml(html: string): string {
  return sanitizeHtml(html, {
    allowedTags: LETTER_TAGS,
    allowedAttributes: {
      a: ["href"],
      ol: ["start"],
      td: ["colspan", "rowspan"],
      th: ["colspan", "rowspan"],
    },
    allowedSchemes: ["http", "https", "mailto"],
    allowProtocolRelative: false,
    nonTextTags: ["style", "script", "textarea", "option", "noscript", "mx-reply", "title"],
    nestingLimit: NESTING,
    disallowedTagsMode: "discard",
  }).trim();
}

/**
 * The same content as plain text. Takes only what `sanitizeLetterHtml` returned: well-formed, known tags, so that tags
 * can be told from text by their form.
 */
export function textOfHtml(sanitized: string): string {
  const withLinks = sanitized.replace(
    /<a href="([^"]*)">([\s\S]*?)<\/a>/g,
    (_all, href: string, label: string) => (label.includes(href) ? label : `${label} (${href})`),
  );
  return withLinks
    .replace(/\s*\n\s*/g, " ")
    .replace(/<br\s*\/?>/g, "\n")
    .replace(/<hr\s*\/?>/g, "\n---\n")
    .replace(/<li>/g, "\n- ")
    .replace(/<\/t[dh]>/g, "\t")
    .replace(new RegExp(`</(?:${BLOCKS})>`, "g"), "\n\n")
    .replace(/<[^>]*>/g, "")
    .replace(/&(lt|gt|quot|amp);/g, (_all, name: keyof typeof ENTITIES) => ENTITIES[name])
    .replace(/[ \t]+\n/g, "\n")
    .replace(/\n[ ]+/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

const ENTITIES = { lt: "<", gt: ">", quot: '"', amp: "&" } as const;

export function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"]/g,
    (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char] ?? "",
  );
}
