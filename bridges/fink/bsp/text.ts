import { findForbidden, hasTags, sanitise, textOf } from "../../../src/guard/html.ts";
import type { HtmlFinding } from "../../../src/guard/html.ts";
import type { Profile } from "./profile.ts";

/** FreiText, both ways (bundid-fink.md §1.7). Pure. */

/** In text/plain the two characters backslash and n are a line break, and a literal backslash is doubled. */
export function escapePlain(text: string): string {
  return text.replace(/\r\n?/g, "\n").replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
/** Real line breaks stay, too; a lone backslash before anything else stays what it is. */
export function unescapePlain(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/\\(\\|n)/g, (_whole, second: string) => (second === "n" ? "\n" : "\\"));
}

/** What a reader sees. The mailbox shows allowed tags whatever the encoding says: it is declared unused. */
export function readText(
  text: string,
  form: "plain" | "html",
  { html: rules }: Profile,
): { readonly text: string; readonly html?: string } {
  const plain = form === "plain" ? unescapePlain(text) : text;
  if (form === "plain" && !hasTags(plain)) return { text: plain };
  const html = sanitise(form === "plain" ? plain.replaceAll("\n", "<br>") : plain, rules);
  return { text: textOf(html), html };
}

const PLAIN_HTTP = /\bhttp:\/\//i;
const SCRIPT_LINK = /\b(?:javascript|vbscript|data):[^\s]/i;

/** The first thing that the receiving mailbox would refuse with code 31: a tag, an attribute or a link. */
export function findContentFault(text: string, profile: Profile): string | undefined {
  const [finding] = findForbidden(text, profile.html);
  if (finding !== undefined) return describeFinding(finding);
  if (profile.html.httpsOnly && PLAIN_HTTP.test(text)) return "link http: (only https is allowed)";
  return hasTags(text) && SCRIPT_LINK.test(text) ? "link with a script" : undefined;
}

export function describeFinding({ kind, what }: HtmlFinding): string {
  return `${kind} ${what}`;
}
