import type { Readable } from "node:stream";
import { checkFileType, HEAD_BYTES } from "../../../src/guard/filetype.ts";
import type { FileTypeTable } from "../../../src/guard/filetype.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { Attachment, BlobRef } from "../../../src/model/message.ts";
import type { EgvpDelivery, EgvpDocument } from "./contract.ts";
import { extensionOf, MAX_READABLE, NameRegister, readableName } from "./file-names.ts";
import { EGVP } from "./profile.ts";

export interface ReadFile {
  readonly attachment: Attachment;
  /** As the delivery names it, in NFC. */
  readonly given: string;
  /** The Content Id, where it names another file than the attachment itself. */
  readonly conflicting?: string;
}

const TABLE: FileTypeTable = EGVP.mediaTypes;
const FALLBACK = "application/octet-stream";

/**
 * All files of the delivery in its order, each once, untouched; and inline documents that EGVP does not define.
 * @throws GatewayError INPUT_INVALID (a file is named and not there), INPUT_HOSTILE (too many)
 */
export async function readFiles(
  delivery: EgvpDelivery,
  others: readonly EgvpDocument[],
): Promise<readonly ReadFile[]> {
  const sources = [...listFiles(delivery), ...(await storeDocuments(delivery, others))];
  if (sources.length > EGVP.incoming.files)
    throw new GatewayError("INPUT_HOSTILE", `more than ${EGVP.incoming.files} files`);
  const names = new NameRegister();
  const files: ReadFile[] = [];
  for (const { given, blob, signed, conflicting } of sources) {
    delivery.signal?.throwIfAborted();
    const name = names.take(readableName(given), MAX_READABLE, (count) => ` (${count})`);
    const mediaType = await typeOf(name, blob, delivery);
    const attachment = { name, mediaType, blob, ...(signed ? { signed } : {}) };
    files.push({ attachment, given, ...(conflicting === undefined ? {} : { conflicting }) });
  }
  return files;
}

interface Source {
  readonly given: string;
  readonly blob: BlobRef;
  readonly signed: boolean;
  readonly conflicting?: string;
}

function listFiles(delivery: EgvpDelivery): readonly Source[] {
  const sources = new Map<string, Source>();
  for (const container of delivery.containers)
    for (const { cid, contentId } of container.files) {
      const blob = delivery.files.get(cid)?.blob;
      if (blob === undefined)
        throw new GatewayError("INPUT_INVALID", "a file that the delivery names is not there");
      const given = cid.toWellFormed().normalize("NFC");
      const known = sources.get(cid);
      const conflicting = known?.conflicting ?? otherName(contentId, given);
      sources.set(cid, {
        given,
        blob,
        signed: (known?.signed ?? false) || container.signers.length > 0,
        ...(conflicting === undefined ? {} : { conflicting }),
      });
    }
  // Parts that no open container names: they came, so they are shown.
  for (const [cid, { blob }] of delivery.files)
    if (!sources.has(cid))
      sources.set(cid, { given: cid.toWellFormed().normalize("NFC"), blob, signed: false });
  return [...sources.values()];
}

/** The Content Id is the file name (Governikus Communicator) or a number of the sender's (`content123`). */
function otherName(contentId: string | undefined, given: string): string | undefined {
  if (contentId === undefined || !contentId.includes(".")) return undefined;
  const name = contentId.toWellFormed().normalize("NFC");
  return name === given ? undefined : name;
}

async function storeDocuments(
  delivery: EgvpDelivery,
  others: readonly EgvpDocument[],
): Promise<readonly Source[]> {
  const sources: Source[] = [];
  for (const { id, bytes } of others) {
    if (delivery.store === undefined)
      throw new GatewayError("INPUT_INVALID", "an inline document is not one of EGVP's");
    const given = id.toWellFormed().normalize("NFC");
    sources.push({ given, blob: await delivery.store(readableName(given), bytes), signed: false });
  }
  return sources;
}

/** By extension, when the first bytes agree. */
async function typeOf(name: string, blob: BlobRef, delivery: EgvpDelivery): Promise<string> {
  const extension = extensionOf(name);
  const entry = TABLE.find(({ extensions }) => extensions.includes(extension));
  if (entry === undefined) return FALLBACK;
  const head = await readStart(await delivery.open(blob), HEAD_BYTES);
  return checkFileType({ name, mediaType: entry.type, head }, TABLE).ok ? entry.type : FALLBACK;
}

async function readStart(stream: Readable, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    pieces.push(piece);
    size += piece.length;
    if (size >= limit) break; // leaving the loop destroys the stream
  }
  return Buffer.concat(pieces).subarray(0, limit);
}

/** A file as a whole. @throws GatewayError INPUT_HOSTILE past `limit` bytes */
export async function readWhole(
  blob: BlobRef,
  delivery: EgvpDelivery,
  limit: number,
): Promise<Buffer> {
  const tooLarge = () => new GatewayError("INPUT_HOSTILE", `more than ${limit} bytes`);
  if (blob.size > limit) throw tooLarge();
  const bytes = await readStart(await delivery.open(blob), limit + 1);
  if (bytes.length > limit) throw tooLarge();
  return bytes;
}
