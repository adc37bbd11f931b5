import { MultipartError, readPartHead } from "./multipart-head.ts";
import type { PartHead } from "./multipart-head.ts";

export { boundaryOf, MultipartError } from "./multipart-head.ts";
export type { MultipartFault, PartHead } from "./multipart-head.ts";

/**
 * Reads multipart/form-data (RFC 7578, RFC 2046 §5.1) as a stream, strictly: legal mail must be refused exactly, never
 * guessed at. No preamble but one line end, no padding after a boundary, no epilogue but one line end, no transfer
 * encoding, every part with one Content-Disposition, a final boundary.
 */
export interface MultipartLimits {
  readonly maxParts: number;
  /** Bytes of all headers of one part. */
  readonly maxHeaderBytes: number;
  /** UTF-8 bytes of a field name and of a file name. */
  readonly maxNameBytes: number;
  readonly maxFileNameBytes: number;
  /** Field names that may come more than once; even then no two parts may share name and file name. */
  readonly repeatable: readonly string[];
  /** Largest body of this part, bytes. */
  maxPartBytes(head: PartHead): number;
}

export const MULTIPART_LIMITS = {
  maxParts: 32,
  maxHeaderBytes: 8_192,
  maxNameBytes: 64,
  maxFileNameBytes: 1_024,
} as const;

/** Gets the parts one after another. What it leaves unread of a body is read on and thrown away, within the limits. */
export type OnPart = (head: PartHead, body: AsyncIterable<Buffer>) => Promise<void>;

/**
 * Parses a whole body. Resolves when the final boundary was read and the source ended.
 * @throws MultipartError; whatever `onPart` and the source throw
 */
export async function parseMultipart(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: MultipartLimits,
  onPart: OnPart,
): Promise<void> {
  const scanner = new Scanner(source, boundary);
  try {
    await readAll(scanner, limits, onPart);
  } finally {
    await scanner.release();
  }
}

async function readAll(scanner: Scanner, limits: MultipartLimits, onPart: OnPart): Promise<void> {
  await scanner.expectOpening();
  const seen = new Set<string>();
  for (let count = 0; !(await scanner.atEnd()); count += 1) {
    if (count === limits.maxParts)
      throw new MultipartError("limit", `more than ${limits.maxParts} parts`);
    const head = readPartHead(await scanner.readHeaders(limits.maxHeaderBytes), limits);
    refuseDuplicate(head, seen, limits);
    const body = scanner.readBody(limits.maxPartBytes(head), head);
    await onPart(head, body);
    for await (const _ of body);
  }
}

/** Throws for a second part of the same name, unless it may repeat; then for the same file name. */
function refuseDuplicate(head: PartHead, seen: Set<string>, limits: MultipartLimits): void {
  const repeatable = limits.repeatable.includes(head.name);
  const key = repeatable ? JSON.stringify([head.name, head.fileName ?? null]) : head.name;
  if (seen.has(key)) {
    const what = repeatable && head.fileName !== undefined ? `file ${head.fileName}` : head.name;
    throw new MultipartError("duplicate", `${what} comes twice`, head);
  }
  seen.add(key);
}

const CRLF = Buffer.from("\r\n");
const HEADER_END = Buffer.from("\r\n\r\n");
const FINAL = Buffer.from("--");

/** A cursor over the source: knows boundaries, holds at most one chunk and what a boundary may straddle. */
class Scanner {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #opening: Buffer;
  readonly #separator: Buffer;
  #buffer = Buffer.alloc(0);
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>, boundary: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#opening = Buffer.from(`--${boundary}`, "latin1");
    this.#separator = Buffer.from(`\r\n--${boundary}`, "latin1");
  }

  /** Lets go of the source, also in the middle: it must be free to be drained by somebody else. */
  async release(): Promise<void> {
    await this.#source.return?.();
  }

  async expectOpening(): Promise<void> {
    await this.#fill(this.#separator.length);
    if (this.#startsWith(CRLF)) this.#drop(CRLF.length);
    await this.#fill(this.#opening.length);
    if (!this.#startsWith(this.#opening))
      throw new MultipartError("syntax", "the body does not begin with the boundary");
    this.#drop(this.#opening.length);
  }

  /** After a boundary: true at the final one (then the source must end), false when a part follows. */
  async atEnd(): Promise<boolean> {
    await this.#fill(2);
    if (this.#startsWith(CRLF)) {
      this.#drop(CRLF.length);
      return false;
    }
    if (!this.#startsWith(FINAL)) {
      if (this.#buffer.length < 2) throw unfinished();
      throw new MultipartError("syntax", "a boundary is followed by neither a line end nor --");
    }
    this.#drop(FINAL.length);
    await this.#fill(CRLF.length + 1);
    if (this.#startsWith(CRLF)) this.#drop(CRLF.length);
    if (this.#buffer.length > 0)
      throw new MultipartError("syntax", "there are bytes after the final boundary");
    return true;
  }

  /** Up to the empty line, without it. */
  async readHeaders(limit: number): Promise<Buffer> {
    for (;;) {
      const end = this.#buffer.indexOf(HEADER_END);
      if (end > limit || (end < 0 && this.#buffer.length > limit + HEADER_END.length))
        throw new MultipartError("limit", `the headers of a part exceed ${limit} bytes`);
      if (end >= 0) {
        const headers = Buffer.from(this.#buffer.subarray(0, end));
        this.#drop(end + HEADER_END.length);
        return headers;
      }
      if (!(await this.#more())) throw unfinished();
    }
  }

  /** Up to the next boundary, which is taken too. */
  async *readBody(limit: number, head: PartHead): AsyncGenerator<Buffer> {
    let size = 0;
    const take = (length: number) => {
      size += length;
      if (size > limit)
        throw new MultipartError("part-size", `a part exceeds ${limit} bytes`, head);
      const piece = this.#buffer.subarray(0, length);
      this.#drop(length);
      return piece;
    };
    for (;;) {
      const end = this.#buffer.indexOf(this.#separator);
      if (end >= 0) {
        if (end > 0) yield take(end);
        this.#drop(this.#separator.length);
        return;
      }
      const safe = this.#buffer.length - this.#separator.length + 1;
      if (safe > 0) yield take(safe);
      if (!(await this.#more())) throw unfinished();
    }
  }

  async #fill(length: number): Promise<void> {
    while (this.#buffer.length < length && (await this.#more()));
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const next = await this.#source.next();
    if (next.done === true) {
      this.#ended = true;
      return false;
    }
    this.#buffer =
      this.#buffer.length === 0
        ? Buffer.from(next.value)
        : Buffer.concat([this.#buffer, next.value]);
    return true;
  }

  #startsWith(expected: Buffer): boolean {
    return this.#buffer.subarray(0, expected.length).equals(expected);
  }

  #drop(length: number): void {
    this.#buffer = this.#buffer.subarray(length);
  }
}

function unfinished(): MultipartError {
  return new MultipartError("unfinished", "the body ends before the final boundary");
}
