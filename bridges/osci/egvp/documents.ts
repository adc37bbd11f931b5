import { GatewayError } from "../../../src/model/errors.ts";
import { childElements, parseXmlPaced, textOf } from "../../../src/guard/xml.ts";
import type { EgvpDelivery, EgvpDocument } from "./contract.ts";
import { EGVP } from "./profile.ts";
import { readProperties } from "./properties.ts";

/** The inline documents of `project_coco` and `govello_coco` (facts §5.1). */
export interface CoverDocuments {
  /** By element name, text as it stands; undefined: not there (EGVP-Enterprise leaves the pair out). */
  readonly letter?: ReadonlyMap<string, string>;
  readonly card?: ReadonlyMap<string, string>;
  readonly product?: ReadonlyMap<string, string>;
  readonly infos?: ReadonlyMap<string, string>;
  /** Documents that EGVP does not define: they reach the reader as files. */
  readonly others: readonly EgvpDocument[];
}

const MAX_ELEMENTS = 200;
/** Characters: longer ones tie nothing together, they are only shown. */
const MAX_FILE_NUMBER = 200;
const KNOWN = {
  "nachricht.xml": { part: "letter", root: "Nachricht" },
  "visitenkarte.xml": { part: "card", root: "Visitenkarte" },
  "herstellerinformation.xml": { part: "product", root: "Herstellerinformation" },
} as const;
/** Programs of the sender for showing the above. They are neither run nor shown. */
const STYLESHEETS = ["nachricht.xsl", "visitenkarte.xsl", "herstellerinformation.xsl"];

/** @throws GatewayError INPUT_INVALID, INPUT_HOSTILE */
export async function readDocuments(delivery: EgvpDelivery): Promise<CoverDocuments> {
  const documents = delivery.containers.flatMap((container) => container.documents);
  if (documents.length > EGVP.incoming.documents)
    throw new GatewayError("INPUT_HOSTILE", `more than ${EGVP.incoming.documents} documents`);
  const read: { -readonly [Part in keyof CoverDocuments]?: ReadonlyMap<string, string> } = {};
  const others: EgvpDocument[] = [];
  for (const document of documents) {
    if (STYLESHEETS.includes(document.id)) continue;
    if (document.id === "additional_infos") {
      refuseSecond(read.infos, document.id);
      read.infos = readProperties(limited(document));
    } else if (isKnown(document.id)) {
      const { part, root } = KNOWN[document.id];
      refuseSecond(read[part], document.id);
      read[part] = await readFields(document, root, delivery.signal);
    } else others.push(document);
  }
  return { ...read, others } as CoverDocuments;
}

function isKnown(id: string): id is keyof typeof KNOWN {
  return Object.hasOwn(KNOWN, id);
}

/** Two of the same: which one was meant is not ours to guess. */
function refuseSecond(first: unknown, id: string): void {
  if (first !== undefined) throw new GatewayError("INPUT_HOSTILE", `${id} comes twice`);
}

function limited({ id, bytes }: EgvpDocument): Buffer {
  if (bytes.length > EGVP.incoming.documentBytes)
    throw new GatewayError(
      "INPUT_HOSTILE",
      `${id}: more than ${EGVP.incoming.documentBytes} bytes`,
    );
  return bytes;
}

/** A flat document: elements without namespace that hold text. */
async function readFields(
  document: EgvpDocument,
  root: string,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string>> {
  const bytes = limited(document);
  const xml = await parseXmlPaced(bytes, { maxBytes: EGVP.incoming.documentBytes }, signal);
  if (xml.root.local !== root)
    throw new GatewayError("INPUT_INVALID", `${document.id}: ${root} is missing`);
  const children = childElements(xml.root);
  if (children.length > MAX_ELEMENTS)
    throw new GatewayError("INPUT_HOSTILE", `${document.id}: more than ${MAX_ELEMENTS} elements`);
  const fields = new Map<string, string>();
  for (const child of children) {
    if (fields.has(child.local))
      throw new GatewayError("INPUT_INVALID", `${document.id}: ${child.local} comes twice`);
    fields.set(child.local, textOf(child));
  }
  return fields;
}

/** A field as one line: `undefined` when it is missing or empty. */
export function lineOf(
  fields: ReadonlyMap<string, string> | undefined,
  name: string,
): string | undefined {
  return toLine(fields?.get(name));
}
export function toLine(text: string | undefined): string | undefined {
  const line = text
    ?.toWellFormed()
    .normalize("NFC")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
  return line === undefined || line === "" ? undefined : line;
}

/** A file number that can tie letters together; "ohne" and its like are none. */
export function fileNumber(text: string | undefined): string | undefined {
  const line = toLine(text);
  if (line === undefined || line.length > MAX_FILE_NUMBER) return undefined;
  return EGVP.noFileNumber.includes(line.toLowerCase()) ? undefined : line;
}

/** A member that is left out when there is no value. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
