import { createHash, timingSafeEqual, type Hash } from "node:crypto";
import { canonicalSteps } from "../../../src/guard/c14n.ts";
import { runPaced } from "../../../src/guard/xml-pace.ts";
import type { XmlElement } from "../../../src/guard/xml.ts";
import { DIGESTS, lookUp } from "./algorithms.ts";
import { decodeBase64Pieces } from "./base64.ts";
import { forbiddenAlgorithm } from "./errors.ts";

/** Digests of one piece of data, by the URI of the algorithm. */
export type DigestValues = ReadonlyMap<string, Buffer>;

/** Throws 9601 for an algorithm that is not on the list. */
export function createDigest(uri: string): Hash {
  const name = lookUp(DIGESTS, uri);
  if (name === undefined) throw forbiddenAlgorithm("the digest method", "9601");
  return createHash(name);
}

/** Several digests of one stream at once. */
export class DigestTap {
  readonly #hashes: readonly (readonly [string, Hash])[];
  size = 0;

  constructor(uris: Iterable<string>) {
    this.#hashes = [...uris].map((uri) => [uri, createDigest(uri)]);
  }

  update(chunk: Uint8Array): void {
    this.size += chunk.byteLength;
    for (const [, hash] of this.#hashes) hash.update(chunk);
  }

  finish(): DigestValues {
    return new Map(this.#hashes.map(([uri, hash]) => [uri, hash.digest()]));
  }
}

/** Passes a stream on and digests it on the way. */
export async function* tapped<T extends Uint8Array>(
  source: AsyncIterable<T>,
  tap: DigestTap,
): AsyncGenerator<T> {
  for await (const chunk of source) {
    tap.update(chunk);
    yield chunk;
  }
}

/**
 * The allowed digest algorithms whose URI occurs in an XML part. Only a hint which digests to take of the attachments
 * that follow it: what a signature really names is read from the parsed and verified tree.
 */
export function mentionedDigests(xml: Buffer): ReadonlySet<string> {
  return new Set(
    Object.keys(DIGESTS).filter((uri) => xml.includes(`"${uri}"`) || xml.includes(`'${uri}'`)),
  );
}

/** Digest of the canonical form of a subtree; the event loop turns meanwhile. */
export async function digestCanonical(
  element: XmlElement,
  uri: string,
  signal?: AbortSignal,
): Promise<Buffer> {
  const hash = createDigest(uri);
  await runPaced(
    canonicalSteps(element, (piece) => hash.update(piece, "utf8")),
    signal,
  );
  return hash.digest();
}

/** Digest of what a base64 text stands for (transform `…xmldsig#base64`). */
export async function digestBase64(
  text: string,
  uri: string,
  signal?: AbortSignal,
): Promise<Buffer> {
  const hash = createDigest(uri);
  await runPaced(
    (function* () {
      for (const piece of decodeBase64Pieces(text)) {
        hash.update(piece);
        yield;
      }
      return undefined;
    })(),
    signal,
  );
  return hash.digest();
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}
