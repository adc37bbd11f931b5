import { hostile, malformed } from "./errors.ts";
import { drain, paced, type ByteStream } from "./stream.ts";

const CR = 0x0d;
const LF = 0x0a;

/** Reads a stream by CRLF lines and up to a delimiter. Holds no more than a piece and a line. */
export class LineReader {
  readonly #pieces: AsyncGenerator<Buffer>;
  readonly #maxBytes: number;
  #held: Buffer = Buffer.alloc(0);
  #total = 0;
  #within = false;

  /** `maxBytes`: of the whole stream; more throws INPUT_HOSTILE. */
  constructor(source: ByteStream, maxBytes: number, signal?: AbortSignal) {
    this.#pieces = paced(source, signal);
    this.#maxBytes = maxBytes;
  }

  /** The next line without its CRLF; undefined at the end of the stream. A bare LF or CR is refused (facts §2.3). */
  async line(maxLength: number): Promise<string | undefined> {
    for (;;) {
      const end = this.#held.indexOf(LF);
      const length = end === -1 ? this.#held.length : end;
      if (length > maxLength) throw hostile("MIME: a header line is too long");
      if (end !== -1) return this.takeLine(end);
      if (await this.more()) continue;
      if (this.#held.length === 0) return undefined;
      throw malformed("MIME: the message ends within a line");
    }
  }

  /** Bytes up to `delimiter`, which is consumed. Throws when the stream ends before it. */
  async *until(delimiter: Buffer): AsyncGenerator<Buffer> {
    this.#within = true;
    for (;;) {
      const found = this.#held.indexOf(delimiter);
      if (found !== -1) {
        const last = this.#held.subarray(0, found);
        this.#held = this.#held.subarray(found + delimiter.length);
        this.#within = false;
        if (last.length > 0) yield last;
        return;
      }
      // The delimiter may begin in the last bytes of this piece.
      const safe = Math.max(0, this.#held.length - delimiter.length + 1);
      const tail = this.#held.subarray(safe);
      if (safe > 0) yield this.#held.subarray(0, safe);
      const next = await this.next();
      if (next === undefined) throw malformed("MIME: the message ends within a part");
      // Only the seam is copied: joining whole pieces would copy the message once more.
      const seam = Buffer.concat([tail, next.subarray(0, delimiter.length - 1)]);
      const split = seam.indexOf(delimiter) !== -1 || next.length < delimiter.length;
      this.#held = split ? Buffer.concat([tail, next]) : next;
      if (!split && tail.length > 0) yield tail;
    }
  }

  /** Steps over what a reader of `until` has left unread. */
  async skip(delimiter: Buffer): Promise<void> {
    if (this.#within) await drain(this.until(delimiter));
  }

  /** What stands at the very end, up to `maxLength` bytes; more is refused. */
  async rest(maxLength: number): Promise<Buffer> {
    while (await this.more())
      if (this.#held.length > maxLength) throw hostile("MIME: too much after the last part");
    return this.#held;
  }

  /** Lets go of the source when reading stops early. */
  async close(): Promise<void> {
    await this.#pieces.return(undefined);
  }

  private takeLine(end: number): string {
    if (end === 0 || this.#held[end - 1] !== CR) throw malformed("MIME: a line ends without CR");
    const bytes = this.#held.subarray(0, end - 1);
    this.#held = this.#held.subarray(end + 1);
    if (bytes.includes(CR)) throw malformed("MIME: a CR within a line");
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw malformed("MIME: a header is not UTF-8", cause);
    }
  }

  private async more(): Promise<boolean> {
    const next = await this.next();
    if (next === undefined) return false;
    this.#held = this.#held.length === 0 ? next : Buffer.concat([this.#held, next]);
    return true;
  }

  private async next(): Promise<Buffer | undefined> {
    const next = await this.#pieces.next();
    if (next.done === true) return undefined;
    this.#total += next.value.length;
    if (this.#total > this.#maxBytes)
      throw hostile(`MIME: the message is larger than ${String(this.#maxBytes)} bytes`);
    return next.value;
  }
}
