import { decodeBase64Stream } from "./base64.ts";
import { hostile, malformed } from "./errors.ts";
import { readBoundary, readFields, readPartHeader, type PartHeader } from "./mime-header.ts";
import { LineReader } from "./mime-lines.ts";
import type { ByteStream } from "./stream.ts";

export type { PartHeader } from "./mime-header.ts";

export interface MimeLimits {
  /** The whole message as it comes, transfer encodings included. */
  readonly maxBytes: number;
  /** Attachments, besides the XML part. EGVP: 1000 files (facts §5.6). */
  readonly maxParts: number;
  /** One part, decoded. */
  readonly maxPartBytes: number;
  /** One header line, bytes. */
  readonly maxLineBytes: number;
}

const mebibyte = 1024 * 1024;
/** Room for the legal EGVP maximum (200 MB, facts §5.6) in base64 and with everything around it. */
export const MIME_LIMITS: MimeLimits = Object.freeze({
  maxBytes: 320 * mebibyte,
  maxParts: 1100,
  maxPartBytes: 256 * mebibyte,
  maxLineBytes: 4096,
});

const maxBlankLines = 8;
const maxHeaderLines = 64;
/** Text after the closing delimiter: legal, never looked at. */
const maxEpilogueBytes = 64 * 1024;
const binaryEncodings: readonly string[] = ["7bit", "8bit", "8-bit", "binary"];

export interface MimePart {
  /** 0 is the XML part. */
  readonly index: number;
  readonly header: PartHeader;
  /** Transfer encoding undone. Comes once, and only until the next part is asked for. */
  readonly body: ByteStream;
}

/**
 * Reads the parts of an OSCI message, whose MIME headers stand in the body of the HTTP message (facts §2.1, §2.2). What
 * is accepted and what is refused: facts §2.3. The sequence ends only after the last byte of `source`, so that a
 * decryption beneath has checked its tag by then. Throws OsciError.
 */
export async function* readMime(
  source: ByteStream,
  limits: MimeLimits = MIME_LIMITS,
  signal?: AbortSignal,
): AsyncGenerator<MimePart> {
  const reader = new LineReader(source, limits.maxBytes, signal);
  try {
    const boundary = readBoundary(readFields(await headerLines(reader, limits)));
    const delimiter = Buffer.from(`\r\n--${boundary}`);
    await openingDelimiter(reader, boundary, limits);
    const seen = new Set<string>();
    for (let index = 0; ; index += 1) {
      if (index > limits.maxParts) throw hostile("MIME: too many parts");
      const header = readPartHeader(readFields(await headerLines(reader, limits)));
      if (seen.has(header.contentId)) throw malformed("MIME: a Content-ID occurs twice");
      seen.add(header.contentId);
      requireKind(index, header);
      const raw = reader.until(delimiter);
      const decoded = header.base64 ? decodeBase64Stream(raw) : raw;
      yield { index, header, body: limited(decoded, limits.maxPartBytes) };
      await reader.skip(delimiter);
      if (await isLast(reader, limits)) break;
    }
    await reader.rest(maxEpilogueBytes);
  } finally {
    await reader.close();
  }
}

function requireKind(index: number, { contentType, transferEncoding, base64 }: PartHeader): void {
  if (index === 0) {
    if (contentType !== "text/xml" || base64)
      throw malformed("MIME: the first part is not XML as it stands");
    if (transferEncoding === undefined) return;
  }
  if (transferEncoding === undefined)
    throw malformed("MIME: an attachment without Content-Transfer-Encoding");
  if (!binaryEncodings.includes(transferEncoding) && transferEncoding !== "base64")
    throw malformed("MIME: an unknown Content-Transfer-Encoding");
}

/** Header lines up to the blank one; blank lines before the first are skipped. */
async function headerLines(reader: LineReader, limits: MimeLimits): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let blank = 0; ;) {
    const line = await reader.line(limits.maxLineBytes);
    if (line === undefined) throw malformed("MIME: the message ends within its headers");
    if (line !== "") lines.push(line);
    else if (lines.length > 0) return lines;
    else blank += 1;
    if (blank > maxBlankLines || lines.length > maxHeaderLines)
      throw hostile("MIME: too many header lines");
  }
}

async function openingDelimiter(
  reader: LineReader,
  boundary: string,
  limits: MimeLimits,
): Promise<void> {
  for (let blank = 0; blank <= maxBlankLines; blank += 1) {
    const line = await reader.line(limits.maxLineBytes);
    if (line === `--${boundary}`) return;
    if (line !== "") throw malformed("MIME: text before the first part");
  }
  throw hostile("MIME: too many blank lines before the first part");
}

/** After a delimiter: CRLF opens the next part, "--" CRLF closes the message. Anything else is a boundary in the content. */
async function isLast(reader: LineReader, limits: MimeLimits): Promise<boolean> {
  const line = await reader.line(limits.maxLineBytes);
  if (line === "--") return true;
  if (line === "") return false;
  throw malformed("MIME: a delimiter that neither opens nor closes a part");
}

async function* limited(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxBytes) throw hostile(`MIME: a part is larger than ${String(maxBytes)} bytes`);
    yield chunk;
  }
}
