import { Readable } from "node:stream";
import { DeliveryError } from "../../../src/model/errors.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import { writeElement } from "../../../src/guard/xml-write.ts";
import { CLOSE_ENVELOPE, openEnvelope } from "./envelope-write.ts";
import { SOAP_TYPE, XOP, XOP_TYPE } from "./names.ts";

/** The body of a submission, as a stream of known length: text from memory, files from the blob store. */
export interface SubmitBody {
  readonly contentType: string;
  readonly length: number;
  stream(): Readable;
}

export interface SubmitPart {
  readonly href: string;
  readonly mediaType: string;
  readonly content: Uint8Array | BlobRef;
}

type Segment = string | { readonly part: SubmitPart["content"]; readonly base64: boolean };
type Open = (blob: BlobRef) => Promise<Readable>;

const BOUNDARY = "postfach-bridge-as4-5d1f0c4b9a7e42f8";

/** The file as base64 text inside the envelope: every configuration of the access point reads that. */
export function composeInline(
  messaging: string,
  parts: readonly SubmitPart[],
  open: Open,
): SubmitBody {
  const segments = parts.flatMap((part): Segment[] => {
    const [start, end] = payloadElement(part, "\0").split("\0");
    return [start ?? "", { part: part.content, base64: true }, end ?? ""];
  });
  return compose(
    `${SOAP_TYPE}; charset=utf-8`,
    [
      `${openEnvelope(messaging)}<ws:submitRequest>`,
      ...segments,
      `</ws:submitRequest>${CLOSE_ENVELOPE}`,
    ],
    open,
  );
}

/** The files as MIME parts behind the envelope (MTOM): a third less to send. */
export function composeMtom(
  messaging: string,
  parts: readonly SubmitPart[],
  open: Open,
): SubmitBody {
  const idOf = (index: number) => `part-${index}@postfach-bridge`;
  const payloads = parts.map((part, index) => {
    const include = writeElement("xop:Include", [
      ["xmlns:xop", XOP],
      ["href", `cid:${idOf(index)}`],
    ]);
    return payloadElement(part, include);
  });
  const root = `${openEnvelope(messaging)}<ws:submitRequest>${payloads.join("")}</ws:submitRequest>${CLOSE_ENVELOPE}`;
  const rootType = `${XOP_TYPE}; charset=UTF-8; type="${SOAP_TYPE}"`;
  const segments: Segment[] = [mimeHead("root@postfach-bridge", rootType), root];
  for (const [index, part] of parts.entries())
    segments.push(`\r\n${mimeHead(idOf(index), part.mediaType)}`, {
      part: part.content,
      base64: false,
    });
  segments.push(`\r\n--${BOUNDARY}--\r\n`);
  const contentType = `multipart/related; type="${XOP_TYPE}"; boundary="${BOUNDARY}"; start="<root@postfach-bridge>"; start-info="${SOAP_TYPE}"`;
  return compose(contentType, segments, open);
}

function payloadElement({ href, mediaType }: SubmitPart, value: string): string {
  return writeElement(
    "payload",
    [
      ["payloadId", href],
      ["contentType", mediaType],
    ],
    `<value>${value}</value>`,
  );
}

function mimeHead(id: string, contentType: string): string {
  const lines = [
    `--${BOUNDARY}`,
    `Content-Type: ${contentType}`,
    "Content-Transfer-Encoding: binary",
    `Content-ID: <${id}>`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function compose(contentType: string, segments: readonly Segment[], open: Open): SubmitBody {
  const length = segments.reduce((sum, segment) => sum + lengthOf(segment), 0);
  return {
    contentType,
    length,
    stream: () => Readable.from(write(segments, open), { objectMode: false }),
  };
}

function lengthOf(segment: Segment): number {
  if (typeof segment === "string") return Buffer.byteLength(segment, "utf8");
  const size = sizeOf(segment.part);
  return segment.base64 ? Math.ceil(size / 3) * 4 : size;
}
function sizeOf(part: SubmitPart["content"]): number {
  return part instanceof Uint8Array ? part.length : part.size;
}

async function* write(segments: readonly Segment[], open: Open): AsyncGenerator<Buffer> {
  for (const segment of segments) {
    if (typeof segment === "string") yield Buffer.from(segment, "utf8");
    else if (segment.base64) yield* encode(read(segment.part, open));
    else yield* read(segment.part, open);
  }
}

/** The announced length is a promise: a file that is shorter or longer than its reference ends the request. */
async function* read(part: SubmitPart["content"], open: Open): AsyncGenerator<Buffer> {
  if (part instanceof Uint8Array) {
    yield Buffer.from(part);
    return;
  }
  let size = 0;
  for await (const piece of (await open(part)) as AsyncIterable<Uint8Array>) {
    size += piece.length;
    yield Buffer.from(piece);
  }
  if (size !== part.size)
    throw new DeliveryError(
      "transient",
      "ATTACHMENT_MISSING",
      "a file has another size than noted",
    );
}

async function* encode(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const piece of source) {
    const all = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const whole = all.length - (all.length % 3);
    rest = Buffer.from(all.subarray(whole));
    if (whole > 0) yield Buffer.from(all.toString("base64", 0, whole), "latin1");
  }
  if (rest.length > 0) yield Buffer.from(rest.toString("base64"), "latin1");
}
