/** Namespaces and the prefixes that the library writes (facts §2.4). */
export const NS = Object.freeze({
  soap: "http://schemas.xmlsoap.org/soap/envelope/",
  osci: "http://www.osci.de/2002/04/osci",
  osci2017: "http://xoev.de/transport/osci12/7",
  osci128: "http://xoev.de/transport/osci12/8",
  ds: "http://www.w3.org/2000/09/xmldsig#",
  xenc: "http://www.w3.org/2001/04/xmlenc#",
  xenc11: "http://www.w3.org/2009/xmlenc11#",
  xsi: "http://www.w3.org/2001/XMLSchema-instance",
} as const);

/** Transforms that references may name. */
export const TRANSFORM = Object.freeze({
  canonical: "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
  base64: "http://www.w3.org/2000/09/xmldsig#base64",
} as const);

/** Actors of header blocks: certificates go to nobody in particular, everything else to the next in line. */
export const ACTOR = Object.freeze({
  next: "http://schemas.xmlsoap.org/soap/actor/next",
  none: "http://www.w3.org/2001/12/soap-envelope/actor/none",
} as const);

/**
 * The five declarations that every block and every container repeats, so that its bytes are their own canonical form
 * wherever they stand (facts §2.4). Sorted as Canonical XML sorts.
 */
export const BLOCK_NAMESPACES = Object.freeze([
  ["xmlns:ds", NS.ds],
  ["xmlns:osci", NS.osci],
  ["xmlns:soap", NS.soap],
  ["xmlns:xenc", NS.xenc],
  ["xmlns:xsi", NS.xsi],
] as const);

/** Messages between client and intermediary, or intermediary and recipient (facts §1.2), requests first. */
export const REQUEST_TYPES = Object.freeze([
  "InitDialog",
  "GetMessageId",
  "StoreDelivery",
  "FetchDelivery",
  "FetchProcessCard",
  "ExitDialog",
  "ForwardDelivery",
  "AcceptDelivery",
  "MediateDelivery",
  "ProcessDelivery",
  "PartialStoreDelivery",
  "PartialFetchDelivery",
] as const);

export type RequestType = (typeof REQUEST_TYPES)[number];
export type ResponseType = `ResponseTo${RequestType}`;
export type MessageType = RequestType | ResponseType;
/** What an envelope can be: a message, the wrapping of an encrypted one, or a fault. */
export type EnvelopeType = MessageType | "MessageEncrypted" | "MessageFault";

export function responseTo<T extends RequestType>(request: T): `ResponseTo${T}` {
  return `ResponseTo${request}`;
}
export function isResponse(type: MessageType): type is ResponseType {
  return type.startsWith("ResponseTo");
}

/** Dispatch is by this exact string, blanks and all (facts §2.3, §8.1). */
export function schemaLocationOf(type: EnvelopeType): string {
  return [`${NS.soap} soap${type}.xsd`, `${NS.ds} oscisig.xsd`, `${NS.xenc} oscienc.xsd`].join(" ");
}

const envelopeTypes: readonly EnvelopeType[] = [
  ...REQUEST_TYPES,
  ...REQUEST_TYPES.map(responseTo),
  "MessageEncrypted",
  "MessageFault",
];
const byLocation: ReadonlyMap<string, EnvelopeType> = new Map(
  envelopeTypes.map((type) => [schemaLocationOf(type), type]),
);

export function typeOfSchemaLocation(location: string): EnvelopeType | undefined {
  return byLocation.get(location);
}

/** Element of the order in header or body: `StoreDelivery` → `storeDelivery`. */
export function orderElement(type: MessageType): string {
  return type.charAt(0).toLowerCase() + type.slice(1);
}
