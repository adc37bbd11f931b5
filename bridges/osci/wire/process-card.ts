import {
  attributeOf,
  childElements,
  optionalChild,
  requiredChild,
  textOf,
  type XmlElement,
} from "../../../src/guard/xml.ts";
import { writeText } from "../../../src/guard/xml-write.ts";
import { decodeBase64 } from "./base64.ts";
import { element } from "./element.ts";
import { asMalformed, hostile, malformed } from "./errors.ts";
import { NS } from "./names.ts";
import { readTime, type StatedTime } from "./time.ts";

/** `Plain`, or a time stamp token that is kept as it is (facts §4). */
export type Stamp =
  | { readonly kind: "plain"; readonly time: StatedTime }
  | { readonly kind: "cryptographic"; readonly algorithm: string; readonly token: string };

/** How the intermediary judged one certificate of the message. */
export interface CertificateInspection {
  readonly checkedAt: Stamp;
  /** RFC 2253. */
  readonly subject: string;
  readonly issuer: string;
  /** Decimal. */
  readonly serialNumber: string;
  readonly certificateType: string;
  /** ok, corrupted, indeterminate */
  readonly mathResult: string;
  /** valid, invalid, indeterminate */
  readonly offlineResult: string;
  /** ok, revoked; absent when nobody was asked. */
  readonly onlineResult?: string;
  /** OCSP, CRL or LDAP. The schema spells the first OSCP; code and real messages do not. */
  readonly onlineMethod?: string;
  /** What stands in it; real managers write base64 of a phrase (facts §4). */
  readonly onlineText?: string;
}

/** Laufzettel: where a delivery stands, and what the intermediary found (facts §4). */
export interface ProcessCard {
  readonly messageId: string;
  readonly recentModification: StatedTime;
  /** Stored at the intermediary: the sender's proof. */
  readonly creation?: Stamp;
  /** The answer for the fetcher was built; not yet confirmed. */
  readonly forwarding?: Stamp;
  /** The fetcher came again in the same dialog: it has the delivery. */
  readonly reception?: Stamp;
  readonly subject?: string;
  readonly inspections: readonly CertificateInspection[];
}

const maxInspections = 1000;
const onlineMethods: readonly string[] = ["OCSP", "CRL", "LDAP"];
/** Characters of a message id, decoded. */
const maxMessageIdLength = 1024;

/** Reads ProcessCardBundle, or one of its namesakes in a mediated exchange. */
export function readProcessCard(bundle: XmlElement): ProcessCard {
  return asMalformed("ProcessCardBundle", () => {
    const card = requiredChild(bundle, NS.osci, "ProcessCard");
    const report = optionalChild(bundle, NS.osci, "InspectionReport");
    const subject = optionalChild(card, NS.osci, "Subject");
    const inspections = report === undefined ? [] : childElements(report);
    if (inspections.length > maxInspections) throw hostile("too many inspections");
    return {
      messageId: readMessageId(requiredChild(bundle, NS.osci, "MessageId")),
      recentModification: readTime(attributeOf(card, "RecentModification") ?? ""),
      ...optionalStamp("creation", optionalChild(card, NS.osci, "Creation")),
      ...optionalStamp("forwarding", optionalChild(card, NS.osci, "Forwarding")),
      ...optionalStamp("reception", optionalChild(card, NS.osci, "Reception")),
      ...(subject === undefined ? {} : { subject: textOf(subject) }),
      inspections: inspections.map(readInspection),
    };
  });
}

/** base64 of UTF-8 text, opaque (facts §5.2). */
export function readMessageId(holder: XmlElement): string {
  const id = decodeText(decodeBase64(textOf(holder)));
  if (id === "" || id.length > maxMessageIdLength)
    throw malformed("a message id is empty or too long");
  return id;
}

function decodeText(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed("a message id is not UTF-8", cause);
  }
}

export function writeMessageId(id: string): string {
  return element("osci:MessageId", [], Buffer.from(id).toString("base64"));
}

function optionalStamp<K extends string>(
  name: K,
  holder: XmlElement | undefined,
): Partial<Record<K, Stamp>> {
  return holder === undefined ? {} : ({ [name]: readStamp(holder) } as Record<K, Stamp>);
}

function readStamp(holder: XmlElement): Stamp {
  const plain = optionalChild(holder, NS.osci, "Plain");
  if (plain !== undefined) return { kind: "plain", time: readTime(textOf(plain)) };
  const token = requiredChild(holder, NS.osci, "Cryptographic");
  const algorithm = attributeOf(token, "Algorithm") ?? "";
  return { kind: "cryptographic", algorithm, token: textOf(token) };
}

function readInspection(inspection: XmlElement): CertificateInspection {
  if (inspection.uri !== NS.osci || inspection.local !== "Inspection")
    throw malformed("InspectionReport holds something unknown");
  const text = (local: string): string => textOf(requiredChild(inspection, NS.osci, local));
  const online = optionalChild(inspection, NS.osci, "OnlineResult");
  const method = online === undefined ? undefined : childElements(online)[0];
  return {
    checkedAt: readStamp(requiredChild(inspection, NS.osci, "Timestamp")),
    subject: text("X509SubjectName"),
    issuer: text("X509IssuerName"),
    serialNumber: text("X509SerialNumber"),
    certificateType: result(inspection, "CertType", "Type"),
    mathResult: result(inspection, "MathResult", "Result"),
    offlineResult: result(inspection, "OfflineResult", "Result"),
    ...(online === undefined ? {} : { onlineResult: attributeOf(online, "Result") ?? "" }),
    ...(method === undefined ? {} : { onlineMethod: method.local, onlineText: textOf(method) }),
  };
}

function result(inspection: XmlElement, local: string, attribute: string): string {
  return attributeOf(requiredChild(inspection, NS.osci, local), attribute) ?? "";
}

/** As the library writes it. */
export function writeProcessCard(card: ProcessCard): string {
  const stamps = [
    ["Creation", card.creation],
    ["Forwarding", card.forwarding],
    ["Reception", card.reception],
  ] as const;
  const content = [
    ...stamps.map(([name, stamp]) => (stamp === undefined ? "" : writeStamp(name, stamp))),
    card.subject === undefined ? "" : element("osci:Subject", [], writeText(card.subject)),
  ].join("");
  const modified = [["RecentModification", card.recentModification.text]] as const;
  const parts = [
    writeMessageId(card.messageId),
    element("osci:ProcessCard", modified, content),
    element("osci:InspectionReport", [], card.inspections.map(writeInspection).join("")),
  ];
  return element("osci:ProcessCardBundle", [], parts.join(""));
}

function writeStamp(name: string, stamp: Stamp): string {
  const content =
    stamp.kind === "plain"
      ? element("osci:Plain", [], writeText(stamp.time.text))
      : element("osci:Cryptographic", [["Algorithm", stamp.algorithm]], writeText(stamp.token));
  return element(`osci:${name}`, [], content);
}

function writeInspection(inspection: CertificateInspection): string {
  const { onlineResult, onlineMethod = "", onlineText = "" } = inspection;
  const text = (name: string, value: string): string =>
    element(`osci:${name}`, [], writeText(value));
  const result = (name: string, attribute: string, value: string, content = ""): string =>
    element(`osci:${name}`, [[attribute, value]], content);
  const online = onlineMethods.includes(onlineMethod) ? text(onlineMethod, onlineText) : "";
  const parts = [
    writeStamp("Timestamp", inspection.checkedAt),
    text("X509SubjectName", inspection.subject),
    text("X509IssuerName", inspection.issuer),
    text("X509SerialNumber", inspection.serialNumber),
    result("CertType", "Type", inspection.certificateType),
    result("MathResult", "Result", inspection.mathResult),
    result("OfflineResult", "Result", inspection.offlineResult),
    ...(onlineResult === undefined ? [] : [result("OnlineResult", "Result", onlineResult, online)]),
  ];
  return element("osci:Inspection", [], parts.join(""));
}
