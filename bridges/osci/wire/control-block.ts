import { attributeOf, optionalChild, textOf, type XmlElement } from "../../../src/guard/xml.ts";
import { writeText } from "../../../src/guard/xml-write.ts";
import { element, writeBlock, type OutgoingBlock } from "./element.ts";
import { asMalformed, malformed } from "./errors.ts";
import { NS } from "./names.ts";

/** State of a dialog as each message carries it (facts §1.4). Challenges are compared as text, never decoded. */
export interface ControlBlock {
  readonly response?: string;
  readonly challenge?: string;
  /** Digits by the schema; peers are not held to it. */
  readonly conversationId?: string;
  readonly sequenceNumber?: number;
}

/** Of each of the four texts. */
const maxLength = 1024;
const maxSequenceNumber = 1_000_000_000;

/** Children may stand in any order (facts §2.3). */
export function readControlBlock(block: XmlElement): ControlBlock {
  return asMalformed("ControlBlock", () => {
    const response = textOfChild(block, "Response");
    const challenge = textOfChild(block, "Challenge");
    const conversationId = attributeOf(block, "ConversationId");
    const sequence = attributeOf(block, "SequenceNumber");
    for (const text of [response, challenge, conversationId, sequence])
      if (text !== undefined && (text === "" || text.length > maxLength))
        throw malformed("ControlBlock: an empty or too long value");
    return {
      ...(response === undefined ? {} : { response }),
      ...(challenge === undefined ? {} : { challenge }),
      ...(conversationId === undefined ? {} : { conversationId }),
      ...(sequence === undefined ? {} : { sequenceNumber: readSequenceNumber(sequence) }),
    };
  });
}

export function writeControlBlock(control: ControlBlock): OutgoingBlock {
  const { response, challenge, conversationId, sequenceNumber } = control;
  const content = [
    ...(response === undefined ? [] : [element("osci:Response", [], writeText(response))]),
    ...(challenge === undefined ? [] : [element("osci:Challenge", [], writeText(challenge))]),
  ];
  return writeBlock("ControlBlock", {
    attributes: [
      ...(conversationId === undefined ? [] : [["ConversationId", conversationId] as const]),
      ...(sequenceNumber === undefined
        ? []
        : [["SequenceNumber", String(sequenceNumber)] as const]),
    ],
    content: content.join(""),
  });
}

function textOfChild(block: XmlElement, local: string): string | undefined {
  const child = optionalChild(block, NS.osci, local);
  return child === undefined ? undefined : textOf(child).trim();
}

function readSequenceNumber(text: string): number {
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value > maxSequenceNumber)
    throw malformed("ControlBlock: SequenceNumber is no number");
  return value;
}
