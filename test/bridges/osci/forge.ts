import { createHash } from "node:crypto";
import { lookUp, SIGNATURES } from "../../../bridges/osci/wire/algorithms.ts";
import { digestCanonical } from "../../../bridges/osci/wire/digests.ts";
import type { Identity } from "../../../bridges/osci/wire/keys.ts";
import { writeMime, type OutgoingPart } from "../../../bridges/osci/wire/mime-write.ts";
import { readMime } from "../../../bridges/osci/wire/mime.ts";
import { signBytes } from "../../../bridges/osci/wire/signature-value.ts";
import { sourceOf } from "../../../bridges/osci/wire/stream.ts";
import { canonicalize } from "../../../src/guard/c14n.ts";
import { attributeOf, childElements, elementsOf, parseXml } from "../../../src/guard/xml.ts";
import { bytesOf, SHA256 } from "./support.ts";

/** A message taken apart so that its XML can be changed by hand. */
export interface Pieces {
  readonly xml: string;
  readonly parts: readonly { readonly id: string; readonly bytes: Buffer }[];
}

export async function takeApart(message: Buffer): Promise<Pieces> {
  const parts: { id: string; bytes: Buffer }[] = [];
  for await (const { header, body } of readMime(sourceOf(message).open()))
    parts.push({ id: header.contentId, bytes: await bytesOf(body) });
  const [root, ...others] = parts;
  return { xml: root?.bytes.toString() ?? "", parts: others };
}

export async function putTogether({ xml, parts }: Pieces): Promise<Buffer> {
  const written = parts.map(({ id, bytes }): OutgoingPart => ({
    contentId: id,
    contentType: "application/octet-stream",
    encoding: "8-bit",
    announceLength: true,
    body: sourceOf(bytes),
  }));
  const boundary = "TEST_BOUNDARY";
  const mime = writeMime({
    boundary,
    xml: Buffer.from(xml),
    announceXmlLength: false,
    parts: written,
  });
  return bytesOf(mime.open());
}

/** Replaces one text of the XML; throws when it is not there. */
export function change(
  pieces: Pieces,
  from: string | RegExp,
  to: string | ((match: string, ...groups: string[]) => string),
): Pieces {
  const xml = pieces.xml.replace(from, typeof to === "string" ? () => to : to);
  if (xml === pieces.xml) throw new Error(`nothing to change: ${String(from)}`);
  return { ...pieces, xml };
}

/** Takes the signature block out. */
export function stripped(pieces: Pieces): Pieces {
  return change(pieces, /<osci:(Client|Supplier)Signature.*?<\/osci:\1Signature>/s, "");
}

/**
 * Fills the signature of a message anew: a reference to each `uris`, whatever the XML looks like now. Written without
 * the writer of the bridge: it has to sign what the bridge would never write.
 */
export async function resigned(
  pieces: Pieces,
  signer: Identity,
  uris?: readonly string[],
  canonicalization = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
): Promise<Pieces> {
  const algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
  if (lookUp(SIGNATURES, algorithm) === undefined) throw new Error("no such algorithm");
  const { root } = parseXml(Buffer.from(pieces.xml));
  const ids = new Map(
    [...elementsOf(root)].map((element) => [`#${attributeOf(element, "Id") ?? ""}`, element]),
  );
  const [header, body] = childElements(root);
  const blocks = header === undefined ? [] : childElements(header);
  const all = [...blocks, ...(body === undefined ? [] : [body])]
    .filter(({ local }) => !local.endsWith("Signature"))
    .map((element) => `#${attributeOf(element, "Id") ?? ""}`);
  const references: string[] = [];
  for (const uri of uris ?? [...all, ...pieces.parts.map(({ id }) => `cid:${id}`)]) {
    const element = ids.get(uri);
    const part = pieces.parts.find(({ id }) => `cid:${id}` === uri);
    const digest =
      element === undefined ? digestOf(part?.bytes) : await digestCanonical(element, SHA256);
    references.push(referenceTo(uri, element !== undefined, digest));
  }
  const content = `<ds:CanonicalizationMethod Algorithm="${canonicalization}"/><ds:SignatureMethod Algorithm="${algorithm}"/>${references.join("")}`;
  const filled = change(
    pieces,
    /<ds:SignedInfo>.*?<\/ds:SignedInfo>/s,
    `<ds:SignedInfo>${content}</ds:SignedInfo>`,
  );
  const tree = parseXml(Buffer.from(filled.xml)).root;
  const signedInfo = [...elementsOf(tree)].find(({ local }) => local === "SignedInfo");
  if (signedInfo === undefined) throw new Error("no SignedInfo");
  const value = signBytes(algorithm, signer.privateKey, Buffer.from(canonicalize(signedInfo)));
  const text = `<ds:SignatureValue>${value.toString("base64")}</ds:SignatureValue>`;
  return change(filled, /<ds:SignatureValue>.*?<\/ds:SignatureValue>/s, text);
}

function referenceTo(uri: string, element: boolean, digest: Buffer): string {
  const transforms = element
    ? `<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/></ds:Transforms>`
    : "";
  return `<ds:Reference URI="${uri}">${transforms}<ds:DigestMethod Algorithm="${SHA256}"/><ds:DigestValue>${digest.toString("base64")}</ds:DigestValue></ds:Reference>`;
}

function digestOf(bytes: Buffer | undefined): Buffer {
  return createHash("sha256")
    .update(bytes ?? "")
    .digest();
}
