import type { XmlElement } from "../../../src/guard/xml.ts";
import { attributeOf, childElements, elementsOf, parseXmlPaced } from "../../../src/guard/xml.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import { fileNumber, optional, toLine } from "./documents.ts";
import { EGVP } from "./profile.ts";
import { readReceipt } from "./xjustiz-receipt.ts";
import type { ReceiptAnswer } from "./xjustiz-receipt.ts";

/** What an `xjustiz_nachricht.xml` says about its delivery, whatever version wrote it (facts §5.2, §5.5). */
export interface Xjustiz {
  /** Name of the root element. */
  readonly message: string;
  readonly version?: string;
  readonly theirs?: string;
  readonly ours?: string;
  readonly createdAt?: string;
  readonly sender?: XjustizParty;
  readonly addressee?: XjustizParty;
  readonly ownId?: string;
  readonly foreignIds: readonly string[];
  readonly matter?: string;
  readonly title?: string;
  readonly documents: readonly XjustizDocument[];
  readonly receiptDemanded: boolean;
  readonly deadline?: Date;
  /** Set when the message is itself a receipt. */
  readonly receipt?: ReceiptAnswer;
}
/** Somebody in the header: a code of a list (`gericht`, `rvTraeger`) or a plain name (`sonstige`). */
export interface XjustizParty {
  /** Lower-case first letter, whatever the version spells. */
  readonly kind: string;
  readonly code?: string;
  readonly listVersion?: string;
  readonly name?: string;
}
export interface XjustizDocument {
  readonly title?: string;
  readonly files: readonly string[];
  readonly receiptDemanded: boolean;
}

const LIMITS = { maxNodes: 500_000, maxDepth: 64, maxAttributes: 64 };
const MAX_DOCUMENTS = 5_000;
const MAX_IDS = 20;
const MAX_ID_CHARACTERS = 100;
const MAX_LINE_CHARACTERS = 1_000;

/** @throws GatewayError INPUT_INVALID or INPUT_HOSTILE: the file is then kept, but says nothing */
export async function readXjustiz(bytes: Buffer, signal?: AbortSignal): Promise<Xjustiz> {
  const limits = { ...LIMITS, maxBytes: EGVP.incoming.xjustizBytes };
  const { root } = await parseXmlPaced(bytes, limits, signal);
  if (root.uri !== EGVP.xjustiz.namespace || !root.local.startsWith("nachricht."))
    throw new GatewayError("INPUT_INVALID", "the root element is not an XJustiz message");
  const found = collect(root);
  const head = found.one("nachrichtenkopf");
  if (head === undefined) throw new GatewayError("INPUT_INVALID", "nachrichtenkopf is missing");
  const inHead = collect(head);
  const [sender, addressee] = [readParty(head, "absender"), readParty(head, "empfaenger")];
  const ids = (names: readonly string[]) =>
    names
      .flatMap((name) => inHead.all(name))
      .flatMap((id) => lineIn(id) ?? [])
      .filter((id) => id.length <= MAX_ID_CHARACTERS);
  const [ownId, secondId] = ids(["eigeneNachrichtenID", "eigene_Nachrichten_ID"]);
  if (secondId !== undefined)
    throw new GatewayError("INPUT_INVALID", "two ids of the message itself");
  const deadline = EGVP.xjustiz.deadline.map((name) => dateIn(found.one(name))).find(Boolean);
  return {
    message: root.local,
    ...optional("version", versionOf(root, found)),
    ...readReferences(head, inHead),
    ...optional("createdAt", lineIn(inHead.one("erstellungszeitpunkt"))),
    ...optional("sender", sender),
    ...optional("addressee", addressee),
    ...optional("ownId", ownId),
    foreignIds: ids(["fremdeNachrichtenID", "fremde_Nachrichten_ID"]).slice(0, MAX_IDS),
    ...optional("matter", lineIn(found.one("gegenstand"))),
    ...optional("title", lineIn(found.one("kurzrubrum"))),
    documents: readDocumentList(found),
    receiptDemanded: EGVP.xjustiz.demanded.some((name) => found.all(name).some(isTrue)),
    ...optional("deadline", deadline),
    ...optional("receipt", root.local === EGVP.eeb.message ? readReceipt(root) : undefined),
  };
}

function versionOf(root: XmlElement, found: Collected): string | undefined {
  const places = [found.one("nachrichtenkopf"), found.one("grunddaten"), root];
  return places
    .map((place) => (place === undefined ? undefined : attributeOf(place, "xjustizVersion")))
    .map(toLine)
    .find((version) => version !== undefined && version.length <= 20);
}

/**
 * File numbers are named from the sender's view. Up to 3.5: `aktenzeichen.absender`, `aktenzeichen.empfaenger`; from
 * 3.6 on `absender/aktenzeichen`, `empfaenger/auswahl_aktenzeichen/aktenzeichen.freitext`.
 */
function readReferences(head: XmlElement, inHead: Collected): { theirs?: string; ours?: string } {
  const within = (side: string, ...path: readonly string[]) =>
    path.reduce<XmlElement | undefined>(
      (place, name) => (place === undefined ? undefined : childOf(place, name)),
      childOf(head, side),
    );
  const theirs = [inHead.one("aktenzeichen.absender"), within("absender", "aktenzeichen")];
  const ours = [
    inHead.one("aktenzeichen.empfaenger"),
    within("empfaenger", "auswahl_aktenzeichen", "aktenzeichen.freitext"),
  ];
  const first = (places: readonly (XmlElement | undefined)[]) =>
    places.map((place) => fileNumber(lineIn(place))).find((number) => number !== undefined);
  return { ...optional("theirs", first(theirs)), ...optional("ours", first(ours)) };
}

/** 2.x: `absender_Gericht`; 3.x: `auswahl_absender/absender.gericht`; 3.6: `absender/informationen/auswahl_…/gericht`. */
function readParty(head: XmlElement, side: string): XjustizParty | undefined {
  const choice = childOf(head, `auswahl_${side}`) ?? head;
  const partner = childOf(childOf(head, side), "informationen");
  const places = [
    ...childElements(choice)
      .filter(({ local }) => local.startsWith(`${side}_`) || local.startsWith(`${side}.`))
      .map((element) => ({ element, kind: element.local.slice(side.length + 1) })),
    ...(partner === undefined ? [] : childElements(partner))
      .filter(({ local }) => local === "auswahl_kommunikationspartner")
      .flatMap((element) => childElements(element))
      .map((element) => ({ element, kind: element.local })),
  ];
  const [place] = places;
  if (place === undefined) return undefined;
  const code = childElements(place.element).find(({ local }) => local === "code");
  const text = lineIn(code ?? place.element);
  if (text === undefined) return undefined;
  return {
    kind: place.kind.charAt(0).toLowerCase() + place.kind.slice(1),
    ...(code === undefined ? { name: text } : { code: text }),
    ...optional("listVersion", toLine(attributeOf(place.element, "listVersionID"))),
  };
}

function readDocumentList(found: Collected): readonly XjustizDocument[] {
  let end = 0;
  // One within another is part of the outer one: walked once, however deep somebody nests them.
  const elements = found.all("dokument").filter((element) => {
    if (element.start < end) return false;
    end = element.end;
    return true;
  });
  if (elements.length > MAX_DOCUMENTS)
    throw new GatewayError("INPUT_HOSTILE", `more than ${MAX_DOCUMENTS} documents`);
  return elements.map((element) => {
    const inside = collect(element);
    const files = inside.all("dateiname").flatMap((name) => lineIn(name) ?? []);
    return {
      ...optional("title", lineIn(inside.one("anzeigename"))),
      files,
      receiptDemanded: EGVP.xjustiz.demanded.some((name) => inside.all(name).some(isTrue)),
    };
  });
}

interface Collected {
  all(local: string): readonly XmlElement[];
  /** The first in document order. */
  one(local: string): XmlElement | undefined;
}
function collect(root: XmlElement): Collected {
  const byName = new Map<string, XmlElement[]>();
  for (const element of elementsOf(root)) {
    const list = byName.get(element.local);
    if (list === undefined) byName.set(element.local, [element]);
    else list.push(element);
  }
  return { all: (local) => byName.get(local) ?? [], one: (local) => byName.get(local)?.[0] };
}

function childOf(parent: XmlElement | undefined, local: string): XmlElement | undefined {
  return parent === undefined
    ? undefined
    : childElements(parent).find((element) => element.local === local);
}
/** Text of an element and not of what is nested in it; cut where no honest field is as long. */
export function lineIn(element: XmlElement | undefined): string | undefined {
  const texts = element?.children.map((node) => (node.kind === "text" ? node.value : "")) ?? [];
  return toLine(texts.join(""))?.slice(0, MAX_LINE_CHARACTERS).toWellFormed();
}
function isTrue(element: XmlElement): boolean {
  return ["true", "1"].includes(lineIn(element) ?? "");
}
/** The end of the day counts when only a day is named. */
function dateIn(element: XmlElement | undefined): Date | undefined {
  const text = lineIn(element);
  if (text === undefined || !/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined;
  const date = new Date(text.length === 10 ? `${text}T23:59:59Z` : text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
