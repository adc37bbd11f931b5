import {
  attributeOf,
  childElements,
  optionalChild,
  requiredChild,
  textOf,
  type XmlElement,
} from "../../../src/guard/xml.ts";
import { element as writeElement } from "./element.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import type { CipherMethod, IvLength } from "./cipher.ts";
import { asMalformed, hostile, malformed, undecryptable } from "./errors.ts";
import { urisOf, type KeyTransport, type KeyTransportUris } from "./key-transport.ts";
import { BLOCK_NAMESPACES, NS, TRANSFORM } from "./names.ts";

/** Readers of one piece of data. */
const maxEncryptedKeys = 64;

export interface EncryptedKey {
  readonly transport: KeyTransportUris;
  /** What names the reader: its certificate, or a reference to it. */
  readonly keyInfo: XmlElement;
  readonly wrapped: Buffer;
}

/** `xenc:EncryptedData` as it stands (facts §3.1, §3.3, §3.4). */
export interface EncryptedData {
  readonly id: string | undefined;
  readonly method: CipherMethod;
  readonly keys: readonly EncryptedKey[];
  /** The key itself, for an attachment whose key travels within an encrypted container. */
  readonly bareKey: Buffer | undefined;
  readonly data: CipherData;
}
export type CipherData =
  | { readonly kind: "value"; readonly text: string }
  /** `cid` without the scheme. */
  | { readonly kind: "reference"; readonly cid: string };

/** Throws OsciError: 9100 for a form that is not ours, 9202 for an impossible IV length. */
export function readEncryptedData(element: XmlElement): EncryptedData {
  return asMalformed("EncryptedData", () => readParts(element));
}

function readParts(element: XmlElement): EncryptedData {
  const keyInfo = requiredChild(element, NS.ds, "KeyInfo");
  const keys = childElements(keyInfo, NS.xenc, "EncryptedKey");
  if (keys.length > maxEncryptedKeys) throw hostile("too many readers of one piece of data");
  const bareKey = optionalChild(keyInfo, NS.ds, "MgmtData");
  if ((keys.length === 0) === (bareKey === undefined))
    throw malformed("EncryptedData without exactly one kind of key");
  return {
    id: attributeOf(element, "Id"),
    method: readMethod(requiredChild(element, NS.xenc, "EncryptionMethod")),
    keys: keys.map(readEncryptedKey),
    bareKey: bareKey && decodeBase64(textOf(bareKey)),
    data: readCipherData(requiredChild(element, NS.xenc, "CipherData")),
  };
}

/** A missing IvLength means 16 (facts §3.2). */
function readMethod(element: XmlElement): CipherMethod {
  const length = optionalChild(element, NS.osci128, "IvLength");
  const value = length === undefined ? "16" : attributeOf(length, "Value");
  if (value !== "12" && value !== "16") throw undecryptable();
  return { uri: requireAlgorithm(element), ivLength: Number(value) as IvLength };
}

function readEncryptedKey(element: XmlElement): EncryptedKey {
  const method = requiredChild(element, NS.xenc, "EncryptionMethod");
  const mgf = optionalChild(method, NS.xenc11, "MGF");
  const digest = optionalChild(method, NS.ds, "DigestMethod");
  if (optionalChild(method, NS.xenc, "OAEPparams") !== undefined)
    throw malformed("OAEP with a label is not used here");
  const data = requiredChild(element, NS.xenc, "CipherData");
  return {
    transport: {
      algorithm: requireAlgorithm(method),
      mgf: mgf && requireAlgorithm(mgf),
      digest: digest && requireAlgorithm(digest),
    },
    keyInfo: requiredChild(element, NS.ds, "KeyInfo"),
    wrapped: decodeBase64(textOf(requiredChild(data, NS.xenc, "CipherValue"))),
  };
}

function readCipherData(element: XmlElement): CipherData {
  const value = optionalChild(element, NS.xenc, "CipherValue");
  const reference = optionalChild(element, NS.xenc, "CipherReference");
  if (value !== undefined && reference === undefined) return { kind: "value", text: textOf(value) };
  if (value !== undefined || reference === undefined)
    throw malformed("CipherData without exactly one kind of data");
  const uri = attributeOf(reference, "URI") ?? "";
  if (!uri.startsWith("cid:")) throw malformed("encrypted data is only taken from this message");
  const transforms = optionalChild(reference, NS.xenc, "Transforms");
  for (const transform of transforms === undefined ? [] : childElements(transforms))
    if (requireAlgorithm(transform) !== TRANSFORM.base64)
      throw malformed("an unknown transform of encrypted data");
  return { kind: "reference", cid: uri.slice("cid:".length) };
}

function requireAlgorithm(element: XmlElement): string {
  const uri = attributeOf(element, "Algorithm");
  if (uri === undefined) throw malformed(`${element.local} names no Algorithm`);
  return uri;
}

export interface OutgoingKey {
  readonly transport: KeyTransport;
  /** Content of `ds:KeyInfo`, markup. */
  readonly keyInfo: string;
  readonly wrapped: Buffer;
}
export interface OutgoingEncryptedData {
  readonly id?: string;
  readonly mimeType: string;
  readonly method: CipherMethod;
  readonly keys: readonly OutgoingKey[];
  readonly bareKey?: Buffer;
  /** `value`: base64 of the data, wrapped. */
  readonly data: CipherData;
  /** Whether the block namespaces are declared here: in a content package yes, within a container or envelope no. */
  readonly declare: boolean;
}

/** The library form, which is its own canonical form (facts §2.4, §3.1, §3.3). */
export function writeEncryptedData(data: OutgoingEncryptedData): string {
  const attributes: (readonly [string, string])[] = [
    ...(data.declare ? BLOCK_NAMESPACES : []),
    ...(data.id === undefined ? [] : [["Id", data.id] as const]),
    ["MimeType", data.mimeType],
  ];
  const keyInfo =
    data.bareKey === undefined
      ? data.keys.map(writeEncryptedKey).join("")
      : writeElement("ds:MgmtData", [], encodeBase64(data.bareKey));
  const content = [
    writeMethod(data.method),
    writeElement("ds:KeyInfo", [], keyInfo),
    writeElement("xenc:CipherData", [], writeCipherData(data.data)),
  ];
  return writeElement("xenc:EncryptedData", attributes, content.join(""));
}

function writeMethod({ uri, ivLength }: CipherMethod): string {
  const attributes = [
    ["xmlns:osci128", NS.osci128],
    ["Value", String(ivLength)],
  ] as const;
  // 16 is what old readers assume, and they do not know the element.
  const length = ivLength === 16 ? "" : writeElement("osci128:IvLength", attributes);
  return writeElement("xenc:EncryptionMethod", [["Algorithm", uri]], length);
}

function writeEncryptedKey({ transport, keyInfo, wrapped }: OutgoingKey): string {
  const { algorithm, mgf, digest } = urisOf(transport);
  const parameters =
    mgf === undefined || digest === undefined
      ? ""
      : writeElement("xenc11:MGF", [
          ["xmlns:xenc11", NS.xenc11],
          ["Algorithm", mgf],
        ]) + writeElement("ds:DigestMethod", [["Algorithm", digest]]);
  const value = writeElement("xenc:CipherValue", [], encodeBase64(wrapped));
  const content = [
    writeElement("xenc:EncryptionMethod", [["Algorithm", algorithm]], parameters),
    writeElement("ds:KeyInfo", [], keyInfo),
    writeElement("xenc:CipherData", [], value),
  ];
  return writeElement("xenc:EncryptedKey", [], content.join(""));
}

function writeCipherData(data: CipherData): string {
  if (data.kind === "value") return writeElement("xenc:CipherValue", [], data.text);
  const transform = writeElement("ds:Transform", [["Algorithm", TRANSFORM.base64]]);
  const transforms = writeElement("xenc:Transforms", [], transform);
  return writeElement("xenc:CipherReference", [["URI", `cid:${data.cid}`]], transforms);
}
