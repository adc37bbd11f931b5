import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { BlobRef } from "../../src/model/message.ts";

/** Writes a multipart/form-data body (RFC 7578) of known length, streaming the files from the blob store. */
export interface BodyPart {
  readonly name: string;
  readonly mediaType: string;
  readonly fileName?: string;
  readonly content: Uint8Array | BlobRef;
}

export interface ComposedBody {
  readonly contentType: string;
  /** Bytes. */
  readonly length: number;
  stream(): Readable;
  /** Has the last byte been handed to the network? Before that nobody can have the whole letter. */
  isComplete(): boolean;
}

export function composeBody(
  parts: readonly BodyPart[],
  open: (blob: BlobRef) => Promise<Readable>,
): ComposedBody {
  const boundary = `postfach-${randomBytes(18).toString("hex")}`;
  const heads = parts.map((part, index) => headOf(part, boundary, index === 0));
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const length = parts.reduce(
    (sum, { content }, index) => sum + (heads[index]?.length ?? 0) + sizeOf(content),
    tail.length,
  );
  let complete = false;
  const write = async function* (): AsyncGenerator<Uint8Array> {
    for (const [index, { content }] of parts.entries()) {
      yield heads[index] ?? Buffer.alloc(0);
      if (content instanceof Uint8Array) yield content;
      else yield* exactly(await open(content), content.size);
    }
    complete = true;
    yield tail;
  };
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length,
    stream: () => Readable.from(write(), { objectMode: false }),
    isComplete: () => complete,
  };
}

/** A blob that is shorter or longer than it says would shift everything behind it. */
async function* exactly(source: Readable, size: number): AsyncGenerator<Buffer> {
  let seen = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    seen += chunk.length;
    if (seen > size) break;
    yield chunk;
  }
  if (seen !== size) throw new Error("an attachment does not have its stored length");
}

function sizeOf(content: Uint8Array | BlobRef): number {
  return content instanceof Uint8Array ? content.length : content.size;
}

function headOf(part: BodyPart, boundary: string, first: boolean): Buffer {
  const file = part.fileName === undefined ? "" : `; filename="${quote(part.fileName)}"`;
  return Buffer.from(
    `${first ? "" : "\r\n"}--${boundary}\r\n` +
      `Content-Disposition: form-data; name="${quote(part.name)}"${file}\r\n` +
      `Content-Type: ${part.mediaType}\r\n\r\n`,
    "utf8",
  );
}

function quote(text: string): string {
  return text.replace(/[\r\n]/g, " ").replace(/["\\]/g, (character) => `\\${character}`);
}
