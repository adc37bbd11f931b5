import { attributeOf, optionalChild, textOf, type XmlElement } from "../../../src/guard/xml.ts";
import type { RoleCertificate } from "./certificates.ts";
import { readContentPackage, type ContentPackage } from "./content.ts";
import { readControlBlock, type ControlBlock } from "./control-block.ts";
import { blockOf } from "./envelope.ts";
import { asMalformed, malformed } from "./errors.ts";
import { readFeatures, type Feature } from "./features.ts";
import { readFeedback, type Feedback } from "./feedback.ts";
import { isResponse, NS, orderElement, type MessageType } from "./names.ts";
import { readMessageId, readProcessCard, type ProcessCard } from "./process-card.ts";
import { readSelection, type Selection } from "./selection.ts";
import { certificatesOf, type VerifiedEnvelope } from "./signature-verify.ts";
import { childElements } from "../../../src/guard/xml.ts";

/** How a chunked delivery announces a piece of itself (facts §2.6). Recognised and reported, never put together. */
export interface ChunkInformation {
  readonly chunkNumber?: string;
  readonly chunkSize?: string;
  readonly receivedChunks?: string;
  readonly totalChunkNumbers?: string;
  readonly totalMessageSize?: string;
}

/** Everything a message says outside of its content. Absent fields were not there. */
export interface Message {
  readonly type: MessageType;
  readonly control: ControlBlock;
  readonly certificates: readonly RoleCertificate[];
  readonly languages: readonly string[];
  readonly features: readonly Feature[];
  /** Header blocks of other namespaces, and those of OSCI that this bridge has no use for. */
  readonly custom: readonly XmlElement[];
  /** Of every response, never of a request. */
  readonly feedback?: Feedback;
  readonly messageId?: string;
  /** The subject of the delivery; in EGVP the kind of message (facts §5.1). */
  readonly subject?: string;
  readonly selection?: Selection;
  readonly limit?: number;
  readonly cards: readonly ProcessCard[];
  readonly content: ContentPackage;
  readonly chunk?: ChunkInformation;
}

const maxCards = 10_000;

/** Where the order of a message stands (facts §2.6). */
const inHeader: readonly MessageType[] = [
  "StoreDelivery",
  "ResponseToStoreDelivery",
  "FetchDelivery",
  "ResponseToFetchDelivery",
  "ForwardDelivery",
  "ResponseToForwardDelivery",
  "AcceptDelivery",
  "ResponseToAcceptDelivery",
  "MediateDelivery",
  "ResponseToMediateDelivery",
  "ProcessDelivery",
  "ResponseToProcessDelivery",
];
const frameBlocks: readonly string[] = [
  "ControlBlock",
  "DesiredLanguages",
  "QualityOfTimestamp",
  "IntermediaryCertificates",
  "NonIntermediaryCertificates",
];

/** Reads a message from verified nodes only. Throws OsciError 9100. */
export function readMessage(envelope: VerifiedEnvelope): Message {
  return asMalformed(envelope.type, () => {
    const { type } = envelope;
    const order = findOrder(envelope);
    const languages = blockOf(envelope, "DesiredLanguages");
    const features = blockOf(envelope, "FeatureDescription", NS.osci2017);
    return {
      type,
      control: readControlBlock(envelope.control),
      certificates: certificatesOf(envelope),
      languages: (languages && attributeOf(languages, "LanguagesList")?.split(/\s+/)) ?? [],
      features: features === undefined ? [] : readFeatures(features),
      custom: envelope.blocks.filter((block) => block !== order && !isFrame(block)),
      ...readOrder(type, order),
      content: isChunked(type)
        ? { containers: [], encrypted: [] }
        : readContentPackage(envelope.document, contentHolder(envelope)),
    };
  });
}

/** In the header for those that move contents, in the Body for all others. */
function findOrder(envelope: VerifiedEnvelope): XmlElement {
  const { type } = envelope;
  const name = orderElement(type);
  const order = isChunked(type)
    ? (blockOf(envelope, name, NS.osci2017) ?? blockOf(envelope, name))
    : inHeader.includes(type)
      ? blockOf(envelope, name)
      : onlyChild(envelope.body, name);
  if (order === undefined) throw malformed(`a ${type} without ${name}`);
  return order;
}

function onlyChild(body: XmlElement, name: string): XmlElement | undefined {
  const order = optionalChild(body, NS.osci, name);
  if (childElements(body).length > 1) throw malformed("the Body holds more than the order");
  return order;
}

function contentHolder({ type, body }: VerifiedEnvelope): XmlElement {
  if (!inHeader.includes(type)) return body;
  const known = optionalChild(body, NS.osci, "ContentPackage");
  if (childElements(body).length !== (known === undefined ? 0 : 1))
    throw malformed("the Body holds more than a ContentPackage");
  return body;
}

type OrderFields = Pick<
  Message,
  "feedback" | "messageId" | "subject" | "selection" | "limit" | "cards" | "chunk"
>;

function readOrder(type: MessageType, order: XmlElement): OrderFields {
  // A response repeats the order it answers, selection and all.
  const asked = optionalChild(order, NS.osci, orderElement(type).replace(/^responseTo(.)/, lower));
  const selecting = asked ?? order;
  const selection = readSelection(selecting);
  const quantity = optionalChild(selecting, NS.osci, "Quantity");
  const messageId = optionalChild(order, NS.osci, "MessageId");
  const subject = optionalChild(order, NS.osci, "Subject");
  const chunk = optionalChild(order, NS.osci2017, "ChunkInformation");
  const cards = childElements(order, NS.osci).filter(({ local }) =>
    /^(?:Request|Reply)?ProcessCardBundle$/.test(local),
  );
  if (cards.length > maxCards) throw malformed("too many process cards");
  return {
    ...(isResponse(type) ? { feedback: readFeedback(order) } : {}),
    ...(messageId === undefined ? {} : { messageId: readMessageId(messageId) }),
    ...(subject === undefined ? {} : { subject: textOf(subject) }),
    ...(selection === undefined ? {} : { selection }),
    ...(quantity === undefined ? {} : { limit: readLimit(quantity) }),
    cards: cards.map(readProcessCard),
    ...(chunk === undefined ? {} : { chunk: readChunk(chunk) }),
  };
}

function lower(_whole: string, first: string): string {
  return first.toLowerCase();
}

function readLimit(quantity: XmlElement): number {
  const text = attributeOf(quantity, "Limit") ?? "";
  if (!/^\d{1,9}$/.test(text)) throw malformed("Quantity has no Limit");
  return Number(text);
}

function readChunk(chunk: XmlElement): ChunkInformation {
  const names = [
    ["chunkNumber", "ChunkNumber"],
    ["chunkSize", "ChunkSize"],
    ["receivedChunks", "ReceivedChunks"],
    ["totalChunkNumbers", "TotalChunkNumbers"],
    ["totalMessageSize", "TotalMessageSize"],
  ] as const;
  return Object.fromEntries(
    names.flatMap(([key, attribute]) => {
      const value = attributeOf(chunk, attribute);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/** A delivery in pieces, or its answer. */
export function isChunked(type: MessageType): boolean {
  return type.includes("Partial");
}

function isFrame({ uri, local }: XmlElement): boolean {
  return (
    (uri === NS.osci && frameBlocks.includes(local)) ||
    (uri === NS.osci2017 && local === "FeatureDescription")
  );
}
