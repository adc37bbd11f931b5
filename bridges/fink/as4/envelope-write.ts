import { writeElement, writeText } from "../../../src/guard/xml-write.ts";
import type { AccessPointParty } from "./contract.ts";
import { BACKEND, EBMS, SOAP } from "./names.ts";
import type { As4Profile } from "./profile.ts";

/** Requests to the backend interface. Element order is that of its schema (wsdl/backend-*.xsd). Pure. */
export interface MessageHeader {
  readonly messageId: string;
  readonly refToMessageId?: string;
  readonly conversationId: string;
  readonly action: string;
  readonly from: AccessPointParty;
  readonly to: AccessPointParty;
  readonly timestamp: Date;
  /** Message properties in the order in which they are written. */
  readonly properties: readonly MessageProperty[];
  readonly parts: readonly MessagePart[];
}
export interface MessageProperty {
  readonly name: string;
  readonly value: string;
  readonly type?: string;
}
export interface MessagePart {
  readonly href: string;
  readonly properties: readonly MessageProperty[];
}

type Attributes = readonly (readonly [string, string])[];

/** The two halves of an envelope between which the content of the body goes. */
export function openEnvelope(header: string): string {
  const head =
    header === "" ? "<soap:Header></soap:Header>" : `<soap:Header>${header}</soap:Header>`;
  const names = `xmlns:soap="${SOAP}" xmlns:eb="${EBMS}" xmlns:ws="${BACKEND}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope ${names}>${head}<soap:Body>`;
}
export const CLOSE_ENVELOPE = "</soap:Body></soap:Envelope>";

/** A request without files: `operation` is the local name of its element, children are unqualified texts. */
export function writeRequest(
  operation: string,
  children: readonly (readonly [name: string, value: string])[],
  attributes: Attributes = [],
): string {
  const content = children.map(([name, value]) => writeElement(name, [], writeText(value)));
  const body = writeElement(`ws:${operation}`, attributes, content.join(""));
  return openEnvelope("") + body + CLOSE_ENVELOPE;
}

/** `Messaging` with one `UserMessage`. Throws GatewayError CONTENT_REJECTED for characters XML does not know. */
export function writeMessaging(header: MessageHeader, { exchange }: As4Profile): string {
  const { messageId, refToMessageId, timestamp } = header;
  const info = [
    textElement("Timestamp", timestamp.toISOString()),
    textElement("MessageId", messageId),
    refToMessageId === undefined ? "" : textElement("RefToMessageId", refToMessageId),
  ];
  const user = [
    element("MessageInfo", info),
    element("PartyInfo", [
      party("From", header.from, exchange.roles.from),
      party("To", header.to, exchange.roles.to),
    ]),
    writeCollaboration(header, exchange),
    element("MessageProperties", header.properties.map(property)),
    element("PayloadInfo", header.parts.map(writePart)),
  ];
  const mpc: Attributes = exchange.mpc === undefined ? [] : [["mpc", exchange.mpc]];
  return element("Messaging", [element("UserMessage", user, mpc)]);
}

function writeCollaboration(header: MessageHeader, exchange: As4Profile["exchange"]): string {
  const { service, agreement } = exchange;
  const content = [
    textElement("Service", service.value, present([["type", service.type]])),
    textElement("Action", header.action),
    textElement("ConversationId", header.conversationId),
  ];
  if (agreement !== undefined) {
    const attributes = present([
      ["type", agreement.type],
      ["pmode", agreement.pmode],
    ]);
    content.unshift(textElement("AgreementRef", agreement.value, attributes));
  }
  return element("CollaborationInfo", content);
}

function party(name: string, { id, type }: AccessPointParty, role: string): string {
  return element(name, [textElement("PartyId", id, [["type", type]]), textElement("Role", role)]);
}
function writePart({ href, properties }: MessagePart): string {
  return element(
    "PartInfo",
    [element("PartProperties", properties.map(property))],
    [["href", href]],
  );
}
function property({ name, value, type }: MessageProperty): string {
  return textElement(
    "Property",
    value,
    present([
      ["name", name],
      ["type", type],
    ]),
  );
}
function present(list: readonly (readonly [string, string | undefined])[]): Attributes {
  return list.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}
function element(name: string, content: readonly string[], attributes: Attributes = []): string {
  return writeElement(`eb:${name}`, attributes, content.join(""));
}
function textElement(name: string, text: string, attributes: Attributes = []): string {
  return writeElement(`eb:${name}`, attributes, writeText(text));
}
