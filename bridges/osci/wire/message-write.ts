import { writeText } from "../../../src/guard/xml-write.ts";
import {
  INTERMEDIARY_ROLES,
  NON_INTERMEDIARY_ROLES,
  writeRoleCertificates,
  type IntermediaryRole,
  type NonIntermediaryRole,
  type RoleCertificate,
} from "./certificates.ts";
import { writeControlBlock, type ControlBlock } from "./control-block.ts";
import { element, writeBlock, type OutgoingBlock } from "./element.ts";
import { writeFeatures, type Feature } from "./features.ts";
import { writeFeedback, type FeedbackEntry } from "./feedback.ts";
import { orderElement, type MessageType } from "./names.ts";
import { writeMessageId, writeProcessCard, type ProcessCard } from "./process-card.ts";
import { writeSelection, type Selection } from "./selection.ts";

/** What every message may carry around its order. */
export interface MessageFrame {
  readonly control: ControlBlock;
  /** Requests; default: German. */
  readonly languages?: readonly string[];
  readonly intermediary?: readonly RoleCertificate<IntermediaryRole>[];
  readonly others?: readonly RoleCertificate<NonIntermediaryRole>[];
  readonly features?: readonly Feature[];
  /** Blocks in namespaces of others; each is signed like the rest. */
  readonly custom?: readonly OutgoingBlock[];
}

/** What a feedback entry says; the outcome follows from the code. */
export type FeedbackText = Omit<FeedbackEntry, "outcome">;

/** The orders that this module writes, by message type (facts §2.6). */
export type OutgoingOrder =
  | { readonly type: "InitDialog" | "GetMessageId" | "ExitDialog" }
  | {
      readonly type: "StoreDelivery";
      readonly messageId: string;
      readonly subject?: string;
      /** Markup of ContentPackage, see `writeContentPackage`. */
      readonly content: string;
    }
  | { readonly type: "FetchDelivery"; readonly selection?: Selection }
  | { readonly type: "FetchProcessCard"; readonly selection?: Selection; readonly limit?: number }
  | {
      readonly type: "ResponseToInitDialog" | "ResponseToExitDialog";
      readonly feedback: readonly FeedbackText[];
    }
  | {
      readonly type: "ResponseToGetMessageId";
      readonly feedback: readonly FeedbackText[];
      readonly messageId?: string;
    }
  | {
      readonly type: "ResponseToStoreDelivery";
      readonly feedback: readonly FeedbackText[];
      readonly card?: ProcessCard;
    }
  | {
      readonly type: "ResponseToFetchDelivery";
      readonly feedback: readonly FeedbackText[];
      readonly selection?: Selection;
      readonly card?: ProcessCard;
      readonly content: string;
    }
  | {
      readonly type: "ResponseToFetchProcessCard";
      readonly feedback: readonly FeedbackText[];
      readonly selection?: Selection;
      readonly limit?: number;
      readonly cards: readonly ProcessCard[];
    };

/** Header blocks in the documented order, the ControlBlock first; the signature goes behind it. */
export interface WrittenMessage {
  readonly type: MessageType;
  readonly control: OutgoingBlock;
  readonly blocks: readonly OutgoingBlock[];
  /** Content of the Body. */
  readonly body: string;
}

export function writeMessage(frame: MessageFrame, order: OutgoingOrder): WrittenMessage {
  const { header, body } = writeOrder(order);
  const { intermediary = [], others = [], features, custom = [] } = frame;
  const request = !order.type.startsWith("ResponseTo");
  const blocks = [
    ...(request ? [writeLanguages(frame.languages ?? ["de"])] : []),
    ...(order.type === "StoreDelivery" ? QUALITIES.map(writeQuality) : []),
    ...header,
    ...(intermediary.length === 0
      ? []
      : [
          certificateBlock("Intermediary", writeRoleCertificates(intermediary, INTERMEDIARY_ROLES)),
        ]),
    ...(others.length === 0
      ? []
      : [
          certificateBlock(
            "NonIntermediary",
            writeRoleCertificates(others, NON_INTERMEDIARY_ROLES),
          ),
        ]),
    ...(features === undefined ? [] : [writeFeatures(features)]),
    ...custom,
  ];
  return { type: order.type, control: writeControlBlock(frame.control), blocks, body };
}

function writeOrder(order: OutgoingOrder): { header: readonly OutgoingBlock[]; body: string } {
  const name = orderElement(order.type);
  const content = orderContent(order);
  switch (order.type) {
    case "StoreDelivery":
    case "ResponseToFetchDelivery":
      return { header: [writeBlock(name, { content })], body: order.content };
    case "FetchDelivery":
    case "ResponseToStoreDelivery":
      return { header: [writeBlock(name, { content })], body: "" };
    default:
      return { header: [], body: element(`osci:${name}`, [], content) };
  }
}

function orderContent(order: OutgoingOrder): string {
  switch (order.type) {
    case "InitDialog":
    case "GetMessageId":
    case "ExitDialog":
      return "";
    case "StoreDelivery":
      return writeMessageId(order.messageId) + writeSubject(order.subject);
    case "FetchDelivery":
      return writeSelection(order.selection);
    case "FetchProcessCard":
      return writeSelection(order.selection) + writeQuantity(order.limit);
    case "ResponseToInitDialog":
    case "ResponseToExitDialog":
      return writeFeedback(order.feedback);
    case "ResponseToGetMessageId":
      return (
        writeFeedback(order.feedback) +
        (order.messageId === undefined ? "" : writeMessageId(order.messageId))
      );
    case "ResponseToStoreDelivery":
      return writeFeedback(order.feedback) + (order.card ? writeProcessCard(order.card) : "");
    case "ResponseToFetchDelivery":
      return [
        writeFeedback(order.feedback),
        element("osci:fetchDelivery", [], writeSelection(order.selection)),
        order.card ? writeProcessCard(order.card) : "",
      ].join("");
    case "ResponseToFetchProcessCard":
      return [
        writeFeedback(order.feedback),
        element(
          "osci:fetchProcessCard",
          [],
          writeSelection(order.selection) + writeQuantity(order.limit),
        ),
        ...order.cards.map(writeProcessCard),
      ].join("");
  }
}

const QUALITIES = ["creation", "reception"] as const;

/** Plain time stamps: cryptographic ones are an option of few intermediaries. */
function writeQuality(service: (typeof QUALITIES)[number]): OutgoingBlock {
  const attributes = [
    ["Quality", "plain"],
    ["Service", service],
  ] as const;
  return writeBlock("QualityOfTimestamp", { attributes }, `qualityoftimestamp_${service}`);
}

function writeLanguages(languages: readonly string[]): OutgoingBlock {
  return writeBlock("DesiredLanguages", {
    attributes: [["LanguagesList", languages.join(" ")]],
  });
}

function certificateBlock(
  kind: "Intermediary" | "NonIntermediary",
  content: string,
): OutgoingBlock {
  return writeBlock(`${kind}Certificates`, { content, actor: "none" });
}

function writeSubject(subject: string | undefined): string {
  return subject === undefined ? "" : element("osci:Subject", [], writeText(subject));
}

function writeQuantity(limit: number | undefined): string {
  return limit === undefined ? "" : element("osci:Quantity", [["Limit", String(limit)]]);
}
