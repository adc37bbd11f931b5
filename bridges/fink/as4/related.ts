import { Readable } from "node:stream";
import { GatewayError } from "../../../src/model/errors.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import { ByteCursor } from "./cursor.ts";
import { cutValues } from "./inline-values.ts";
import type { CutEnvelope, CutLimits } from "./inline-values.ts";
import { XOP_TYPE } from "./names.ts";

/** Reads multipart/related with a XOP root (RFC 2387, W3C MTOM/XOP) as a stream; the root comes first, as CXF writes it. */
export interface RelatedEnvelope extends CutEnvelope {
  /** Further parts by Content-ID, without angle brackets. */
  readonly parts: ReadonlyMap<string, BlobRef>;
}

export interface RelatedLimits extends CutLimits {
  readonly maxParts: number;
}

const MAX_PART_HEADER_BYTES = 8_192;
const MAX_PART_HEADERS = 16;
const HEADER_END = Buffer.from("\r\n\r\n");
const PLAIN_ENCODINGS: readonly (string | undefined)[] = [undefined, "binary", "8bit", "7bit"];
/** RFC 2046 §5.1.1. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

/** The boundary of a multipart/related Content-Type. @throws GatewayError INPUT_INVALID */
export function relatedBoundary(contentType: string): string {
  const found = /;\s*boundary=(?:"([^"]{1,70})"|([^;"\s]{1,70}))/i.exec(contentType);
  const boundary = found?.[1] ?? found?.[2] ?? "";
  if (!BOUNDARY.test(boundary)) throw invalid("the answer names no boundary");
  return boundary;
}

type Store = (name: string, body: Readable) => Promise<BlobRef>;

/** @throws GatewayError INPUT_INVALID, INPUT_HOSTILE; whatever the source and the store throw */
export async function readRelated(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: RelatedLimits,
  store: Store,
): Promise<RelatedEnvelope> {
  const cursor = new ByteCursor(source);
  await expectOpening(cursor, boundary);
  const separator = Buffer.from(`\r\n--${boundary}`, "latin1");
  const parts = new Map<string, BlobRef>();
  let root: CutEnvelope | undefined;
  for (let count = 0; !(await atEnd(cursor)); count += 1) {
    if (count > limits.maxParts)
      throw new GatewayError("INPUT_HOSTILE", `more than ${limits.maxParts} parts`);
    const headers = await readHeaders(cursor);
    const body = cursor.streamTo(separator, "a part");
    if (root === undefined) {
      if (!(headers.get("content-type") ?? "").toLowerCase().startsWith(XOP_TYPE))
        throw invalid("the first part is not the envelope");
      root = await cutValues(body, limits, store);
      continue;
    }
    const id = /^<([^<>\s]{1,255})>$/.exec(headers.get("content-id") ?? "")?.[1];
    if (id === undefined) throw invalid("a part has no Content-ID");
    if (parts.has(id)) throw new GatewayError("INPUT_HOSTILE", "two parts have one Content-ID");
    parts.set(id, await store("as4-payload", Readable.from(body, { objectMode: false })));
  }
  if (root === undefined) throw invalid("the answer has no envelope");
  return { ...root, parts };
}

async function expectOpening(cursor: ByteCursor, boundary: string): Promise<void> {
  const opening = Buffer.from(`--${boundary}`, "latin1");
  await cursor.fill(opening.length + 2);
  if (cursor.buffer.toString("latin1", 0, 2) === "\r\n") cursor.take(2);
  if (!cursor.buffer.subarray(0, opening.length).equals(opening))
    throw invalid("the answer does not begin with its boundary");
  cursor.take(opening.length);
}

/** After a boundary: true at the final one, after which nothing but line ends may follow. */
async function atEnd(cursor: ByteCursor): Promise<boolean> {
  await cursor.fill(2);
  const mark = cursor.take(Math.min(2, cursor.buffer.length)).toString("latin1");
  if (mark === "\r\n") return false;
  if (mark !== "--") throw invalid("a boundary is followed by neither a line end nor --");
  if ((await cursor.fill(5)) || !/^(\r\n){0,2}$/.test(cursor.buffer.toString("latin1")))
    throw invalid("there are bytes after the final boundary");
  return true;
}

async function readHeaders(cursor: ByteCursor): Promise<ReadonlyMap<string, string>> {
  const block = await cursor.upTo(HEADER_END, MAX_PART_HEADER_BYTES, "the header of a part");
  const lines = block
    .toString("latin1")
    .replace(/\r\n[ \t]+/g, " ")
    .split("\r\n");
  cursor.take(HEADER_END.length);
  if (lines.length > MAX_PART_HEADERS)
    throw new GatewayError("INPUT_HOSTILE", `a part has more than ${MAX_PART_HEADERS} headers`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name = "", value = ""] = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line) ?? [];
    if (name === "" || headers.has(name.toLowerCase()))
      throw invalid("a header of a part is broken or doubled");
    headers.set(name.toLowerCase(), value.trim());
  }
  if (!PLAIN_ENCODINGS.includes(headers.get("content-transfer-encoding")?.toLowerCase()))
    throw invalid("a part has a transfer encoding");
  return headers;
}

function invalid(message: string): GatewayError {
  return new GatewayError("INPUT_INVALID", message);
}
