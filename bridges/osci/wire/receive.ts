import type { XmlDocument } from "../../../src/guard/xml.ts";
import { DEFAULT_DIGEST } from "./algorithms.ts";
import { decrypted } from "./cipher.ts";
import type { AttachmentKey } from "./content.ts";
import type { OpenPackage } from "./content-open.ts";
import { DigestTap, mentionedDigests, sameBytes, tapped, type DigestValues } from "./digests.ts";
import { isMalleable, type OpenedEnvelope } from "./encryption.ts";
import { ENVELOPE_LIMITS, envelopeTypeOf, parseEnvelope, readEnvelope } from "./envelope.ts";
import { hostile, OsciError, undecryptable } from "./errors.ts";
import { readFault, type Fault } from "./fault.ts";
import type { PartHeader } from "./mime.ts";
import {
  verifyTransport,
  type SignaturePolicy,
  type VerifiedEnvelope,
} from "./signature-verify.ts";
import { drain, type ByteSource } from "./stream.ts";
import { readTransport, type TransportOptions } from "./transport.ts";

/** An attachment as it travelled. */
export interface TransportedAttachment {
  readonly header: PartHeader;
  /** Bytes, transfer encoding undone; of the ciphertext when it is encrypted. */
  readonly size: number;
  readonly digests: DigestValues;
}
export type TransportedAttachments = ReadonlyMap<string, TransportedAttachment>;

export interface ReceiveOptions extends TransportOptions {
  readonly signature: SignaturePolicy;
  /** An answer to an encrypted request must be encrypted; only a fault need not (facts §3.1). */
  readonly encryptionRequired: boolean;
}

/** A message that was read through, decrypted and parsed, and nothing more: for `inspect`. */
export interface RawMessage {
  readonly document: XmlDocument;
  readonly encryption: OpenedEnvelope | undefined;
  readonly attachments: TransportedAttachments;
  /** Digest algorithms that the XML part mentions. */
  readonly digestMethods: ReadonlySet<string>;
}
export type Received =
  | { readonly kind: "fault"; readonly fault: Fault }
  | {
      readonly kind: "message";
      readonly envelope: VerifiedEnvelope;
      readonly encryption: OpenedEnvelope | undefined;
      readonly attachments: TransportedAttachments;
    };

/**
 * First reading of a message: decrypts and verifies all of it, keeps nothing of the attachments but their digests.
 * Throws OsciError; from data without authentication (CBC) always the same one.
 */
export async function receiveMessage(
  source: ByteSource,
  options: ReceiveOptions,
): Promise<Received> {
  const raw = await readRaw(source, options);
  try {
    if (envelopeTypeOf(raw.document) === "MessageFault")
      return { kind: "fault", fault: readFault(raw.document) };
    if (options.encryptionRequired && raw.encryption === undefined)
      throw new OsciError("INPUT_INVALID", "9100", "the message is not encrypted");
    const digests = new Map([...raw.attachments].map(([cid, { digests }]) => [cid, digests]));
    const envelope = readEnvelope(raw.document);
    const { signature, signal } = options;
    return {
      kind: "message",
      envelope: await verifyTransport(envelope, digests, signature, signal),
      encryption: raw.encryption,
      attachments: raw.attachments,
    };
  } catch (error) {
    throw concealed(error, raw.encryption);
  }
}

export async function readRaw(source: ByteSource, options: TransportOptions): Promise<RawMessage> {
  let xml: Buffer = Buffer.alloc(0);
  let digestMethods: ReadonlySet<string> = new Set();
  const attachments = new Map<string, TransportedAttachment>();
  const { envelope: encryption } = await readTransport(source.open(), options, {
    root(bytes) {
      xml = bytes;
      // The default one is always taken: it ties the second reading to this one.
      digestMethods = new Set([DEFAULT_DIGEST, ...mentionedDigests(bytes)]);
    },
    async attachment({ header, body }) {
      const tap = new DigestTap(digestMethods);
      await drain(tapped(body, tap));
      attachments.set(header.contentId, { header, size: tap.size, digests: tap.finish() });
    },
  });
  try {
    const document = await parseEnvelope(xml, options.xml ?? ENVELOPE_LIMITS, options.signal);
    return { document, encryption, attachments, digestMethods };
  } catch (error) {
    throw concealed(error, encryption);
  }
}

function concealed(error: unknown, encryption: OpenedEnvelope | undefined): unknown {
  const mustHide = encryption !== undefined && isMalleable(encryption);
  return mustHide && error instanceof OsciError ? undecryptable() : error;
}

/** Takes the plaintext of one attachment. Must read `body` to its end; an error in it means: keep nothing. */
export type AttachmentSink = (
  attachment: { readonly cid: string; readonly header: PartHeader; readonly encrypted: boolean },
  body: AsyncIterable<Buffer>,
) => Promise<void>;

export interface TakenAttachment {
  readonly cid: string;
  readonly encrypted: boolean;
  /** Of the plaintext. */
  readonly size: number;
  readonly digests: DigestValues;
}

export interface TakeOptions {
  readonly transport: TransportOptions;
  readonly attachments: TransportedAttachments;
  readonly contents: OpenPackage;
  /** Digests to take of the plaintext besides SHA-256: those that content signatures name. */
  readonly digestMethods: Iterable<string>;
}

/**
 * Second reading of the same bytes: streams the attachments that the opened containers refer to, decrypted, into the
 * sink. Throws when the source is not what it was, or an attachment is missing (ATTACHMENT_MISSING).
 */
export async function takeAttachments(
  source: ByteSource,
  options: TakeOptions,
  sink: AttachmentSink,
): Promise<ReadonlyMap<string, TakenAttachment>> {
  const { transport, attachments, contents } = options;
  const keys = attachmentKeys(contents);
  const wanted = referencedAttachments(contents);
  const taken = new Map<string, TakenAttachment>();
  for (const cid of wanted)
    if (!attachments.has(cid))
      throw new OsciError("ATTACHMENT_MISSING", "9100", "an attachment of the message is missing");
  if (wanted.size === 0) return taken;
  const methods = new Set([DEFAULT_DIGEST, ...options.digestMethods]);
  await readTransport(source.open(), transport, {
    root: () => undefined,
    async attachment({ header, body }) {
      const cid = header.contentId;
      const carried = new DigestTap([DEFAULT_DIGEST]);
      const bytes = tapped(body, carried);
      if (wanted.has(cid)) {
        const key = keys.get(cid);
        const tap = new DigestTap(methods);
        const plain =
          key === undefined
            ? bytes
            : decrypted(bytes, key.method, key.key, transport.legacy, transport.signal);
        await sink({ cid, header, encrypted: key !== undefined }, asBuffers(tapped(plain, tap)));
        taken.set(cid, {
          cid,
          encrypted: key !== undefined,
          size: tap.size,
          digests: tap.finish(),
        });
      }
      await drain(bytes);
      requireSame(carried.finish(), attachments.get(cid)?.digests);
    },
  });
  return taken;
}

async function* asBuffers(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of source)
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function requireSame(now: DigestValues, before: DigestValues | undefined): void {
  const one = now.get(DEFAULT_DIGEST);
  const other = before?.get(DEFAULT_DIGEST);
  if (one === undefined || other === undefined || !sameBytes(one, other))
    throw hostile("the message changed between two readings");
}

/** Names of the attachments that the opened containers refer to. */
export function referencedAttachments({ containers }: OpenPackage): ReadonlySet<string> {
  return new Set(
    containers.flatMap(({ container }) =>
      container.contents.flatMap((content) => (content.kind === "attachment" ? [content.cid] : [])),
    ),
  );
}

function attachmentKeys({ containers }: OpenPackage): ReadonlyMap<string, AttachmentKey> {
  const keys = new Map<string, AttachmentKey>();
  for (const key of containers.flatMap(({ container }) => container.attachmentKeys)) {
    const known = keys.get(key.cid);
    if (known !== undefined && !sameBytes(known.key, key.key))
      throw hostile("two keys for one attachment");
    keys.set(key.cid, key);
  }
  return keys;
}
