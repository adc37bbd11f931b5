/** Standard alphabet with padding (bundid-fink.md §1.7), in pieces: a file is never there twice as a whole. */

/** Characters of base64 that are decoded at once; a multiple of four. */
const PIECE = 64 * 1024;
const FOREIGN = /[^A-Za-z0-9+/]/;
const BLANK = /[ \t\r\n]+/g;

/** Size in bytes of what `text` encodes; undefined when it is not base64. White space is allowed (xsd:base64Binary). */
export function sizeOfBase64(text: string): number | undefined {
  let characters = 0;
  let padding = 0;
  for (const piece of piecesOf(text)) {
    const end = piece.search(/=/);
    const data = end < 0 ? piece : piece.slice(0, end);
    const rest = end < 0 ? "" : piece.slice(end);
    if (FOREIGN.test(data) || !/^=*$/.test(rest) || (padding > 0 && data !== "")) return undefined;
    characters += data.length;
    padding += rest.length;
  }
  if (padding > 2 || (characters + padding) % 4 !== 0) return undefined;
  return ((characters + padding) / 4) * 3 - padding;
}

/** The bytes. Ask `sizeOfBase64` first: this one does not check. */
export function* decodeBase64(text: string): Generator<Buffer> {
  let carried = "";
  for (const piece of piecesOf(text)) {
    const all = carried + piece;
    const whole = all.length - (all.length % 4);
    carried = all.slice(whole);
    if (whole > 0) yield Buffer.from(all.slice(0, whole), "base64");
  }
}

/** base64 of a stream, as ASCII. */
export async function* encodeBase64(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  let carried = Buffer.alloc(0);
  for await (const chunk of source) {
    const all = carried.length === 0 ? Buffer.from(chunk) : Buffer.concat([carried, chunk]);
    const whole = all.length - (all.length % 3);
    carried = all.subarray(whole);
    if (whole > 0) yield Buffer.from(all.subarray(0, whole).toString("base64"), "latin1");
  }
  if (carried.length > 0) yield Buffer.from(carried.toString("base64"), "latin1");
}

/** Characters that `bytes` take as base64. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

function* piecesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += PIECE)
    yield text.slice(at, at + PIECE).replace(BLANK, "");
}
