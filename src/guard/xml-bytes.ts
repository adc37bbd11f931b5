import { GatewayError } from "../model/errors.ts";

/** Everything before the root element (declaration, comments, instructions) must fit into this, bytes. */
const maxPrologBytes = 64 * 1024;

const byteOrderMarks: readonly (readonly number[])[] = [
  [0xff, 0xfe],
  [0xfe, 0xff],
];
const doctype = /<!DOCTYPE/i;
const rootStart = /<[A-Za-z_:\u0080-\u00ff]/;

/**
 * Turns the bytes of an XML document into text. Only UTF-8. A document type declaration is refused on the bytes, in
 * UTF-8 and UTF-16, before anything parses them: no entity, no external subset is ever looked at.
 * Throws INPUT_HOSTILE (DOCTYPE, too large) or INPUT_INVALID (other encoding, broken UTF-8).
 */
export function decodeXml(bytes: Uint8Array, maxBytes: number): string {
  if (bytes.byteLength > maxBytes)
    throw new GatewayError("INPUT_HOSTILE", `XML is larger than ${String(maxBytes)} bytes`);
  refuseDoctype(bytes);
  refuseWideEncoding(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GatewayError("INPUT_INVALID", "XML is not valid UTF-8", { cause });
  }
}

function refuseDoctype(bytes: Uint8Array): void {
  // Latin-1 without NUL bytes shows the markup of UTF-8 and of both UTF-16 orders alike.
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, maxPrologBytes))
    .toString("latin1")
    .replaceAll("\0", "");
  const root = head.search(rootStart);
  const found = head.search(doctype);
  if (found !== -1 && (root === -1 || found < root))
    throw new GatewayError("INPUT_HOSTILE", "XML carries a DOCTYPE");
  if (root === -1 && bytes.length > maxPrologBytes)
    throw new GatewayError("INPUT_HOSTILE", "no root element at the beginning of the XML");
}

function refuseWideEncoding(bytes: Uint8Array): void {
  const marked = byteOrderMarks.some((mark) => mark.every((byte, index) => bytes[index] === byte));
  if (marked || bytes.subarray(0, 4).includes(0))
    throw new GatewayError("INPUT_INVALID", "XML is not UTF-8");
}
