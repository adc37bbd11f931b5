import type { Readable } from "node:stream";
import type { BridgeContext } from "../../../src/bridge/contract.ts";
import { checkFileType, findFileType, HEAD_BYTES } from "../../../src/guard/filetype.ts";
import type { FileTypeVerdict } from "../../../src/guard/filetype.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import type { BlobRef, IncomingMessage } from "../../../src/model/message.ts";
import { outgoingName } from "./file-rules.ts";
import type { OutgoingFile } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import type { Profile } from "./profile.ts";

/** A file of a message, named and typed as the interface wants it; its bytes stay in the blob store. */
export interface PreparedFile extends OutgoingFile {
  readonly blob: BlobRef;
  /** Registered media type. */
  readonly mediaType: string;
}

/**
 * @throws DeliveryError permanent ATTACHMENT_REJECTED; transient ATTACHMENT_MISSING
 */
export async function prepareFiles(
  message: Pick<IncomingMessage, "attachments">,
  context: Pick<BridgeContext<unknown>, "open">,
  profile: Profile,
  signal: AbortSignal,
): Promise<PreparedFile[]> {
  const { attachments } = message;
  const { limits } = profile;
  if (attachments.length > limits.files)
    throw refusal(
      0,
      `more than ${limits.files} files (${attachments.length})`,
      `Das Schreiben hat zu viele Anlagen: höchstens ${limits.files}, es sind ${attachments.length}.`,
    );
  const taken = new Set<string>();
  const files: PreparedFile[] = [];
  for (const [index, { name: given, mediaType, blob }] of attachments.entries()) {
    if (blob.size > limits.fileBytes)
      throw refusal(
        index,
        `more than ${limits.fileBytes} bytes (${blob.size})`,
        `Die Anlage „${given}“ ist zu groß: höchstens ${limits.fileBytes} Bytes, es sind ${blob.size}.`,
      );
    const { name, type } = outgoingName(given, mediaType, taken, profile);
    taken.add(name);
    const head = await readHead(blob, context, signal);
    const verdict = checkFileType({ name, mediaType: type, head }, profile.mediaTypes);
    if (!verdict.ok) throw typeRefusal(index, given, verdict, profile);
    const entry = findFileType(profile.mediaTypes, type);
    files.push({
      name,
      type,
      size: blob.size,
      blob,
      mediaType: entry?.standard ?? type,
      read: () => readBlob(context, blob),
    });
  }
  return files;
}

function typeRefusal(
  index: number,
  name: string,
  verdict: FileTypeVerdict & { ok: false },
  { mediaTypes }: Profile,
): DeliveryError {
  const allowed = mediaTypes.flatMap(({ extensions }) => extensions).join(", ");
  const reasons = {
    type: `Dateien dieser Art sind nicht zugelassen. Zugelassen sind: ${allowed}.`,
    extension: "Die Endung des Dateinamens passt nicht zur Art der Datei.",
    content: "Der Inhalt passt nicht zur angegebenen Art der Datei.",
  };
  const notice = `Die Anlage „${name}“ kann nicht übermittelt werden. ${reasons[verdict.reason]}`;
  return refusal(index, verdict.detail, notice);
}

function refusal(index: number, detail: string, notice: string): DeliveryError {
  return new LetterFault("32", `DataContainer[${index + 1}]`, detail, { notice }).asDeliveryError();
}

/** The beginning of a stored file. @throws DeliveryError transient */
export async function readHead(
  blob: BlobRef,
  context: Pick<BridgeContext<unknown>, "open">,
  signal: AbortSignal,
): Promise<Buffer> {
  let head = Buffer.alloc(0);
  for await (const chunk of readBlob(context, blob)) {
    if (signal.aborted)
      throw new DeliveryError(
        "transient",
        "REMOTE_UNAVAILABLE",
        "stopped before anything was sent",
      );
    head = Buffer.concat([head, chunk]);
    if (head.length >= HEAD_BYTES) break;
  }
  return head.subarray(0, HEAD_BYTES);
}

/** The bytes of a stored file; exactly as many as announced, because lengths were announced with them. */
async function* readBlob(
  context: Pick<BridgeContext<unknown>, "open">,
  blob: BlobRef,
): AsyncGenerator<Buffer> {
  try {
    const source: Readable = await context.open(blob);
    for await (const chunk of source as AsyncIterable<Buffer>) yield chunk;
  } catch (cause) {
    throw new DeliveryError("transient", "ATTACHMENT_MISSING", "an attachment cannot be read", {
      cause,
    });
  }
}
