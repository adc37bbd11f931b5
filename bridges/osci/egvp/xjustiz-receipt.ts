import type { XmlElement } from "../../../src/guard/xml.ts";
import { elementsOf } from "../../../src/guard/xml.ts";
import { toLine } from "./documents.ts";
import { EGVP } from "./profile.ts";

/** What somebody answered to our request for a receipt. */
export interface ReceiptAnswer {
  /** Day of service, as written. */
  readonly confirmed?: string;
  readonly refused?: { readonly code?: string; readonly reason?: string };
}

export function readReceipt(root: XmlElement): ReceiptAnswer {
  const { confirmation, rejection, rejectionCode, rejectionReason } = EGVP.eeb;
  const texts = new Map<string, string>();
  let refused = false;
  for (const element of elementsOf(root)) {
    refused ||= element.local === rejection;
    const text = deepText(element);
    const wanted = [confirmation, rejectionCode, rejectionReason].includes(element.local);
    if (wanted && text !== undefined && !texts.has(element.local)) texts.set(element.local, text);
  }
  const [confirmed, code, reason] = [confirmation, rejectionCode, rejectionReason].map((name) =>
    texts.get(name),
  );
  return {
    ...(confirmed === undefined ? {} : { confirmed }),
    ...(refused
      ? {
          refused: {
            ...(code === undefined ? {} : { code }),
            ...(reason === undefined ? {} : { reason }),
          },
        }
      : {}),
  };
}

/** A code stands one level deeper (`stoerungsID/code`). */
function deepText(element: XmlElement): string | undefined {
  const texts = element.children.flatMap((node) => {
    if (node.kind === "text") return [node.value];
    if (node.kind === "element" && node.local === "code")
      return node.children.map((inner) => (inner.kind === "text" ? inner.value : ""));
    return [];
  });
  return toLine(texts.join(" "));
}

/** For the reader, German. */
export function describeReceipt({ confirmed, refused }: ReceiptAnswer): string {
  if (refused === undefined)
    return confirmed === undefined
      ? "ohne Zustelldatum abgegeben"
      : `abgegeben, Zustelldatum ${confirmed}`;
  const known = EGVP.eeb.codes.find(({ code }) => code === refused.code)?.text;
  const why = [known ?? refused.code, refused.reason].filter((part) => part !== undefined);
  return ["abgelehnt", ...why].join(": ");
}
