import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import path from "node:path";
import { HEAD_BYTES } from "../../src/guard/filetype.ts";
import { boundaryOf } from "../../src/guard/multipart.ts";
import { GatewayError } from "../../src/model/errors.ts";
import type { BlobRef } from "../../src/model/message.ts";
import type { ArrivedFile } from "./inlet-checks.ts";
import { readParts } from "./intake.ts";
import type { StoredFile } from "./intake.ts";
import type { DeclaredFile } from "./letter.ts";
import type { Profile } from "./profile.ts";
import { readDumpHead } from "./request-dump.ts";

/** What `inspect` found in a file. Nothing is stored: a blob's digest is computed and its bytes are dropped. */
export interface InspectedInput {
  readonly kind: "letter" | "application-state";
  readonly form: "request" | "multipart" | "json";
  /** The value of the header that carries the token. */
  readonly token?: string;
  readonly json: Buffer;
  readonly files: readonly StoredFile[];
}

const START_BYTES = 32_768;

/** @throws GatewayError, MultipartError, Refusal */
export async function readInput(file: string, profile: Profile): Promise<InspectedInput> {
  const start = await readStart(file);
  const dump = readDumpHead(start);
  if (dump !== undefined) {
    const token = dump.headers.get(profile.auth.header.toLowerCase());
    const common = { form: "request", ...(token === undefined ? {} : { token }) } as const;
    if (dump.path.split("?")[0] === profile.state.path) {
      const json = await readWhole(file, dump.offset, profile.state.requestBytes);
      return { ...common, kind: "application-state", json, files: [] };
    }
    const boundary = boundaryOf(dump.headers.get("content-type"));
    return { ...common, kind: "letter", ...(await readBody(file, dump.offset, boundary, profile)) };
  }
  const first = /^--([^\r\n]{1,70})\r\n/.exec(start.toString("latin1"))?.[1];
  if (first !== undefined)
    return { kind: "letter", form: "multipart", ...(await readBody(file, 0, first, profile)) };
  if (!/^\s*\{/.test(start.toString("utf8", 0, 64)))
    throw new GatewayError("INPUT_INVALID", "neither an HTTP request, nor multipart, nor JSON");
  const json = await readWhole(file, 0, profile.limits.requestBytes);
  return { kind: kindOf(json, profile), form: "json", json, files: [] };
}

/** The status field exists only in states; a letter has a mailbox. */
function kindOf(json: Buffer, profile: Profile): InspectedInput["kind"] {
  const text = json.toString("utf8");
  const names = (field: string) => text.includes(`"${field}"`) || text.includes(`\\"${field}\\"`);
  const { state, fields } = profile;
  return names(state.fields.status) && !names(fields.mailbox) ? "application-state" : "letter";
}

async function readBody(file: string, from: number, boundary: string, profile: Profile) {
  const source: AsyncIterable<Buffer> = createReadStream(file, { start: from });
  return readParts({ store: measureOnly }, source, boundary, profile, () => undefined);
}

/** Stands in for the blob store: hashes, keeps nothing. */
async function measureOnly(_name: string, body: AsyncIterable<Buffer>): Promise<BlobRef> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${hash.digest("hex")}`, size };
}

/** The declared files out of a folder, as if they had come with the letter. One that is not there is left out. */
export async function filesFrom(
  folder: string,
  declared: readonly DeclaredFile[],
  profile: Profile,
): Promise<(ArrivedFile & { blob: BlobRef })[]> {
  const found: (ArrivedFile & { blob: BlobRef })[] = [];
  for (const { name } of declared) {
    // The rules for file names have been checked: no separators, not "..".
    const place = path.join(folder, path.basename(name));
    const bytes = await readWhole(place, 0, profile.limits.fileBytes).catch((error: unknown) => {
      if (error instanceof GatewayError) throw error;
      return undefined;
    });
    if (bytes === undefined) continue;
    const ending = path.extname(name).toLowerCase();
    const mediaType = profile.mediaTypes.find(({ extensions }) =>
      extensions.includes(ending),
    )?.type;
    found.push({
      name,
      mediaType,
      digest: createHash("sha512").update(bytes).digest("hex"),
      length: bytes.length,
      head: bytes.subarray(0, HEAD_BYTES),
      blob: {
        digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
        size: bytes.length,
      },
    });
  }
  return found;
}

async function readStart(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function readWhole(file: string, from: number, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of createReadStream(file, { start: from }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new GatewayError("INPUT_HOSTILE", `more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
