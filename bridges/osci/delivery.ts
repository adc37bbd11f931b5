import { Readable } from "node:stream";
import { describeError, GatewayError, type ErrorCode } from "../../src/model/errors.ts";
import { timeOf } from "./cards.ts";
import type { EgvpContainer, EgvpDelivery, EgvpFile } from "./egvp/contract.ts";
import { KeepingFailed, sourceOfBlob, STORE_CODES, type Answer } from "./exchange.ts";
import { roleOf, vouchedSigner } from "./origin.ts";
import type { DeliveryReader } from "./parts.ts";
import { openPackage, type OpenPackage } from "./wire/content-open.ts";
import { contentBytes } from "./wire/content.ts";
import { examineContents } from "./wire/content-verify.ts";
import { mentionedDigests, type DigestValues } from "./wire/digests.ts";
import { malformed } from "./wire/errors.ts";
import { isChunked } from "./wire/message-read.ts";
import { NS } from "./wire/names.ts";
import type { ProcessCard } from "./wire/process-card.ts";
import { takeAttachments } from "./wire/receive.ts";

/** Inline documents of one container are held in memory; the XML part around them is limited already. */
export type DeliveryAnswer = Pick<Answer, "message" | "received" | "source">;

/** The card that names a fetched delivery. Throws 9100 without one: then there is nothing to know it by. */
export function cardOf({ message }: DeliveryAnswer): ProcessCard {
  const [card, ...others] = message.cards;
  if (card === undefined || others.length > 0)
    throw malformed("a delivery without exactly one process card");
  return card;
}

/**
 * Opens a delivery: containers, content signatures, attachments into the blob store. Throws GatewayError for what is
 * wrong with it, KeepingFailed for what is wrong here.
 */
export async function openDelivery(
  parts: DeliveryReader,
  answer: DeliveryAnswer,
  signal: AbortSignal,
): Promise<EgvpDelivery> {
  const { message } = answer;
  const { context, suite, keys, authorities } = parts;
  const card = cardOf(answer);
  requireWhole(answer);
  const { legacy } = suite;
  const { certificates } = message;
  const options = { ring: keys.ring, legacy, certificates, signal };
  const contents = await openPackage(message.content, options);
  requireOurs(contents);
  const { files, digests } = await takeFiles(parts, answer, contents, signal);
  const depositedAt = timeOf(card.creation, card) ?? card.recentModification.at;
  if (depositedAt === undefined) throw malformed("the process card does not say when");
  const kind = card.subject ?? message.subject;
  const { demandsSignatures } = context.config.intermediary;
  const signer = vouchedSigner(message, card, demandsSignatures);
  const originator = roleOf(message, "CipherCertificateOriginator");
  return {
    messageId: card.messageId,
    ...(kind === undefined ? {} : { kind }),
    depositedAt,
    containers: await readContainers(answer, contents, digests, signal),
    files,
    closed: contents.closed.length,
    ...(signer === undefined ? {} : { signer }),
    ...(originator === undefined ? {} : { originator }),
    customHeaders: message.custom
      .filter(({ uri }) => uri !== NS.osci && uri !== NS.osci2017)
      .map(({ uri, local }) => `{${uri}}${local}`),
    open: async (blob) => Readable.from(sourceOfBlob(context, blob).open(), { objectMode: false }),
    store: (name, bytes) => keeping(context.store(name, Readable.from([bytes]))),
    vhnAuthorities: authorities,
    signal,
  };
}

/** Throws OsciError for a piece of a delivery (facts §2.6). */
export function requireWhole({ message: { type, chunk } }: DeliveryAnswer): void {
  if (!isChunked(type) && chunk === undefined) return;
  const { chunkNumber = "?", totalChunkNumbers = "?" } = chunk ?? {};
  throw malformed(
    `a delivery in pieces (PartialFetchDelivery, ${chunkNumber} of ${totalChunkNumbers}): it has to be sent whole`,
  );
}

/** Encrypted for others is legal and of no use here: nothing of it can be shown (facts §2.7). */
function requireOurs({ containers, closed }: OpenPackage): void {
  if (containers.length > 0) return;
  const reason =
    closed.length === 0
      ? "the delivery has no content"
      : "the content is encrypted for others: no key of this account opens it (an older one?)";
  throw new GatewayError("INPUT_INVALID", reason);
}

async function takeFiles(
  { context, keys, suite }: DeliveryReader,
  { source, received }: DeliveryAnswer,
  contents: OpenPackage,
  signal: AbortSignal,
): Promise<{ files: ReadonlyMap<string, EgvpFile>; digests: ReadonlyMap<string, DigestValues> }> {
  const files = new Map<string, EgvpFile>();
  const documents = new Set(contents.containers.map(({ container }) => container.document));
  const digestMethods = new Set(
    [...documents].flatMap((document) => [...mentionedDigests(Buffer.from(document.source))]),
  );
  const transport = { ring: keys.ring, legacy: suite.legacy, signal };
  const { attachments } = received;
  const taken = await takeAttachments(
    source,
    { transport, attachments, contents, digestMethods },
    async ({ cid }, body) => {
      const blob = await keeping(
        context.store("osci-file", Readable.from(body, { objectMode: false })),
      );
      files.set(cid, { cid, blob });
    },
  );
  return { files, digests: new Map([...taken].map(([cid, { digests }]) => [cid, digests])) };
}

/** One signature that does not hold makes the whole delivery one that is not shown. */
async function readContainers(
  { message }: DeliveryAnswer,
  { containers }: OpenPackage,
  attachments: ReadonlyMap<string, DigestValues>,
  signal: AbortSignal,
): Promise<readonly EgvpContainer[]> {
  const found: EgvpContainer[] = [];
  for (const { container } of containers) {
    const { certificates } = message;
    // Who an author is, the reader judges; that the contents are what was signed, is judged here.
    const trusts = () => true;
    const reports = await examineContents(container, { certificates, attachments, trusts, signal });
    const error = reports.flatMap(({ errors }) => errors)[0];
    if (error !== undefined) throw error;
    found.push({
      id: container.id ?? "",
      documents: container.contents.flatMap((content) =>
        content.kind === "data" ? [{ id: content.id, bytes: contentBytes(content) }] : [],
      ),
      files: container.contents.flatMap((content) =>
        content.kind === "attachment"
          ? [{ cid: content.cid, ...(content.id === undefined ? {} : { contentId: content.id }) }]
          : [],
      ),
      signers: reports.flatMap(({ signer }) => (signer === undefined ? [] : [signer.certificate])),
    });
  }
  return found;
}

/** What came out of the stream keeps its own error; everything else is the store's. */
async function keeping<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof KeepingFailed) throw cause;
    if (cause instanceof GatewayError && !STORE_CODES.includes(cause.code)) throw cause;
    throw new KeepingFailed("the blob store failed", { cause });
  }
}

export interface Problem {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** Errors of the operating system, such as a full disk: whatever wraps them, they say nothing about a delivery. */
function isOurs(error: unknown): boolean {
  if (error instanceof KeepingFailed) return true;
  if (error instanceof GatewayError)
    return error.code !== "INTERNAL" && STORE_CODES.includes(error.code);
  return error instanceof Error && ("syscall" in error || error.name === "AbortError");
}
const MAX_CAUSES = 10;

function causesOf(error: unknown): readonly unknown[] {
  const causes: unknown[] = [];
  let next = error;
  while (next !== undefined && causes.length < MAX_CAUSES) {
    causes.push(next);
    next = next instanceof Error ? next.cause : undefined;
  }
  return causes;
}

/**
 * Why a delivery cannot become a letter; rethrows what is no fault of the delivery: then it must not be confirmed. A
 * fault of this program is kept like a bad delivery, so that it does not hold up all that follow.
 */
export function problemOf(error: unknown, signal: AbortSignal): Problem {
  if (signal.aborted || causesOf(error).some(isOurs)) throw error;
  const code = error instanceof GatewayError ? error.code : "INTERNAL";
  return { code, detail: describeError(error) };
}
