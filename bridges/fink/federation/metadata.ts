import { createHash, type X509Certificate } from "node:crypto";
import { GatewayError } from "../../../src/model/errors.ts";
import { attributeOf, childElements, parseXmlPaced } from "../../../src/guard/xml.ts";
import type { XmlDocument, XmlElement, XmlLimits } from "../../../src/guard/xml.ts";
import { giveWay } from "../../../src/guard/xml-pace.ts";
import { verifyEnveloped, type SignedDocument } from "../../../src/guard/xmldsig.ts";
import { earliest, MD, readEntity, validUntilOf, type Entity } from "./entity.ts";
import type { MetadataProfile } from "./profile.ts";

/** Two thousand entities with two certificates each are about 8 MB and 150 000 nodes. */
export const METADATA_LIMITS = Object.freeze({
  maxBytes: 16_000_000,
  maxDepth: 32,
  maxAttributes: 64,
  maxAttributeLength: 16 * 1024,
  maxNodes: 600_000,
} satisfies XmlLimits);
export const MAX_ENTITIES = 5_000;

export interface Metadata {
  readonly name: string | undefined;
  readonly validUntil: Date;
  readonly entities: ReadonlyMap<string, Entity>;
  readonly signed: Pick<SignedDocument, "signer" | "method" | "digestMethod" | "canonicalization">;
  /** Of the bytes, hex. */
  readonly sha256: string;
  readonly size: number;
}

export interface MetadataExpectation {
  readonly pins: readonly X509Certificate[];
  readonly now: Date;
  readonly profile: MetadataProfile;
}

/**
 * Reads metadata of a federation: guarded parse, signature by a pinned certificate over the root, then only what was
 * signed (bundid-fink.md §2.3). Throws GatewayError INPUT_HOSTILE, INPUT_INVALID, METADATA_EXPIRED, SIGNATURE_INVALID or
 * CERTIFICATE_INVALID. One broken entity is a fault of that entity, never of the whole.
 */
export async function readMetadata(
  bytes: Uint8Array,
  { pins, now, profile }: MetadataExpectation,
  signal?: AbortSignal,
): Promise<Metadata> {
  const document = await parseMetadata(bytes, signal);
  const { root, ...signed } = await verifyMetadata(document, { pins, now }, signal);
  const validUntil = requireValidity(root, now);
  return {
    name: nameOf(root),
    validUntil,
    entities: await readEntities(root, profile, signal),
    signed,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    size: bytes.byteLength,
  };
}

/** Only the guarded parse and the name of the root: nothing in it is believed yet. */
export async function parseMetadata(bytes: Uint8Array, signal?: AbortSignal): Promise<XmlDocument> {
  const document = await parseXmlPaced(bytes, METADATA_LIMITS, signal);
  requireRoot(document.root);
  return document;
}

export function verifyMetadata(
  document: XmlDocument,
  { pins, now }: Pick<MetadataExpectation, "pins" | "now">,
  signal?: AbortSignal,
): Promise<SignedDocument> {
  return verifyEnveloped(document, { pins, now, idAttribute: "ID" }, signal);
}

/** Throws INPUT_INVALID when the list does not say until when it is valid, METADATA_EXPIRED when it is no longer. */
export function requireValidity(root: XmlElement, now: Date): Date {
  const validUntil = validUntilOf(root);
  if (validUntil === undefined)
    throw new GatewayError("INPUT_INVALID", "the metadata do not say until when they are valid");
  if (validUntil > now) return validUntil;
  const until = validUntil.toISOString();
  throw new GatewayError("METADATA_EXPIRED", `the metadata have expired: valid until ${until}`);
}

export function nameOf(root: XmlElement): string | undefined {
  return attributeOf(root, "Name")?.slice(0, 1024);
}

function requireRoot(root: XmlElement): void {
  if (root.uri !== MD || root.local !== "EntitiesDescriptor")
    throw new GatewayError("INPUT_INVALID", "this is no md:EntitiesDescriptor");
}

/** Groups may be nested (SAML metadata §2.3.1); what a group says holds for everything in it. */
export async function readEntities(
  root: XmlElement,
  profile: MetadataProfile,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Entity>> {
  const entities = new Map<string, Entity>();
  const waiting: { readonly group: XmlElement; readonly until: Date | undefined }[] = [
    { group: root, until: undefined },
  ];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    // That of the list itself holds for the list: judged by whoever uses it.
    const own = next.group === root ? undefined : validUntilOf(next.group);
    const until = earliest(next.until, own);
    for (const child of childElements(next.group)) {
      if (child.uri !== MD) continue;
      if (child.local === "EntitiesDescriptor") waiting.push({ group: child, until });
      if (child.local !== "EntityDescriptor") continue;
      const entity = readEntity(child, until, profile);
      if (entities.has(entity.entityId))
        throw new GatewayError("INPUT_HOSTILE", "the same entityID occurs twice");
      entities.set(entity.entityId, entity);
      if (entities.size > MAX_ENTITIES)
        throw new GatewayError("INPUT_HOSTILE", `more than ${MAX_ENTITIES} entities`);
      await giveWay(signal);
    }
  }
  return entities;
}
