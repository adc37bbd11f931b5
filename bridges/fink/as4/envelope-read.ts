import { GatewayError } from "../../../src/model/errors.ts";
import {
  attributeOf,
  childElements,
  optionalChild,
  parseXml,
  requiredChild,
  textOf,
} from "../../../src/guard/xml.ts";
import type { XmlElement } from "../../../src/guard/xml.ts";
import type { AccessPointParty } from "./contract.ts";
import { BACKEND, EBMS, SOAP, XOP } from "./names.ts";

/** What the access point answers, as far as this bridge reads it. Everything throws GatewayError INPUT_INVALID. Pure. */
export interface SoapFault {
  /** Local name of the SOAP code: Sender, Receiver … */
  readonly role: string;
  readonly reason: string;
  /** Of the plug-in's own detail; absent: the fault came from elsewhere in the server. */
  readonly code?: string;
  readonly message?: string;
}
export interface ReceivedHeader {
  readonly messageId: string;
  readonly refToMessageId?: string;
  readonly timestamp?: Date;
  readonly from: AccessPointParty;
  readonly to: AccessPointParty;
  readonly service: string;
  readonly action: string;
  readonly conversationId?: string;
  readonly properties: ReadonlyMap<string, string>;
  readonly parts: readonly ReceivedPart[];
}
export interface ReceivedPart {
  readonly href: string;
  readonly properties: ReadonlyMap<string, string>;
}
export interface PayloadRef {
  readonly href: string;
  /** Number of the cut value. */
  readonly value: number;
  /** Content-ID, when the content is a MIME part. */
  readonly contentId?: string;
}
export interface ErrorEntry {
  readonly code: string;
  readonly detail?: string;
  readonly role?: string;
}

const MAX_PARTS = 1_000;
const MAX_PROPERTIES = 200;

export interface SoapEnvelope {
  readonly header: XmlElement | undefined;
  /** The one element in the body. */
  readonly content: XmlElement;
}

export function readEnvelope(bytes: Uint8Array): SoapEnvelope {
  const { root } = parseXml(bytes);
  if (root.uri !== SOAP || root.local !== "Envelope") throw invalid("this is no SOAP 1.2 envelope");
  const header = optionalChild(root, SOAP, "Header");
  const elements = childElements(requiredChild(root, SOAP, "Body"));
  const [content] = elements;
  if (content === undefined || elements.length > 1)
    throw invalid("the body does not hold one element");
  return { header, content };
}

/** The fault, if the content is one. */
export function readFault({ content }: SoapEnvelope): SoapFault | undefined {
  if (content.uri !== SOAP || content.local !== "Fault") return undefined;
  const code = textOf(requiredChild(requiredChild(content, SOAP, "Code"), SOAP, "Value")).trim();
  const reasonElement = optionalChild(content, SOAP, "Reason");
  const text =
    reasonElement === undefined ? undefined : childElements(reasonElement, SOAP, "Text")[0];
  const detail = optionalChild(content, SOAP, "Detail");
  const own = detail === undefined ? undefined : optionalChild(detail, BACKEND, "FaultDetail");
  const fault = { role: code.replace(/^.*:/, ""), reason: text === undefined ? "" : textOf(text) };
  if (own === undefined) return fault;
  const message = optionalChild(own, "", "message");
  return {
    ...fault,
    code: textOf(requiredChild(own, "", "code")),
    ...(message === undefined ? {} : { message: textOf(message) }),
  };
}

/** The answer element of that name, in the plug-in's namespace. */
export function requireAnswer({ content }: SoapEnvelope, local: string): XmlElement {
  if (content.uri !== BACKEND || content.local !== local)
    throw invalid(`the answer is ${content.local}, not ${local}`);
  return content;
}

/** Texts of the `messageID` children. */
export function readMessageIds(answer: XmlElement, limit: number): readonly string[] {
  const ids = childElements(answer, "", "messageID").map((child) => textOf(child).trim());
  if (ids.length > limit) throw new GatewayError("INPUT_HOSTILE", `more than ${limit} message ids`);
  return ids.map((id) => requireId(id));
}

export function readErrors(answer: XmlElement): readonly ErrorEntry[] {
  return childElements(answer, "", "item").map((item) => ({
    code: optionalText(item, "", "domibusErrorCode") ?? "",
    ...named("detail", optionalText(item, "", "errorDetail")),
    ...named("role", optionalText(item, "", "mshRole")),
  }));
}

/** The one user message of a `Messaging` header. */
export function readHeader({ header }: SoapEnvelope): ReceivedHeader {
  if (header === undefined) throw invalid("the answer has no header");
  const user = requiredChild(requiredChild(header, EBMS, "Messaging"), EBMS, "UserMessage");
  const info = requiredChild(user, EBMS, "MessageInfo");
  const parties = requiredChild(user, EBMS, "PartyInfo");
  const about = requiredChild(user, EBMS, "CollaborationInfo");
  const properties = optionalChild(user, EBMS, "MessageProperties");
  const payload = optionalChild(user, EBMS, "PayloadInfo");
  const reference = optionalText(info, EBMS, "RefToMessageId")?.trim();
  return {
    messageId: requireId(textOf(requiredChild(info, EBMS, "MessageId")).trim()),
    ...named("refToMessageId", reference === "" ? undefined : reference),
    ...named("timestamp", readTime(optionalText(info, EBMS, "Timestamp"))),
    from: readParty(requiredChild(parties, EBMS, "From")),
    to: readParty(requiredChild(parties, EBMS, "To")),
    service: textOf(requiredChild(about, EBMS, "Service")).trim(),
    action: textOf(requiredChild(about, EBMS, "Action")).trim(),
    ...named("conversationId", optionalText(about, EBMS, "ConversationId")?.trim()),
    properties: properties === undefined ? new Map() : readProperties(properties),
    parts: payload === undefined ? [] : readParts(payload),
  };
}

/** The payloads of a retrieve answer, in order; `value` and `contentId` say where their bytes are. */
export function readPayloads(answer: XmlElement): readonly PayloadRef[] {
  return childElements(answer)
    .filter(({ uri, local }) => uri === "" && (local === "payload" || local === "bodyload"))
    .map((payload) => {
      const value = requiredChild(payload, "", "value");
      const texts = value.children.flatMap((node) => (node.kind === "text" ? [node.value] : []));
      const number = /^\s*#(\d{1,6})\s*$/.exec(texts.join(""))?.[1];
      if (number === undefined) throw invalid("a payload holds something else than base64");
      const include = optionalChild(value, XOP, "Include");
      if (childElements(value).length > (include === undefined ? 0 : 1))
        throw invalid("a payload holds foreign elements");
      const href = (attributeOf(payload, "payloadId") ?? "").trim();
      return { href, value: Number(number), ...named("contentId", contentIdOf(include)) };
    });
}

/** RFC 2392: the URL carries the id percent-encoded. */
function contentIdOf(include: XmlElement | undefined): string | undefined {
  if (include === undefined) return undefined;
  const href = attributeOf(include, "href") ?? "";
  if (!href.startsWith("cid:")) throw invalid("a payload refers to something that is no part");
  try {
    return decodeURIComponent(href.slice("cid:".length));
  } catch (cause) {
    throw new GatewayError("INPUT_INVALID", "a reference to a part is broken", { cause });
  }
}

function readParty(element: XmlElement): AccessPointParty {
  const id = requiredChild(element, EBMS, "PartyId");
  return { id: textOf(id).trim(), type: attributeOf(id, "type")?.trim() ?? "" };
}

function readParts(payload: XmlElement): readonly ReceivedPart[] {
  const parts = childElements(payload, EBMS, "PartInfo");
  if (parts.length > MAX_PARTS)
    throw new GatewayError("INPUT_HOSTILE", `more than ${MAX_PARTS} parts`);
  return parts.map((part) => {
    const properties = optionalChild(part, EBMS, "PartProperties");
    return {
      href: (attributeOf(part, "href") ?? "").trim(),
      properties: properties === undefined ? new Map<string, string>() : readProperties(properties),
    };
  });
}

/** A property that comes twice is refused: two readers could each take another one. */
function readProperties(parent: XmlElement): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const element of childElements(parent, EBMS, "Property")) {
    const name = attributeOf(element, "name") ?? "";
    if (found.has(name)) throw new GatewayError("INPUT_HOSTILE", "a property comes twice");
    if (found.size === MAX_PROPERTIES)
      throw new GatewayError("INPUT_HOSTILE", `more than ${MAX_PROPERTIES} properties`);
    found.set(name, textOf(element));
  }
  return found;
}

function readTime(text: string | undefined): Date | undefined {
  // The access point keeps UTC and writes it without a zone; read as ISO 8601 it would be taken for our local time.
  const time = text?.trim() ?? "";
  const date = new Date(/(Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function requireId(id: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(id)) throw invalid("a message id is empty or not printable");
  return id;
}
function optionalText(parent: XmlElement, uri: string, local: string): string | undefined {
  const child = optionalChild(parent, uri, local);
  return child === undefined ? undefined : textOf(child);
}
function named<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
function invalid(message: string): GatewayError {
  return new GatewayError("INPUT_INVALID", message);
}
