import {
  attributeOf,
  childElements,
  requiredChild,
  textOf,
  XML_NAMESPACE,
  type XmlElement,
} from "../../../src/guard/xml.ts";
import { writeText } from "../../../src/guard/xml-write.ts";
import { outcomeOf, type Outcome } from "./codes.ts";
import { element } from "./element.ts";
import { asMalformed, hostile, malformed } from "./errors.ts";
import { NS } from "./names.ts";

export interface FeedbackEntry {
  readonly code: string;
  readonly outcome: Outcome;
  readonly language: string;
  /** What the peer wrote: shown to operators, never interpreted. */
  readonly text: string;
}

/** All entries of an answer; several are normal: one that says done, and remarks (facts §2.6, §8.10). */
export interface Feedback {
  readonly entries: readonly FeedbackEntry[];
  /**
   * refused as soon as one entry says so, remarked as soon as one remarks, else done. Refused means: no effect
   * (facts §7.5).
   */
  readonly outcome: Outcome;
}

const maxEntries = 100;

export function readFeedback(parent: XmlElement): Feedback {
  return asMalformed("Feedback", () => {
    const entries = childElements(requiredChild(parent, NS.osci, "Feedback"));
    if (entries.length > maxEntries) throw hostile("too many entries of Feedback");
    if (entries.length === 0) throw malformed("Feedback has no entry");
    return feedbackOf(entries.map(readEntry));
  });
}

/** Whether one entry has this code. */
export function hasCode({ entries }: Feedback, code: string): boolean {
  return entries.some((entry) => entry.code === code);
}

export function writeFeedback(entries: readonly Omit<FeedbackEntry, "outcome">[]): string {
  const content = entries.map(({ code, language, text }) => {
    const parts = [
      element("osci:Code", [], writeText(code)),
      element("osci:Text", [], writeText(text)),
    ];
    return element("osci:Entry", [["xml:lang", language]], parts.join(""));
  });
  return element("osci:Feedback", [], content.join(""));
}

function feedbackOf(entries: readonly FeedbackEntry[]): Feedback {
  const said = new Set(entries.map(({ outcome }) => outcome));
  const outcome = said.has("refused") ? "refused" : said.has("remarked") ? "remarked" : "done";
  return { entries, outcome };
}

function readEntry(entry: XmlElement): FeedbackEntry {
  if (entry.uri !== NS.osci || entry.local !== "Entry")
    throw malformed("Feedback holds something unknown");
  const code = textOf(requiredChild(entry, NS.osci, "Code")).trim();
  const outcome = outcomeOf(code);
  if (outcome === undefined) throw malformed("Feedback has a code that is none");
  return {
    code,
    outcome,
    language: attributeOf(entry, "lang", XML_NAMESPACE) ?? "",
    text: textOf(requiredChild(entry, NS.osci, "Text")),
  };
}
