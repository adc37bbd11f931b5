import { Readable } from "node:stream";
import { GatewayError } from "../../../src/model/errors.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import { ByteCursor } from "./cursor.ts";

/**
 * Takes the base64 of `value` elements out of an envelope while it streams by, so that files never stand in memory. What
 * is left is a small document in which the n-th `value` holds the text `#n`; only that one is parsed.
 *
 * This is exact without a parser because what could hide a tag is refused first: after the XML declaration there is no
 * `<!` (DOCTYPE, CDATA, comment) and no `<?`, and `<` cannot stand in an attribute value (XML 1.0 §3.1). The access
 * point serialises without any of them.
 */
export interface CutEnvelope {
  /** What is left, without the files. */
  readonly skeleton: Buffer;
  /** The files by n; undefined where the element holds another element (a XOP reference). */
  readonly files: readonly (BlobRef | undefined)[];
}

export interface CutLimits {
  readonly maxSkeletonBytes: number;
  readonly maxValues: number;
}

const OPEN = Buffer.from("<");
const CLOSE = Buffer.from(">");
const MAX_TAG_BYTES = 16 * 1_024;
const DECLARATION = /^<\?xml\s[^<>]{0,200}\?>/;
const VALUE = /^<(?:[A-Za-z_][\w.-]{0,60}:)?value(?:\s[^<>]*)?>$/;
const NOT_BASE64 = /[^A-Za-z0-9+/=\s]/;

type Store = (name: string, body: Readable) => Promise<BlobRef>;

/** @throws GatewayError INPUT_INVALID, INPUT_HOSTILE; whatever the source and the store throw */
export async function cutValues(
  source: AsyncIterable<Uint8Array>,
  limits: CutLimits,
  store: Store,
): Promise<CutEnvelope> {
  const cursor = new ByteCursor(source);
  const skeleton = new Skeleton(limits.maxSkeletonBytes);
  const files: (BlobRef | undefined)[] = [];
  await takeDeclaration(cursor, skeleton);
  while (await nextMarkup(cursor, skeleton)) {
    const tag = await readTag(cursor);
    skeleton.add(tag);
    if (!VALUE.test(tag.toString("latin1")) || tag.at(-2) === 0x2f) continue;
    if (files.length === limits.maxValues)
      throw new GatewayError("INPUT_HOSTILE", `more than ${limits.maxValues} payloads`);
    skeleton.add(Buffer.from(`#${files.length}`));
    files.push(await takeValue(cursor, store));
  }
  return { skeleton: skeleton.bytes(), files };
}

class Skeleton {
  readonly #pieces: Buffer[] = [];
  readonly #limit: number;
  #size = 0;
  constructor(limit: number) {
    this.#limit = limit;
  }
  add(piece: Buffer): void {
    this.#size += piece.length;
    if (this.#size > this.#limit)
      throw new GatewayError("INPUT_HOSTILE", `the envelope is larger than ${this.#limit} bytes`);
    // A copy: the piece is a window on a whole chunk, which would stay alive with it.
    this.#pieces.push(Buffer.from(piece));
  }
  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

async function takeDeclaration(cursor: ByteCursor, skeleton: Skeleton): Promise<void> {
  await cursor.fill(256);
  const found = DECLARATION.exec(cursor.buffer.toString("latin1", 0, 256))?.[0];
  if (found !== undefined) skeleton.add(cursor.take(found.length));
}

/** Copies text up to the next `<`; false at the end of the source. */
async function nextMarkup(cursor: ByteCursor, skeleton: Skeleton): Promise<boolean> {
  for (;;) {
    const at = cursor.buffer.indexOf(OPEN);
    if (at >= 0) {
      skeleton.add(cursor.take(at));
      return true;
    }
    skeleton.add(cursor.take(cursor.buffer.length));
    if (!(await cursor.more())) return false;
  }
}

async function readTag(cursor: ByteCursor): Promise<Buffer> {
  await cursor.fill(2);
  const second = cursor.buffer[1];
  if (second === 0x21 || second === 0x3f)
    throw new GatewayError(
      "INPUT_HOSTILE",
      "the envelope carries a declaration, comment or instruction",
    );
  const head = Buffer.from(await cursor.upTo(CLOSE, MAX_TAG_BYTES, "a tag"));
  return Buffer.concat([head, cursor.take(CLOSE.length)]);
}

async function takeValue(cursor: ByteCursor, store: Store): Promise<BlobRef | undefined> {
  do {
    const text = cursor.buffer.toString("latin1");
    const start = text.search(/\S/);
    if (start >= 0) {
      cursor.take(start);
      break;
    }
    cursor.take(text.length);
  } while (await cursor.more());
  await cursor.fill(2);
  if (cursor.buffer[0] === OPEN[0] && cursor.buffer[1] !== 0x2f) return undefined;
  return store("as4-payload", Readable.from(decode(cursor), { objectMode: false }));
}

/** Base64 (RFC 4648 §4) up to the next `<`, in steps of four characters; white space may stand anywhere. */
async function* decode(cursor: ByteCursor): AsyncGenerator<Buffer> {
  let rest = "";
  let padded = false;
  for (let ended = false; !ended;) {
    const at = cursor.buffer.indexOf(OPEN);
    ended = at >= 0;
    const text = cursor.take(ended ? at : cursor.buffer.length).toString("latin1");
    if (NOT_BASE64.test(text)) throw notBase64();
    const clean = rest + text.replace(/\s+/g, "");
    if (padded && clean !== "") throw notBase64();
    const whole = clean.length - (clean.length % 4);
    rest = clean.slice(whole);
    const block = clean.slice(0, whole);
    const padding = block.indexOf("=");
    if (padding >= 0 && !/^={1,2}$/.test(block.slice(padding))) throw notBase64();
    padded ||= padding >= 0;
    if (padded && rest !== "") throw notBase64();
    if (block !== "") yield Buffer.from(block, "base64");
    if (!ended && !(await cursor.more()))
      throw new GatewayError("INPUT_INVALID", "a payload does not end");
  }
  if (rest !== "") throw notBase64();
}

function notBase64(): GatewayError {
  return new GatewayError("INPUT_INVALID", "a payload is not base64");
}
