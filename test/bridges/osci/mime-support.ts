/** Small MIME messages for tests. */
import { MIME_LIMITS, readMime, type MimeLimits } from "../../../bridges/osci/wire/mime.ts";
import {
  newBoundary,
  writeMime,
  type OutgoingPart,
} from "../../../bridges/osci/wire/mime-write.ts";
import { sourceOf, type ByteStream } from "../../../bridges/osci/wire/stream.ts";
import { bytesOf } from "./support.ts";

export interface ReadPart {
  readonly id: string;
  readonly type: string;
  readonly bytes: Buffer;
}

export async function readParts(
  source: ByteStream,
  limits: Partial<MimeLimits> = {},
): Promise<readonly ReadPart[]> {
  const parts: ReadPart[] = [];
  for await (const { header, body } of readMime(source, { ...MIME_LIMITS, ...limits }))
    parts.push({ id: header.contentId, type: header.contentType, bytes: await bytesOf(body) });
  return parts;
}

export function read(
  bytes: Uint8Array,
  limits: Partial<MimeLimits> = {},
): Promise<readonly ReadPart[]> {
  return readParts(sourceOf(bytes).open(), limits);
}

export function part(
  contentId: string,
  bytes: Uint8Array,
  changes: Partial<OutgoingPart> = {},
): OutgoingPart {
  const body = sourceOf(bytes);
  return {
    contentId,
    contentType: "application/octet-stream",
    encoding: "8-bit",
    announceLength: true,
    body,
    ...changes,
  };
}

export function message(
  parts: readonly OutgoingPart[],
  boundary = newBoundary(),
): ReturnType<typeof writeMime> {
  return writeMime({ boundary, xml: Buffer.from("<x/>"), announceXmlLength: false, parts });
}

export const lines = (...text: string[]): Buffer => Buffer.from(text.join("\r\n"));
export const head = [
  "MIME-Version: 1.0",
  "Content-Type: Multipart/Related; boundary=B; type=text/xml",
  "",
];
export const xmlPart = [
  "--B",
  "Content-Type: text/xml; charset=UTF-8",
  "Content-ID: <osci@message>",
  "",
  "<x/>",
];
export const filePart = [
  "--B",
  "Content-Type: a/b",
  "Content-Transfer-Encoding: 8-bit",
  "Content-ID: <f>",
  "",
  "data",
];
export const end = ["--B--", ""];
export const whole = lines(...head, ...xmlPart, ...filePart, ...end);
