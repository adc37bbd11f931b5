import { GatewayError } from "../../../src/model/errors.ts";

/** A forward cursor over a byte stream: holds at most one chunk and what a search may straddle. */
export class ByteCursor {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer = Buffer.alloc(0);
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** What is at hand. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** Takes the next `length` bytes of the buffer. */
  take(length: number): Buffer {
    const piece = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return piece;
  }

  /** Reads one chunk more; false at the end. */
  async more(): Promise<boolean> {
    if (this.#ended) return false;
    const next = await this.#source.next();
    if (next.done === true) {
      this.#ended = true;
      return false;
    }
    const chunk = Buffer.from(next.value);
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    return true;
  }

  async fill(length: number): Promise<boolean> {
    while (this.#buffer.length < length) if (!(await this.more())) return false;
    return true;
  }

  /** Everything before `mark`, which is not taken. @throws GatewayError INPUT_INVALID, INPUT_HOSTILE */
  async upTo(mark: Buffer, limit: number, what: string): Promise<Buffer> {
    for (let from = 0; ;) {
      const at = this.#buffer.indexOf(mark, from);
      if (at > limit || (at < 0 && this.#buffer.length > limit + mark.length))
        throw new GatewayError("INPUT_HOSTILE", `${what} is longer than ${limit} bytes`);
      if (at >= 0) return this.take(at);
      from = Math.max(0, this.#buffer.length - mark.length + 1);
      if (!(await this.more())) throw new GatewayError("INPUT_INVALID", `${what} does not end`);
    }
  }

  /** The bytes before `mark`, piece by piece; `mark` is taken too. @throws GatewayError INPUT_INVALID */
  async *streamTo(mark: Buffer, what: string): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#buffer.indexOf(mark);
      if (at >= 0) {
        if (at > 0) yield this.take(at);
        this.take(mark.length);
        return;
      }
      const safe = this.#buffer.length - mark.length + 1;
      if (safe > 0) yield this.take(safe);
      if (!(await this.more())) throw new GatewayError("INPUT_INVALID", `${what} does not end`);
    }
  }
}
