import { giveWay } from "../../../src/guard/xml-pace.ts";
import { attributeOf, textOf, type XmlElement } from "../../../src/guard/xml.ts";
import { digestBase64, digestCanonical, sameBytes, type DigestValues } from "./digests.ts";
import { asMalformed, badSignature, OsciError } from "./errors.ts";
import { TRANSFORM } from "./names.ts";
import type { Reference } from "./signature-read.ts";

/** Something a signature has to cover. */
export type SignedPart =
  | { readonly kind: "element"; readonly element: XmlElement }
  /** Base64 text whose decoded bytes are signed. */
  | { readonly kind: "base64"; readonly element: XmlElement }
  /** `digests`: of the bytes that this signature means; empty when the part is missing. */
  | { readonly kind: "attachment"; readonly cid: string; readonly digests: DigestValues };

export interface ReferenceResult {
  readonly uri: string;
  readonly digestMethod: string;
  readonly error: OsciError | undefined;
}

/** The reference that a part needs to be covered. */
export function uriOf(part: SignedPart): string {
  if (part.kind === "attachment") return `cid:${part.cid}`;
  return `#${attributeOf(part.element, "Id") ?? ""}`;
}

/**
 * Checks each reference against the part it names: known, named once, transformed as its kind demands, digest right.
 * Never throws for a wrong reference; the error stands in the result.
 */
export async function checkReferences(
  references: readonly Reference[],
  parts: readonly SignedPart[],
  signal?: AbortSignal,
): Promise<readonly ReferenceResult[]> {
  const byUri = new Map(parts.map((part) => [uriOf(part), part]));
  const results: ReferenceResult[] = [];
  const seen = new Set<string>();
  for (const reference of references) {
    await giveWay(signal);
    const { uri, digestMethod } = reference;
    const part = byUri.get(uri);
    const error = seen.has(uri)
      ? badSignature(`${uri} is referenced twice`)
      : part === undefined
        ? badSignature(`${uri} is no part of what is signed here`)
        : await faultOf(reference, part, signal);
    seen.add(uri);
    results.push({ uri, digestMethod, error });
  }
  return results;
}

/** The parts that no reference names: 9602 (facts §2.8). */
export function uncovered(
  references: readonly Reference[],
  parts: readonly SignedPart[],
): OsciError | undefined {
  const named = new Set(references.map(({ uri }) => uri));
  const missing = parts.map(uriOf).filter((uri) => !named.has(uri));
  if (missing.length === 0) return undefined;
  const list = missing.slice(0, 5).join(", ");
  return new OsciError("SIGNATURE_INVALID", "9602", `not signed: ${list}`);
}

async function faultOf(
  reference: Reference,
  part: SignedPart,
  signal: AbortSignal | undefined,
): Promise<OsciError | undefined> {
  const wanted = transformsOf(part);
  if (reference.transforms.join(" ") !== wanted.join(" "))
    return badSignature(`${reference.uri} has other transforms than it must have`);
  try {
    const digest = await digestOf(part, reference.digestMethod, signal);
    if (digest === undefined) return badSignature(`${reference.uri} is missing`);
    if (sameBytes(digest, reference.digest)) return undefined;
    return badSignature(`${reference.uri} was changed`);
  } catch (error) {
    if (error instanceof OsciError) return error;
    throw error;
  }
}

function transformsOf(part: SignedPart): readonly string[] {
  if (part.kind === "attachment") return [];
  return [part.kind === "base64" ? TRANSFORM.base64 : TRANSFORM.canonical];
}

async function digestOf(
  part: SignedPart,
  method: string,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  if (part.kind === "attachment") return part.digests.get(method);
  if (part.kind === "element") return digestCanonical(part.element, method, signal);
  const text = asMalformed("a signed content", () => textOf(part.element));
  return digestBase64(text, method, signal);
}
