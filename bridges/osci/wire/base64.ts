import { malformed } from "./errors.ts";
import type { ByteStream } from "./stream.ts";
import { toBuffer } from "./stream.ts";

/** Length of a line, as the reference implementation wraps (facts §2.5, §2.7). */
const lineLength = 76;
/** Bytes that fill whole lines: encoded piece by piece, the lines stay whole. */
const encodePieceBytes = (lineLength / 4) * 3 * 1024;
/** Characters decoded at once. */
const decodePieceLength = 128 * 1024;

const whiteSpace = /[ \t\r\n]+/g;
const wholeGroups = /^[A-Za-z0-9+/]*$/;
const lastGroup = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Base64 with a LF after every 76 characters, also the last ones, as the library writes certificates and contents. */
export function encodeBase64(bytes: Uint8Array): string {
  return [...encodeBase64Pieces(bytes)].join("");
}

/** As `encodeBase64`, in pieces: for contents of several megabytes. */
export function* encodeBase64Pieces(bytes: Uint8Array): Generator<string> {
  const buffer = toBuffer(bytes);
  for (let start = 0; start < buffer.length; start += encodePieceBytes) {
    const piece = buffer.subarray(start, start + encodePieceBytes).toString("base64");
    yield piece.replace(/.{76}/g, "$&\n");
  }
}

/** Decodes strictly: white space may stand anywhere, anything else that is not base64 is refused. */
export function decodeBase64(text: string): Buffer {
  return Buffer.concat([...decodeBase64Pieces(text)]);
}

/** As `decodeBase64`, in pieces. */
export function* decodeBase64Pieces(text: string): Generator<Buffer> {
  const decoder = new Base64Decoder();
  for (let start = 0; start < text.length; start += decodePieceLength)
    yield decoder.push(text.slice(start, start + decodePieceLength));
  yield decoder.end();
}

/** A part with transfer encoding base64, decoded while it streams. */
export async function* decodeBase64Stream(source: ByteStream): AsyncGenerator<Buffer> {
  const decoder = new Base64Decoder();
  for await (const chunk of source) {
    const bytes = decoder.push(toBuffer(chunk).toString("latin1"));
    if (bytes.length > 0) yield bytes;
  }
  const rest = decoder.end();
  if (rest.length > 0) yield rest;
}

class Base64Decoder {
  #held = "";

  push(text: string): Buffer {
    const characters = this.#held + text.replace(whiteSpace, "");
    // The last group may be padded, so it always waits for what follows.
    const ready = Math.max(0, characters.length - 1 - ((characters.length - 1) % 4));
    this.#held = characters.slice(ready);
    return decodeChecked(characters.slice(0, ready), wholeGroups);
  }

  end(): Buffer {
    return decodeChecked(this.#held, lastGroup);
  }
}

function decodeChecked(text: string, form: RegExp): Buffer {
  if (!form.test(text)) throw malformed("base64 is broken");
  return Buffer.from(text, "base64");
}
