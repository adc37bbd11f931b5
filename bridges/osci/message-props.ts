import { elementsOf, parseXml, textOf } from "../../src/guard/xml.ts";
import { GatewayError } from "../../src/model/errors.ts";
import type { Detail } from "../../src/model/message.ts";

/**
 * `MsgProps.xml`, which an EGVP client puts beside a delivery that it keeps (facts §5.4). Nobody signed it: it tells which
 * delivery lies in the folder and what the client showed then, and proves nothing.
 */
const LIMITS = { maxBytes: 4 * 2 ** 20, maxDepth: 32, maxNodes: 20_000 };
/** Characters of a text that is shown. */
const MAX_TEXT = 500;

/** What a reader should know out of it. */
export function detailsOfProps(bytes: Buffer | undefined, messageId: string): readonly Detail[] {
  if (bytes === undefined) return [];
  const props = readProps(bytes);
  if (props === undefined) return noted("MsgProps.xml neben der Nachricht ist nicht lesbar");
  const named = props.get("MessageID");
  // The delivery speaks for itself; what lies beside it does not speak for it then.
  if (named !== undefined && named !== messageId)
    return noted("MsgProps.xml neben der Nachricht gehört zu einer anderen");
  const shown = props.get("VhnText");
  if (shown === undefined) return [];
  return [{ label: "Damals angezeigte Herkunft", value: shown.slice(0, MAX_TEXT) }];
}

function noted(value: string): readonly Detail[] {
  return [{ label: "Archiv", value }];
}

/** Texts by the name of their element, the first of each; undefined: no such document. */
function readProps(bytes: Buffer): ReadonlyMap<string, string> | undefined {
  try {
    const { root } = parseXml(bytes, LIMITS);
    if (root.local !== "EGVPMessageProps") return undefined;
    const found = new Map<string, string>();
    for (const element of elementsOf(root)) {
      if (element.local !== "MessageID" && element.local !== "VhnText") continue;
      const text = textOf(element).trim();
      if (text !== "" && !found.has(element.local)) found.set(element.local, text);
    }
    return found;
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
