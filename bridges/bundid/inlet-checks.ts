import type { X509Certificate } from "node:crypto";
import { decodeUtf8, parseStrictJson, StrictJsonError } from "../../src/guard/strict-json.ts";
import { GatewayError } from "../../src/model/errors.ts";
import { checkFileType, findFileType } from "../../src/guard/filetype.ts";
import { typeFault } from "./files.ts";
import { commonNameOf, isUsable, parseCertificate } from "./keys.ts";
import type { DeclaredFile } from "./letter.ts";
import type { Profile } from "./profile.ts";
import { Refusal } from "./refusal.ts";
import type { KnownSender } from "./settings.ts";
import { verifyContent } from "./signature.ts";
import { memberOf } from "./value-path.ts";

/** The checks of the inlet in the order of bundid-fink.md §7.3. Pure; each throws a Refusal or another known fault. */

/** Somebody who signs. CN: what it calls itself in tokens; two certificates during a change share it. */
export interface Signer {
  readonly certificate: X509Certificate;
  readonly cn: string;
}
/** A legacy system whose certificate the operator has entered. */
export interface KnownPeer extends Signer {
  readonly settings: KnownSender;
}

/** @throws GatewayError CERTIFICATE_INVALID */
export function loadPeers(senders: readonly KnownSender[]): KnownPeer[] {
  return senders.map((settings) => {
    const purpose = `inlet sender ${settings.name}`;
    const certificate = parseCertificate(settings.certificate.text, purpose);
    const cn = commonNameOf(certificate);
    if (cn === undefined)
      throw new GatewayError("CERTIFICATE_INVALID", `${purpose}: no single subject CN`);
    return { settings, certificate, cn };
  });
}

/** 1. The client certificate: exactly one that is known, and valid now. */
export function identifyPeer(
  peers: readonly KnownPeer[],
  certificate: X509Certificate | undefined,
  now: Date,
): KnownPeer {
  if (certificate === undefined)
    throw new Refusal(401, "CLIENT_CERTIFICATE_MISSING", "a client certificate is required");
  const found = peers.find((peer) => peer.certificate.raw.equals(certificate.raw));
  if (found === undefined)
    throw new Refusal(403, "CLIENT_CERTIFICATE_UNKNOWN", "this certificate is not known here");
  if (!isUsable(found.certificate, now))
    throw new Refusal(403, "CLIENT_CERTIFICATE_INVALID", "this certificate is not valid now");
  return found;
}

/** 3. The signature over the embedded string. (2 is `verifyToken`.) Returns the string. */
export function readSigned(bytes: Buffer, peer: Signer, profile: Profile): string {
  const { payloadMember, member, algorithm } = profile.signature;
  const json = parseEnvelope(bytes);
  const surplus = Object.keys(json).find((name) => name !== payloadMember && name !== member);
  if (surplus !== undefined)
    throw new Refusal(400, "SCHEMA", `${surplus}: is not a known field`, { field: surplus });
  const content = memberOf(json, payloadMember);
  const signature = memberOf(json, member);
  for (const [field, value] of [
    [payloadMember, content],
    [member, signature],
  ] as const)
    if (typeof value !== "string")
      throw new Refusal(400, "SCHEMA", `${field}: must be a string`, { field });
  if (typeof content !== "string" || typeof signature !== "string") throw new TypeError();
  if (!verifyContent(content, signature, peer.certificate.publicKey, algorithm)) {
    const message = `${member} is not the signature of ${payloadMember} by ${peer.cn}`;
    throw new Refusal(403, "SIGNATURE", message, { field: member });
  }
  return content;
}

function parseEnvelope(bytes: Buffer): object {
  try {
    const value = parseStrictJson(decodeUtf8(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    if (!(cause instanceof StrictJsonError)) throw cause;
    throw new Refusal(400, "JSON", cause.message, { cause });
  }
  throw new Refusal(400, "SCHEMA", "must be an object");
}

/** A file part as it arrived. */
export interface ArrivedFile {
  readonly name: string;
  readonly mediaType: string | undefined;
  /** SHA-512, lower-case hex. */
  readonly digest: string;
  readonly length: number;
  readonly head: Buffer;
}

/**
 * 5. Every declared file came exactly once, with this name, length and digest, and is of an allowed type; nothing came
 * that was not declared. (4 is `parseLetter`.) Returns for each declared file the part and its media type.
 */
export function pairFiles<F extends ArrivedFile>(
  declared: readonly DeclaredFile[],
  arrived: readonly F[],
  profile: Profile,
): { file: F; mediaType: string }[] {
  const { fields, send } = profile;
  const surplus = arrived.find((file) => !declared.some(({ name }) => name === file.name));
  if (surplus !== undefined)
    throw new Refusal(400, "ATTACHMENT_UNDECLARED", "a file came that is not declared", {
      field: send.filePart,
    });
  return declared.map((declaration, index) => {
    const field = `${fields.attachments}[${index}]`;
    const candidates = arrived.filter(({ name }) => name === declaration.name);
    const [file] = candidates;
    if (file === undefined)
      throw new Refusal(400, "ATTACHMENT_MISSING", `${field}: no file came for it`, { field });
    if (candidates.length > 1)
      throw new Refusal(400, "ATTACHMENT_AMBIGUOUS", `${field}: came more than once`, { field });
    if (file.length !== declaration.length)
      throw new Refusal(400, "ATTACHMENT_LENGTH", `${field}: has ${file.length} bytes`, { field });
    if (file.digest !== declaration.digest)
      throw new Refusal(400, "ATTACHMENT_DIGEST", `${field}: has another digest`, { field });
    return { file, mediaType: typeOf(file, field, profile) };
  });
}

function typeOf(file: ArrivedFile, field: string, profile: Profile): string {
  const { name, mediaType = "application/octet-stream", head } = file;
  const verdict = checkFileType({ name, mediaType, head }, profile.mediaTypes);
  if (!verdict.ok) throw typeFault(field, name, verdict, profile);
  const entry = findFileType(profile.mediaTypes, mediaType);
  return entry?.standard ?? entry?.type ?? mediaType;
}
