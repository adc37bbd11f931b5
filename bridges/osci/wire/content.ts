import type { XmlDocument, XmlElement } from "../../../src/guard/xml.ts";
import {
  attributeOf,
  childElements,
  hasText,
  optionalChild,
  textOf,
} from "../../../src/guard/xml.ts";
import { decodeBase64, decodeBase64Pieces } from "./base64.ts";
import type { CipherMethod } from "./cipher.ts";
import { readEncryptedData, type EncryptedData } from "./encrypted-data.ts";
import { asMalformed, hostile, malformed } from "./errors.ts";
import { NS } from "./names.ts";
import type { ByteSource } from "./stream.ts";

/** Key of one encrypted attachment; it travels inside an encrypted container (facts §3.4). */
export interface AttachmentKey {
  readonly cid: string;
  readonly method: CipherMethod;
  readonly key: Buffer;
}

export type Content =
  /** Inline data. `element` is the Base64Content that carries the id. */
  | { readonly kind: "data"; readonly id: string; readonly element: XmlElement }
  | {
      readonly kind: "attachment";
      readonly id: string | undefined;
      readonly cid: string;
      readonly element: XmlElement;
    }
  | {
      readonly kind: "container";
      readonly id: string | undefined;
      readonly element: XmlElement;
      readonly container: ContentContainer;
    };

/** `osci:ContentContainer` as it stands (facts §2.7). Order of several is not kept by peers: go by id. */
export interface ContentContainer {
  readonly id: string | undefined;
  readonly element: XmlElement;
  /** The document whose context its signatures are made in: the envelope, or the decrypted text. */
  readonly document: XmlDocument;
  readonly signatures: readonly XmlElement[];
  readonly contents: readonly Content[];
  readonly encrypted: readonly { readonly element: XmlElement; readonly data: EncryptedData }[];
  readonly attachmentKeys: readonly AttachmentKey[];
}

export interface ContentPackage {
  readonly containers: readonly ContentContainer[];
  readonly encrypted: readonly EncryptedData[];
}

const maxItems = 5000;
const maxNesting = 8;

/** What the Body carries; empty when there is no ContentPackage. */
export function readContentPackage(document: XmlDocument, body: XmlElement): ContentPackage {
  return asMalformed("ContentPackage", () => {
    const element = optionalChild(body, NS.osci, "ContentPackage");
    const items = element === undefined ? [] : childElements(element);
    if (items.length > maxItems) throw hostile("too many containers");
    const containers = items.filter((item) => isOsci(item, "ContentContainer"));
    const encrypted = items.filter(isEncrypted);
    if (containers.length + encrypted.length !== items.length || (element && hasText(element)))
      throw malformed("ContentPackage holds something unknown");
    return {
      containers: containers.map((item) => readContainer(document, item)),
      encrypted: encrypted.map(readEncryptedData),
    };
  });
}

export function readContainer(
  document: XmlDocument,
  element: XmlElement,
  depth = 0,
): ContentContainer {
  if (depth > maxNesting) throw hostile("containers are nested too deeply");
  const items = childElements(element);
  if (items.length > maxItems) throw hostile("too many contents");
  if (hasText(element)) throw malformed("ContentContainer holds text");
  const signatures = items.filter((item) => item.uri === NS.ds && item.local === "Signature");
  const contents = items.filter((item) => isOsci(item, "Content"));
  const encrypted = items.filter(isEncrypted);
  if (signatures.length + contents.length + encrypted.length !== items.length)
    throw malformed("ContentContainer holds something unknown");
  const read = encrypted.map((item) => ({ element: item, data: readEncryptedData(item) }));
  return {
    id: attributeOf(element, "Id"),
    element,
    document,
    signatures,
    contents: contents.map((item) => readContent(document, item, depth)),
    encrypted: read.filter(({ data }) => data.data.kind === "value"),
    attachmentKeys: read.flatMap(({ data }) => attachmentKeyOf(data)),
  };
}

function attachmentKeyOf({ method, bareKey, data }: EncryptedData): AttachmentKey[] {
  if (data.kind === "value") return [];
  if (bareKey === undefined) throw malformed("an encrypted attachment without its key");
  return [{ cid: data.cid, method, key: bareKey }];
}

/** Inline data, a reference to an attachment or a container; every other kind is refused (facts §2.3, §2.7). */
function readContent(document: XmlDocument, element: XmlElement, depth: number): Content {
  const href = attributeOf(element, "href");
  const id = attributeOf(element, "Id");
  const [child, ...others] = childElements(element);
  if (hasText(element) || others.length > 0) throw malformed("a Content of an unknown kind");
  if (href !== undefined) {
    if (child !== undefined || !href.startsWith("cid:"))
      throw malformed("a Content refers to something outside of the message");
    return { kind: "attachment", id, cid: href.slice("cid:".length), element };
  }
  if (isOsci(child, "ContentContainer"))
    return { kind: "container", id, element, container: readContainer(document, child, depth + 1) };
  if (!isOsci(child, "Base64Content")) throw malformed("a Content of an unknown kind");
  const dataId = attributeOf(child, "Id");
  if (!dataId) throw malformed("a Base64Content without Id");
  return { kind: "data", id: dataId, element: child };
}

/** The bytes of inline data. Throws OsciError when they are not base64. */
export function contentBytes({ element }: Extract<Content, { kind: "data" }>): Buffer {
  return asMalformed("Base64Content", () => decodeBase64(textOf(element)));
}

/** As `contentBytes`, piece by piece. */
export function contentSource({ element }: Extract<Content, { kind: "data" }>): ByteSource {
  return {
    async *open() {
      yield* decodeBase64Pieces(asMalformed("Base64Content", () => textOf(element)));
    },
  };
}

function isOsci(element: XmlElement | undefined, local: string): element is XmlElement {
  return element?.uri === NS.osci && element.local === local;
}

function isEncrypted(element: XmlElement): boolean {
  return element.uri === NS.xenc && element.local === "EncryptedData";
}
