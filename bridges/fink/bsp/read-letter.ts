import { attributeOf, childElements, parseXmlPaced, textOf } from "../../../src/guard/xml.ts";
import type { XmlElement } from "../../../src/guard/xml.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { TrustLevel } from "../../../src/model/message.ts";
import { BSP_NAMESPACE } from "./letter.ts";
import type { ArrivedFile, BspCase, BspLetter, BspParty, BspSender } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import { OrderedReader } from "./ordered.ts";
import type { Profile } from "./profile.ts";

/** Elements, texts and references of one document; 10 000 empty files still end in the right refusal. */
export const MAX_NODES = 400_000;
const MAX_DEPTH = 24;
const DATE_TIME = /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/;

export type ArrivedLetter = BspLetter<ArrivedFile>;

/**
 * Reads a BspNachricht of any version. Order, namespaces and key tables are those of the schema; what its text says is
 * judged by `checkLetter`.
 * @throws LetterFault with the code of table 9006
 */
export async function readLetter(
  xml: string | Uint8Array,
  profile: Profile,
  signal?: AbortSignal,
): Promise<ArrivedLetter> {
  const root = await parseDocument(xml, profile.limits.requestBytes, signal);
  if (root.local !== "BspNachricht" || root.uri !== BSP_NAMESPACE)
    throw new LetterFault("20", "BspNachricht", "is not the root element");
  const { version, issue } = readVersion(root, profile);
  const product = attributeOf(root, "produkt");
  const top = new OrderedReader(root, "");
  const head = readHead(top.inside("NachrichtenKopf"), profile);
  const content = readContent(top.inside("NachrichtenInhalt"), profile);
  top.end();
  return { version, issue, ...(product === undefined ? {} : { product }), ...head, ...content };
}

/** An embedded document is characters already: the encoding that its declaration names is that of another time. */
export async function parseDocument(
  xml: string | Uint8Array,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<XmlElement> {
  const bytes =
    typeof xml === "string"
      ? Buffer.from(xml.replace(/^\uFEFF?\s*(?:<\?xml\s[^?]{0,200}\?>)?\s*/, ""), "utf8")
      : xml;
  const limits = { maxBytes, maxDepth: MAX_DEPTH, maxNodes: MAX_NODES };
  try {
    return (await parseXmlPaced(bytes, limits, signal)).root;
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw new LetterFault("20", "XML", cause.message, { cause });
  }
}

/** version and fassung are lists of their own: any pair of them is allowed. */
export function readVersion(
  root: XmlElement,
  { read }: Profile,
): { readonly version: string; readonly issue: string } {
  const version = attributeOf(root, "version") ?? "";
  const issue = attributeOf(root, "fassung") ?? "";
  if (!read.versions.includes(version))
    throw new LetterFault("20", `${root.local}/@version`, "is missing or not known");
  if (!read.issues.includes(issue))
    throw new LetterFault("20", `${root.local}/@fassung`, "is missing or not known");
  return { version, issue };
}

function readHead(head: OrderedReader, profile: Profile) {
  const { tables } = profile;
  const identity = head.inside("Identifikation.Nachricht");
  identity.key("Ereignis", tables.event.table);
  const createdAt = readTime(identity.needText("Erstellungszeitpunkt"), identity.path);
  const id = identity.needText("NachrichtenId").trim();
  identity.end();
  const operator = head.text("Anwenderkennung");
  const sender = readSender(head.inside("Absender"), profile);
  const recipient = readRecipient(head.inside("Empfaenger"), profile);
  const answerTo = head.text("AntwortAuf")?.trim();
  const forwardOf = head.text("WeiterleitungZu")?.trim();
  const receiptAddress = head.text("lesebestaetigungAntwortAdresse")?.trim();
  head.end();
  return {
    createdAt,
    id,
    ...given({ operator, answerTo, forwardOf, receiptAddress }),
    sender,
    recipient,
  };
}

function readTime(text: string, path: string): Date {
  const stamp = text.trim();
  const time = DATE_TIME.test(stamp) ? new Date(stamp) : new Date(Number.NaN);
  if (Number.isNaN(time.getTime()))
    throw new LetterFault("20", `${path}/Erstellungszeitpunkt`, "is not a date with time");
  return time;
}

function readSender(reader: OrderedReader, profile: Profile): BspSender {
  const mailbox = reader.text("PostkorbId")?.trim();
  const party = readParty(reader, profile);
  const email = reader.text("Email")?.trim();
  const phone = reader.text("Telefon")?.trim();
  const link = reader.text("Hyperlink")?.trim();
  reader.end();
  return given({ mailbox, ...party, email, phone, link });
}

function readRecipient(reader: OrderedReader, profile: Profile): BspLetter<never>["recipient"] {
  const mailbox = reader.needText("PostkorbId").trim();
  const party = readParty(reader, profile);
  reader.end();
  return { mailbox, ...party };
}

function readParty(reader: OrderedReader, { tables }: Profile): Omit<BspParty, "mailbox"> {
  const procedure = reader.text("Verfahren")?.trim();
  const service = reader.text("Dienst")?.trim();
  const tenant = reader.text("Mandant")?.trim();
  const municipality = readMunicipality(reader, tables.municipality);
  const name = openText(reader.take("Name"));
  const address = openText(reader.take("Anschrift"));
  return given({ procedure, service, tenant, municipality, name, address });
}

/** A key of table 36; senders that write the number alone are understood, too. */
function readMunicipality(reader: OrderedReader, table: string): string | undefined {
  const element = reader.take("Gemeindeschluessel");
  if (element === undefined) return undefined;
  if (childElements(element).length === 0) return textOf(element).trim();
  const inside = new OrderedReader(element, reader.placeOf("Gemeindeschluessel"));
  if (inside.needText("Tabelle").trim() !== table)
    throw new LetterFault("20", inside.path, `is a key of table ${table}, not of another`);
  const value = inside.needText("Schluessel").trim();
  inside.end();
  return value;
}

/** Name and Anschrift have a form that is not public: their texts in the order in which they stand. */
function openText(element: XmlElement | undefined): string | undefined {
  if (element === undefined) return undefined;
  const texts: string[] = [];
  const stack: XmlElement["children"][number][] = [element];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next.kind === "text" && next.value.trim() !== "") texts.push(next.value.trim());
    if (next.kind === "element") stack.push(...next.children.toReversed());
  }
  return texts.join(" ");
}

function readContent(content: OrderedReader, profile: Profile) {
  const { tables } = profile;
  const subject = content.needText("Betreff").replace(/\s+/g, " ").trim();
  const category = content.key("Kategorie", tables.category.table);
  const level = readLevel(content, profile);
  const proceedings = readCase(content.insideOptional("ZuVorgang"), profile);
  const free = content.inside("FreiText");
  const encoding = free.needKey("Encoding", tables.encoding.table);
  const text = free.needText("Text");
  free.end();
  const files = readFiles(content, profile);
  content.end();
  return {
    subject,
    ...given({ category }),
    level,
    ...(proceedings === undefined ? {} : { case: proceedings }),
    encoding,
    text,
    files,
  };
}

/** Missing or unknown asks for the highest level (bundid-fink.md §1.7): the profile says so. */
function readLevel(content: OrderedReader, { levels }: Profile): TrustLevel {
  const stork = content.text("StorkQaaLevel")?.trim();
  if (stork !== undefined) return levels.values[stork] ?? levels.missing;
  const npa = content.text("NpaGescheutzt")?.trim();
  if (npa === undefined) return levels.missing;
  if (npa === "true" || npa === "1") return levels.npaProtected.true;
  if (npa === "false" || npa === "0") return levels.npaProtected.false;
  throw new LetterFault("20", content.placeOf("NpaGescheutzt"), "is neither true nor false");
}

function readCase(reader: OrderedReader | undefined, { tables }: Profile): BspCase | undefined {
  if (reader === undefined) return undefined;
  const name = reader.text("VorgangsName")?.trim();
  const id = reader.text("VorgangsId")?.trim();
  const status = reader.key("VorgangStatus", tables.status.table);
  reader.end();
  return given({ name, id, status });
}

function readFiles(content: OrderedReader, { tables, limits }: Profile): ArrivedFile[] {
  const files: ArrivedFile[] = [];
  for (;;) {
    const element = content.take("DataContainer");
    if (element === undefined) return files;
    const path = `${content.path}/DataContainer[${files.length + 1}]`;
    if (files.length === limits.files)
      throw new LetterFault("32", path, `more than ${limits.files} files`);
    const reader = new OrderedReader(element, path);
    const data = reader.needText("Inhalt");
    const name = reader.text("FileName");
    const type = reader.needKey("FileType", tables.fileType);
    reader.end();
    files.push({ content: data, ...given({ name }), type });
  }
}

/** Without the members that are undefined; an empty optional element says nothing either. */
function given<T extends Record<string, string | undefined>>(members: T) {
  const entries = Object.entries(members).filter(
    ([, value]) => value !== undefined && value !== "",
  );
  return Object.fromEntries(entries) as { readonly [K in keyof T]?: string };
}
