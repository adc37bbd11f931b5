import {
  attributeOf,
  childElements,
  optionalChild,
  type XmlElement,
} from "../../../src/guard/xml.ts";
import { textOf } from "../../../src/guard/xml.ts";
import { writeText } from "../../../src/guard/xml-write.ts";
import { element, type Attribute } from "./element.ts";
import { asMalformed, hostile, malformed } from "./errors.ts";
import { NS } from "./names.ts";
import { readMessageId, writeMessageId } from "./process-card.ts";
import { readTime } from "./time.ts";

/** Which deliveries or process cards are meant (facts §1.5). None given: the oldest waiting delivery. */
export type Selection =
  | { readonly kind: "messageIds"; readonly ids: readonly string[] }
  /** From then on; `since` is xsd:dateTime with zone. */
  | {
      readonly kind: "receptionOfDelivery" | "recentModification";
      readonly since: string;
      /** Only cards not yet received; only for process cards. */
      readonly noReception?: boolean;
      readonly role?: "Addressee" | "Originator";
    };

const maxIds = 1000;
const dateElements = {
  receptionOfDelivery: "ReceptionOfDelivery",
  recentModification: "RecentModification",
} as const;

/** `SelectionRule` below an order; undefined when there is none. */
export function readSelection(order: XmlElement): Selection | undefined {
  return asMalformed("SelectionRule", () => {
    const rule = optionalChild(order, NS.osci, "SelectionRule");
    if (rule === undefined) return undefined;
    const choice = childElements(rule);
    if (choice.length > maxIds) throw hostile("too many message ids in a selection");
    const [first] = choice;
    if (first === undefined) return undefined;
    if (choice.every((child) => child.uri === NS.osci && child.local === "MessageId"))
      return { kind: "messageIds", ids: choice.map(readMessageId) };
    if (choice.length !== 1) throw malformed("a selection mixes its kinds");
    return readDate(first);
  });
}

function readDate(element: XmlElement): Selection {
  const kinds = ["receptionOfDelivery", "recentModification"] as const;
  const kind = kinds.find((name) => dateElements[name] === element.local);
  if (kind === undefined || element.uri !== NS.osci)
    throw malformed("an unknown kind of selection");
  const role = attributeOf(element, "Role");
  if (role !== undefined && role !== "Addressee" && role !== "Originator")
    throw malformed("an unknown Role in a selection");
  return {
    kind,
    since: readTime(textOf(element)).text,
    ...(attributeOf(element, "NoReception") === "true" ? { noReception: true } : {}),
    ...(role === undefined ? {} : { role }),
  };
}

export function writeSelection(selection: Selection | undefined): string {
  if (selection === undefined) return "";
  if (selection.kind === "messageIds")
    return element("osci:SelectionRule", [], selection.ids.map(writeMessageId).join(""));
  const { kind, since, noReception, role } = selection;
  const attributes: Attribute[] = [
    ...(noReception === true ? [["NoReception", "true"] as const] : []),
    ...(role === undefined ? [] : [["Role", role] as const]),
  ];
  const date = element(`osci:${dateElements[kind]}`, attributes, writeText(since));
  return element("osci:SelectionRule", [], date);
}
