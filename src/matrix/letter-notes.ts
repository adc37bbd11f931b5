import type { Detail, Message } from "../model/message.ts";
import { requestBlock, requestHtml, requestText } from "./act-text.ts";
import type { Content } from "./client.ts";
import { oneLine } from "./german.ts";
import { escapeHtml } from "./html.ts";

/** Bytes of the details in the letter's event; they stand there up to three times. What is longer goes into a file. */
const SHOWN_BYTES = 6_000;
const MAX_SHOWN = 50;
const MAX_LABEL = 100;
/** A value of this length is whole in the room; a longer one only in the file. */
const MAX_VALUE = 500;
const HEADING = "Angaben zum Schreiben";
export const DETAILS_FILE = "Angaben.txt";

/** What stands under the text of a letter: facts about it, and what its sender asks for. */
export interface LetterNotes {
  /** Begins with an empty line when there is something. */
  readonly text: string;
  readonly html: string;
  /** Fields of the letter's block. */
  readonly block: Content;
  /** All details, when not all of them are shown. */
  readonly file?: string;
}

/** Pure. Nothing is left out silently: what is not shown is in the file, and the text says so. */
export function notesOf({
  details = [],
  request,
}: Pick<Message, "details" | "request">): LetterNotes {
  const cleaned = details.map(({ label, value }) => ({
    label: oneLine(label, MAX_LABEL),
    value: oneLine(value, MAX_VALUE),
  }));
  const shown = fitting(cleaned);
  const whole = shown.length === details.length && details.every(isShort);
  const more = whole
    ? []
    : [`[Nicht alles. Die vollständigen Angaben stehen in der Anlage „${DETAILS_FILE}“.]`];
  const blocks = [
    ...(details.length === 0 ? [] : [[`${HEADING}:`, ...shown.map(lineOf), ...more].join("\n")]),
    ...(request === undefined ? [] : [requestText(request)]),
  ];
  return {
    text: blocks.map((block) => `\n\n${block}`).join(""),
    html: [...htmlOf(shown, more, details.length), ...(request ? [requestHtml(request)] : [])].join(
      "\n",
    ),
    block: {
      ...(details.length === 0 ? {} : { details: shown }),
      // Values may be cut although none is missing: the file tells, not the count.
      ...(whole
        ? {}
        : { details_file: DETAILS_FILE, details_omitted: details.length - shown.length }),
      ...(request === undefined ? {} : { request: requestBlock(request) }),
    },
    ...(whole ? {} : { file: details.map((one) => `${one.label}: ${one.value}`).join("\n") }),
  };
}

function fitting(details: readonly Detail[]): readonly Detail[] {
  const shown: Detail[] = [];
  let bytes = 0;
  for (const detail of details) {
    bytes += Buffer.byteLength(JSON.stringify(detail), "utf8");
    if (bytes > SHOWN_BYTES || shown.length === MAX_SHOWN) break;
    shown.push(detail);
  }
  return shown;
}
function isShort({ label, value }: Detail): boolean {
  return Array.from(label).length <= MAX_LABEL && Array.from(value).length <= MAX_VALUE;
}
function lineOf({ label, value }: Detail): string {
  return `– ${label}: ${value}`;
}
function htmlOf(
  shown: readonly Detail[],
  more: readonly string[],
  count: number,
): readonly string[] {
  if (count === 0) return [];
  const items = [...shown.map(({ label, value }) => `${label}: ${value}`), ...more];
  const list = items.map((item) => `<li>${escapeHtml(item)}</li>`).join("");
  return [`<p><em>${HEADING}</em></p>\n<ul>${list}</ul>`];
}
