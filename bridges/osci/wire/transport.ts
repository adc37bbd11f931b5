import type { XmlDocument, XmlLimits } from "../../../src/guard/xml.ts";
import type { LegacyPolicy } from "./algorithms.ts";
import { isMalleable, openEnvelope, openStream, type OpenedEnvelope } from "./encryption.ts";
import { ENVELOPE_LIMITS, envelopeTypeOf, parseEnvelope } from "./envelope.ts";
import { malformed, OsciError, undecryptable } from "./errors.ts";
import type { KeyRing } from "./keys.ts";
import { MIME_LIMITS, readMime, type MimeLimits, type MimePart } from "./mime.ts";
import { collect, drain, type ByteStream } from "./stream.ts";

export interface TransportOptions {
  readonly ring: KeyRing;
  readonly legacy: LegacyPolicy;
  readonly mime?: MimeLimits;
  readonly xml?: Partial<XmlLimits>;
  readonly signal?: AbortSignal;
  /** Sees the inner message byte for byte while it is decrypted; must pass every byte on. */
  readonly tap?: (inner: AsyncGenerator<Buffer>) => AsyncGenerator<Buffer>;
}

/** Gets the parts of the inner message in order. Nothing is authentic before `readTransport` has resolved. */
export interface TransportVisitor {
  root(xml: Buffer): void | Promise<void>;
  /** Must not keep `part.body`; what it leaves unread is skipped. */
  attachment(part: MimePart): Promise<void>;
}

export interface TransportResult {
  /** How the message was encrypted; undefined when it came in the clear. */
  readonly envelope: OpenedEnvelope | undefined;
}

/**
 * Reads one message from the wire through to its last byte: MIME, transport encryption, inner MIME. Resolves only when
 * the decryption has proved that nothing was changed. Throws OsciError; after a failed decryption always the same one.
 */
export async function readTransport(
  source: ByteStream,
  options: TransportOptions,
  visitor: TransportVisitor,
): Promise<TransportResult> {
  const { mime = MIME_LIMITS, signal } = options;
  const parts = readMime(source, mime, signal);
  try {
    const xml = await collectRoot(await nextPart(parts), options);
    const document = await parseEnvelope(xml, options.xml ?? ENVELOPE_LIMITS, signal);
    if (envelopeTypeOf(document) !== "MessageEncrypted") {
      await visitor.root(xml);
      for await (const part of parts) await visitor.attachment(part);
      return { envelope: undefined };
    }
    const envelope = await readEncrypted(document, parts, options, visitor);
    // Whatever follows the encrypted part belongs to no message.
    await drainParts(parts);
    return { envelope };
  } finally {
    await parts.return(undefined);
  }
}

async function readEncrypted(
  document: XmlDocument,
  parts: AsyncGenerator<MimePart>,
  options: TransportOptions,
  visitor: TransportVisitor,
): Promise<OpenedEnvelope> {
  const { ring, legacy, signal, tap } = options;
  const envelope = openEnvelope(document, ring, legacy);
  const part = await nextPart(parts);
  if (part.header.contentId !== envelope.cid)
    throw malformed("the encrypted part has another Content-ID than its envelope says");
  const plain = openStream(envelope, part.body, legacy, signal);
  const inner = tap === undefined ? plain : tap(plain);
  try {
    await readInner(keptOpen(inner), options, visitor);
  } catch (error) {
    if (!(error instanceof OsciError)) throw error;
    // The reason may be told only when the plaintext is what the sender wrote.
    await drain(inner);
    throw isMalleable(envelope) ? undecryptable() : error;
  } finally {
    await inner.return(undefined);
  }
  return envelope;
}

async function readInner(
  plain: ByteStream,
  options: TransportOptions,
  visitor: TransportVisitor,
): Promise<void> {
  const parts = readMime(plain, options.mime ?? MIME_LIMITS, options.signal);
  await visitor.root(await collectRoot(await nextPart(parts), options));
  for await (const part of parts) await visitor.attachment(part);
}

/** Lets a reader stop early without closing what it reads from. */
async function* keptOpen(source: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  for (let next = await source.next(); next.done !== true; next = await source.next())
    yield next.value;
}

async function nextPart(parts: AsyncGenerator<MimePart>): Promise<MimePart> {
  const next = await parts.next();
  if (next.done === true) throw malformed("the message lacks a part");
  return next.value;
}

async function collectRoot({ body }: MimePart, { xml }: TransportOptions): Promise<Buffer> {
  const maxBytes = xml?.maxBytes ?? ENVELOPE_LIMITS.maxBytes ?? 0;
  return collect(body, maxBytes, "the XML part");
}

async function drainParts(parts: AsyncGenerator<MimePart>): Promise<void> {
  for await (const part of parts) await drain(part.body);
}
