import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough, Readable } from "node:stream";
import { HEAD_BYTES } from "../../src/guard/filetype.ts";
import { readLimited } from "../../src/guard/listener.ts";
import { boundaryOf, MULTIPART_LIMITS, parseMultipart } from "../../src/guard/multipart.ts";
import type { PartHead } from "../../src/guard/multipart.ts";
import type { BlobRef } from "../../src/model/message.ts";
import type { ArrivedFile } from "./inlet-checks.ts";
import type { Profile } from "./profile.ts";
import { Refusal } from "./refusal.ts";
import { writeDumpHead } from "./request-dump.ts";

/** Takes a letter off the wire: files go to the blob store while they arrive, nothing large is held in memory. */
export interface Intake {
  /** The part `json`, whole. */
  readonly json: Buffer;
  readonly files: readonly StoredFile[];
  /** The untouched request: its head, as far as it matters, and every byte of its body. */
  readonly original: BlobRef;
}
export interface StoredFile extends ArrivedFile {
  readonly blob: BlobRef;
}

interface Context {
  store(name: string, body: Readable): Promise<BlobRef>;
}

/**
 * `onJson` is called as soon as that part is complete; when it throws, no further byte is read.
 * @throws MultipartError, BodyTooLarge, Refusal
 */
export async function takeRequest(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
  profile: Profile,
  onJson: (json: Buffer) => void,
): Promise<Intake> {
  const boundary = boundaryOf(request.headers["content-type"]);
  const { requestBytes } = profile.limits;
  const source = readLimited(request, response, requestBytes);
  return keepOriginal(context, request, profile, source, (copied) =>
    readParts(context, copied, boundary, profile, onJson),
  );
}

/** The body alone, without keeping a copy of it. */
export async function readParts(
  context: Context,
  source: AsyncIterable<Buffer>,
  boundary: string,
  profile: Profile,
  onJson: (json: Buffer) => void,
): Promise<{ json: Buffer; files: StoredFile[] }> {
  const { send, limits } = profile;
  let json: Buffer | undefined;
  const files: StoredFile[] = [];
  const isFile = ({ name }: PartHead) => name === send.filePart;
  const partLimits = {
    ...MULTIPART_LIMITS,
    maxParts: limits.files + 1,
    maxFileNameBytes: limits.fileName * 4,
    repeatable: [send.filePart],
    maxPartBytes: (head: PartHead) => (isFile(head) ? limits.fileBytes : jsonLimit(limits)),
  };
  await parseMultipart(source, boundary, partLimits, async (head, body) => {
    if (isFile(head)) files.push(await storeFile(context, head, body));
    else if (head.name === send.jsonPart) {
      json = await readJsonPart(head, body, profile);
      onJson(json);
    } else
      throw new Refusal(400, "PART_UNKNOWN", "there is a part that is not known", {
        field: head.name,
      });
  });
  if (json === undefined)
    throw new Refusal(400, "SCHEMA", `${send.jsonPart}: is missing`, { field: send.jsonPart });
  return { json, files };
}

/** JSON is escaped twice: a character of the text may take six bytes. */
function jsonLimit({ bodyBytes, requestBytes }: Profile["limits"]): number {
  return Math.min(requestBytes, bodyBytes * 6 + 500_000);
}

async function readJsonPart(
  head: PartHead,
  body: AsyncIterable<Buffer>,
  { send }: Profile,
): Promise<Buffer> {
  if (head.mediaType !== undefined && head.mediaType !== send.jsonType)
    throw new Refusal(400, "SCHEMA", `${send.jsonPart}: must be ${send.jsonType}`, {
      field: send.jsonPart,
    });
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function storeFile(
  context: Context,
  head: PartHead,
  body: AsyncIterable<Buffer>,
): Promise<StoredFile> {
  const { fileName, mediaType } = head;
  if (fileName === undefined)
    throw new Refusal(400, "SCHEMA", `${head.name}: a file without a name`, { field: head.name });
  const hash = createHash("sha512");
  let start = Buffer.alloc(0);
  let length = 0;
  const watched = async function* () {
    for await (const chunk of body) {
      hash.update(chunk);
      length += chunk.length;
      if (start.length < HEAD_BYTES) start = Buffer.concat([start, chunk]).subarray(0, HEAD_BYTES);
      yield chunk;
    }
  };
  const blob = await context.store("attachment", Readable.from(watched(), { objectMode: false }));
  return { name: fileName, mediaType, digest: hash.digest("hex"), length, head: start, blob };
}

/** Every byte that the parser reads is also written to the blob of the untouched request. */
async function keepOriginal<T>(
  context: Context,
  request: IncomingMessage,
  profile: Profile,
  source: AsyncIterable<Buffer>,
  read: (source: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T & { original: BlobRef }> {
  const copy = new PassThrough();
  const stored = context.store("request", copy);
  // Its failure is met below; without this a failure in between would count as unhandled.
  stored.catch(() => undefined);
  copy.on("error", () => undefined);
  const copied = async function* () {
    await write(copy, writeDumpHead(request, profile));
    for await (const chunk of source) {
      await write(copy, chunk);
      yield chunk;
    }
  };
  try {
    const result = await read(copied());
    copy.end();
    return { ...result, original: await stored };
  } catch (error) {
    copy.destroy(error instanceof Error ? error : new Error("the request was refused"));
    await stored.catch(() => undefined);
    throw error;
  }
}

async function write(copy: PassThrough, chunk: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    copy.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

/** A small JSON request as a whole, with its untouched bytes. @throws BodyTooLarge, Refusal */
export async function takeJsonRequest(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
  profile: Profile,
  limit: number,
): Promise<{ json: Buffer; original: BlobRef }> {
  const json = await readJsonBody(request, response, limit);
  const dump = Buffer.concat([writeDumpHead(request, profile), json]);
  return { json, original: await context.store("request", Readable.from([dump])) };
}

export async function readJsonBody(
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
): Promise<Buffer> {
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json[ \t]*(;[ \t]*charset="?utf-8"?)?$/i.test(type))
    throw new Refusal(400, "CONTENT_TYPE", "Content-Type must be application/json");
  const chunks: Buffer[] = [];
  for await (const chunk of readLimited(request, response, limit)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
