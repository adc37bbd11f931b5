import {
  childElements,
  optionalChild,
  requiredChild,
  textOf,
  type XmlDocument,
  type XmlElement,
} from "../../../src/guard/xml.ts";
import { writeText } from "../../../src/guard/xml-write.ts";
import { element } from "./element.ts";
import { partsOf } from "./envelope.ts";
import { asMalformed, malformed } from "./errors.ts";
import { NS } from "./names.ts";
import { writeMime } from "./mime-write.ts";
import { sourceOf, type SizedSource } from "./stream.ts";

/**
 * A SOAP fault: the other side did not take the message at all (codes 9000–9503, facts §2.8). Comes in the clear, with
 * any HTTP status, also in answer to an encrypted request; nobody signs it.
 */
export interface Fault {
  /** Whose fault it is by the peer's own account. */
  readonly side: "client" | "server";
  readonly code: string;
  /** What the peer wrote: shown to operators, never interpreted. */
  readonly text: string;
}

/** The boundary that the library uses for every fault. */
const faultBoundary = "MIME_boundary";

export function readFault(document: XmlDocument): Fault {
  return asMalformed("the fault", () => {
    const { body } = partsOf(document);
    const fault = requiredChild(body, NS.soap, "Fault");
    const detail = unqualified(fault, "detail");
    const code = detail && optionalChild(detail, NS.osci, "Code");
    const side = sideOf(textOf(unqualified(fault, "faultcode") ?? fault));
    if (code === undefined || side === undefined) throw malformed("the fault has no code");
    const text = unqualified(fault, "faultstring");
    return { side, code: textOf(code).trim(), text: text === undefined ? "" : textOf(text) };
  });
}

/** The whole message as the library writes it, blank line in front and all (facts §2.2). */
export function writeFault({ side, code, text }: Fault): SizedSource {
  const detail = element("osci:Code", [], writeText(code));
  const fault = [
    element("faultcode", [], side === "client" ? "soap:Client" : "soap:Server"),
    element("faultstring", [], writeText(text)),
    element("detail", [], detail),
  ].join("");
  const namespaces = [
    ["xmlns:soap", NS.soap],
    ["xmlns:osci", NS.osci],
  ] as const;
  const body = element("soap:Body", [], element("soap:Fault", [], fault));
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\r\n\r\n${element("soap:Envelope", namespaces, body)}`;
  const message = writeMime({
    boundary: faultBoundary,
    xml: Buffer.from(xml),
    announceXmlLength: false,
    parts: [],
  });
  const blankLine = sourceOf(Buffer.from("\r\n"));
  return {
    size: blankLine.size + message.size,
    async *open() {
      yield* blankLine.open();
      yield* message.open();
    },
  };
}

/** The children of a fault have no namespace (SOAP 1.1 §4.4). */
function unqualified(parent: XmlElement, local: string): XmlElement | undefined {
  return childElements(parent, "", local)[0];
}

function sideOf(faultcode: string): Fault["side"] | undefined {
  const local = faultcode.trim().split(":").at(-1);
  if (local === "Client") return "client";
  return local === "Server" ? "server" : undefined;
}
