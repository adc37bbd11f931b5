import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { BridgeContext } from "../../src/bridge/contract.ts";
import type { BlobRef } from "../../src/model/message.ts";
import type { ComposedBody } from "./multipart-body.ts";
import type { Profile } from "./profile.ts";

/**
 * The untouched request as it is kept: an HTTP/1.1 message of request line, the headers that matter (content type,
 * token), an empty line and the body byte for byte. Evidence, and what `forward` sends on.
 */
export interface RequestDump {
  readonly method: string;
  readonly path: string;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** Where the body begins, bytes. */
  readonly offset: number;
}

const MAX_HEAD_BYTES = 32_768;
const HEAD_END = Buffer.from("\r\n\r\n");

export function writeDumpHead(request: IncomingMessage, profile: Profile): Buffer {
  const kept = ["content-type", profile.auth.header.toLowerCase()];
  const headers = kept.flatMap((name) => {
    const value = request.headers[name];
    return typeof value === "string" ? [`${name}: ${value.replace(/[\r\n]/g, " ")}`] : [];
  });
  const path = (request.url ?? "/").split("?", 1)[0];
  return Buffer.from(
    `${request.method} ${path} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`,
    "utf8",
  );
}

/** Reads the head of a dump; undefined when `bytes` does not begin with a whole one. */
export function readDumpHead(bytes: Buffer): RequestDump | undefined {
  const end = bytes.subarray(0, MAX_HEAD_BYTES).indexOf(HEAD_END);
  if (end < 0) return undefined;
  const [line = "", ...lines] = bytes.subarray(0, end).toString("utf8").split("\r\n");
  const [, method, path] = /^([A-Z]{3,7}) (\/\S*) HTTP\/1\.[01]$/.exec(line) ?? [];
  if (method === undefined || path === undefined) return undefined;
  const headers = new Map(
    lines.map((header) => {
      const colon = header.indexOf(":");
      return [header.slice(0, colon).trim().toLowerCase(), header.slice(colon + 1).trim()];
    }),
  );
  return { method, path, headers, offset: end + HEAD_END.length };
}

/** Opens a kept request: its head, and its body ready to be sent again unchanged. @throws Error for a broken blob */
export async function openDump(
  context: Pick<BridgeContext<unknown>, "open">,
  blob: BlobRef,
): Promise<{ dump: RequestDump; body: ComposedBody }> {
  let start = Buffer.alloc(0);
  for await (const chunk of (await context.open(blob)) as AsyncIterable<Buffer>) {
    start = Buffer.concat([start, chunk]);
    if (start.length >= MAX_HEAD_BYTES || start.includes(HEAD_END)) break;
  }
  const dump = readDumpHead(start);
  if (dump === undefined) throw new Error("the kept request cannot be read");
  let complete = false;
  const length = blob.size - dump.offset;
  const write = async function* () {
    let skip = dump.offset;
    let seen = 0;
    for await (const chunk of (await context.open(blob)) as AsyncIterable<Buffer>) {
      const rest = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - rest.length;
      seen += rest.length;
      complete = seen >= length;
      if (rest.length > 0) yield rest;
    }
  };
  return {
    dump,
    body: {
      contentType: dump.headers.get("content-type") ?? "application/octet-stream",
      length,
      stream: () => Readable.from(write(), { objectMode: false }),
      isComplete: () => complete,
    },
  };
}
