import { randomBytes } from "node:crypto";
import { GatewayError } from "../../../src/model/errors.ts";
import { encodeBase64 } from "./base64.ts";
import { paced, toBuffer, type ByteStream, type SizedSource } from "./stream.ts";

/** How the bytes of a part travel. The library writes "8-bit" (sic) for attachments, "binary" for encrypted messages. */
export type TransferEncoding = "8-bit" | "binary" | "base64";

export interface OutgoingPart {
  /** Blanks and umlauts travel as they are, raw UTF-8 (facts §2.2). */
  readonly contentId: string;
  readonly contentType: string;
  readonly encoding: TransferEncoding;
  /** Whether a Content-Length header is written: attachments yes, the encrypted message no. */
  readonly announceLength: boolean;
  readonly body: SizedSource;
}

export interface OutgoingMime {
  readonly boundary: string;
  /** The XML document, declaration included. */
  readonly xml: Uint8Array;
  /** Whether the XML part carries a Content-Length: only the envelope of an encrypted message does. */
  readonly announceXmlLength: boolean;
  readonly parts: readonly OutgoingPart[];
}

const boundaryBytes = 24;
/** What the library calls the XML part. */
const rootContentId = "osci@message";
/** Characters that would leave the header line, or that end the id. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const unsafe = /[\u0000-\u001f\u007f<>]/;
const token = /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+(?:; ?[A-Za-z0-9-]+=[A-Za-z0-9._-]+)?$/;
/** A line of base64 with its CRLF. */
const base64LineBytes = 57;

export function newBoundary(): string {
  return `MIME_boundary_${randomBytes(boundaryBytes).toString("base64")}`;
}

/**
 * Lays a message out exactly as the library does (facts §2.2). The size is known before the first byte is read. Throws
 * CONTENT_REJECTED for a name that cannot stand in a header; while streaming INTERNAL when a part is not as long as it
 * said or holds the boundary.
 */
export function writeMime(message: OutgoingMime): SizedSource {
  const { boundary, xml, parts } = message;
  const head = Buffer.from(headOf(message));
  const layout = parts.map((part) => ({ part, head: Buffer.from(partHead(boundary, part)) }));
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const size = layout.reduce(
    (sum, { part, head: lines }) => sum + lines.length + encodedSize(part),
    head.length + xml.byteLength + tail.length,
  );
  return {
    size,
    async *open() {
      yield head;
      yield* guarded(only(xml), xml.byteLength, boundary);
      for (const { part, head: lines } of layout) {
        yield lines;
        yield* guarded(encoded(part), encodedSize(part), boundary);
      }
      yield tail;
    },
  };
}

function headOf({ boundary, xml, announceXmlLength }: OutgoingMime): string {
  return [
    "MIME-Version: 1.0",
    `Content-Type: Multipart/Related; boundary=${boundary}; type=text/xml`,
    "",
    `--${boundary}`,
    "Content-Type: text/xml; charset=UTF-8",
    "Content-Transfer-Encoding: 8bit",
    `Content-ID: <${rootContentId}>`,
    ...(announceXmlLength ? [`Content-Length: ${String(xml.byteLength)}`] : []),
    "",
    "",
  ].join("\r\n");
}

function partHead(boundary: string, part: OutgoingPart): string {
  if (unsafe.test(part.contentId) || part.contentId === "")
    throw new GatewayError("CONTENT_REJECTED", "the name of an attachment cannot be sent");
  if (!token.test(part.contentType))
    throw new GatewayError("CONTENT_REJECTED", "the media type of an attachment cannot be sent");
  return [
    "",
    `--${boundary}`,
    `Content-Type: ${part.contentType}`,
    `Content-Transfer-Encoding: ${part.encoding}`,
    `Content-ID: <${part.contentId}>`,
    ...(part.announceLength ? [`Content-Length: ${String(encodedSize(part))}`] : []),
    "",
    "",
  ].join("\r\n");
}

function encodedSize({ encoding, body }: OutgoingPart): number {
  if (encoding !== "base64") return body.size;
  const characters = Math.ceil(body.size / 3) * 4;
  return characters + Math.floor(characters / 76) * 2;
}

function encoded({ encoding, body }: OutgoingPart): AsyncGenerator<Buffer> {
  const bytes = paced(body.open());
  return encoding === "base64" ? base64Lines(bytes) : bytes;
}

async function* base64Lines(source: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    held = Buffer.concat([held, chunk]);
    const whole = held.length - (held.length % base64LineBytes);
    if (whole > 0) yield withCrlf(held.subarray(0, whole));
    held = held.subarray(whole);
  }
  if (held.length > 0) yield withCrlf(held);
}

function withCrlf(bytes: Buffer): Buffer {
  return Buffer.from(encodeBase64(bytes).replaceAll("\n", "\r\n"));
}

async function* only(bytes: Uint8Array): AsyncGenerator<Buffer> {
  yield* paced(
    (async function* () {
      yield bytes;
    })(),
  );
}

/** Passes a part through and checks what the reader on the other side relies on: its length, and no boundary in it. */
async function* guarded(
  source: ByteStream,
  size: number,
  boundary: string,
): AsyncGenerator<Uint8Array> {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  let sent = 0;
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes = toBuffer(chunk);
    const seam = Buffer.concat([tail, bytes.subarray(0, delimiter.length)]);
    if (bytes.includes(delimiter) || seam.includes(delimiter))
      throw new GatewayError("INTERNAL", "MIME: the boundary occurs in a part");
    const recent = bytes.length >= delimiter.length ? bytes : Buffer.concat([tail, bytes]);
    tail = Buffer.from(recent.subarray(Math.max(0, recent.length - delimiter.length)));
    sent += bytes.length;
    yield bytes;
  }
  if (sent !== size)
    throw new GatewayError("INTERNAL", `MIME: a part has ${sent} bytes instead of ${size}`);
}
