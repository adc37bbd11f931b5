import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import type { BlobRef, Message } from "../../src/model/message.ts";
import { DeliveryError } from "../../src/model/errors.ts";
import { checkFileType, findFileType, HEAD_BYTES } from "../../src/guard/filetype.ts";
import type { FileTypeVerdict } from "../../src/guard/filetype.ts";
import type { DeclaredFile } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import { countCharacters } from "./letter-rules.ts";
import type { Profile } from "./profile.ts";

/** A file ready to be sent: named, typed and measured as the interface wants it. */
export interface PreparedFile extends DeclaredFile {
  /** Media type as the interface calls it. */
  readonly mediaType: string;
  readonly blob: BlobRef;
}

/**
 * Reads every attachment once: digest, length, type. Names are made acceptable as the mailbox itself did
 * (bundid-fink.md §1.7); two that become equal are numbered.
 * @throws DeliveryError permanent ATTACHMENT_REJECTED; transient ATTACHMENT_MISSING
 */
export async function prepareFiles(
  message: Message,
  open: (blob: BlobRef) => Promise<Readable>,
  profile: Profile,
  signal: AbortSignal,
): Promise<PreparedFile[]> {
  const { limits, fields } = profile;
  refuseTooMany(message.attachments.length, limits.files, fields.attachments);
  const taken = new Set<string>();
  const files: PreparedFile[] = [];
  for (const [index, attachment] of message.attachments.entries()) {
    const field = `${fields.attachments}[${index}]`;
    const { name: given, mediaType, blob } = attachment;
    refuseTooLarge(given, blob.size, limits.fileBytes, field);
    const type = guessType(given, mediaType, profile);
    const name = acceptableName(withEnding(given, type, profile), taken, limits);
    taken.add(name);
    const measured = await measure(blob, open, signal);
    const { head } = measured;
    const verdict = checkFileType({ name, mediaType: type, head }, profile.mediaTypes);
    if (!verdict.ok) throw typeFault(field, given, verdict, profile).asDeliveryError();
    files.push({
      name,
      blob,
      mediaType: verdict.entry.type,
      digest: measured.digest,
      length: measured.length,
    });
  }
  return files;
}

const UNKNOWN_TYPES = ["application/octet-stream", "binary/octet-stream", ""];

/** Some Matrix clients do not say what a file is: then its name says it. The content is checked all the same. */
function guessType(name: string, mediaType: string, { mediaTypes }: Profile): string {
  if (!UNKNOWN_TYPES.includes(mediaType.toLowerCase())) return mediaType;
  const ending = /\.[^.]*$/.exec(name)?.[0].toLowerCase() ?? "";
  return mediaTypes.find(({ extensions }) => extensions.includes(ending))?.type ?? mediaType;
}

/** Pictures pasted into a chat often have a name without an ending. */
function withEnding(name: string, mediaType: string, { mediaTypes }: Profile): string {
  const [ending = ""] = findFileType(mediaTypes, mediaType)?.extensions ?? [];
  return /\.[A-Za-z0-9]{1,10}$/.test(name) ? name : name + ending;
}

function refuseTooMany(count: number, max: number, field: string): void {
  if (count <= max) return;
  throw new LetterFault("size", field, `more than ${max} files (${count})`, {
    notice: `Das Schreiben hat zu viele Anlagen: höchstens ${max}, es sind ${count}.`,
    aboutFile: true,
  }).asDeliveryError();
}

function refuseTooLarge(name: string, size: number, max: number, field: string): void {
  if (size <= max) return;
  throw new LetterFault("size", field, `more than ${max} bytes (${size})`, {
    notice: `Die Anlage „${name}“ ist zu groß: höchstens ${max} Bytes, es sind ${size}.`,
    aboutFile: true,
  }).asDeliveryError();
}

/** Why a file is not allowed, with what would be. */
export function typeFault(
  field: string,
  name: string,
  verdict: FileTypeVerdict & { ok: false },
  profile: Profile,
): LetterFault {
  const allowed = profile.mediaTypes.flatMap(({ extensions }) => extensions).join(", ");
  const reasons = {
    type: `Dateien dieser Art sind nicht zugelassen. Zugelassen sind: ${allowed}.`,
    extension: "Die Endung des Dateinamens passt nicht zur Art der Datei.",
    content: "Der Inhalt passt nicht zur angegebenen Art der Datei.",
  };
  return new LetterFault("type", field, verdict.detail, {
    notice: `Die Anlage „${name}“ kann nicht übermittelt werden. ${reasons[verdict.reason]}`,
    aboutFile: true,
  });
}

async function measure(
  blob: BlobRef,
  open: (blob: BlobRef) => Promise<Readable>,
  signal: AbortSignal,
): Promise<{ digest: string; length: number; head: Buffer }> {
  const hash = createHash("sha512");
  let length = 0;
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of (await open(blob)) as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      hash.update(chunk);
      length += chunk.length;
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk]).subarray(0, HEAD_BYTES);
    }
  } catch (cause) {
    const code = signal.aborted ? "REMOTE_UNAVAILABLE" : "ATTACHMENT_MISSING";
    throw new DeliveryError("transient", code, "an attachment cannot be read", { cause });
  }
  return { digest: hash.digest("hex"), length, head };
}

/** Forbidden characters become the profile's replacement, names are shortened before their ending. */
export function acceptableName(
  given: string,
  taken: ReadonlySet<string>,
  limits: Profile["limits"],
): string {
  const replaced = [...given.normalize("NFC").toWellFormed()]
    .map((character) => (isForbidden(character, limits) ? limits.fileNameReplacement : character))
    .join("")
    .trim();
  const dot = replaced.lastIndexOf(".");
  const ending = dot > 0 && replaced.length - dot <= 12 ? replaced.slice(dot) : "";
  const base = ending === "" ? replaced : replaced.slice(0, dot);
  const candidate = (mark: string) => {
    const room = limits.fileName - countCharacters(ending) - mark.length;
    return [...(base === "" ? "Datei" : base)].slice(0, room).join("") + mark + ending;
  };
  let name = candidate("");
  for (let count = 2; taken.has(name); count += 1) name = candidate(` (${count})`);
  return name;
}

function isForbidden(character: string, limits: Profile["limits"]): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 || code === 0x7f || limits.forbiddenInFileName.includes(character);
}

type Opener = { open(blob: BlobRef): Promise<Readable> };

/** SHA-512 of a stored file, lower-case hex. */
export async function digestOfBlob(context: Opener, blob: BlobRef): Promise<string> {
  const hash = createHash("sha512");
  for await (const chunk of (await context.open(blob)) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest("hex");
}

/** A small blob as a whole. @throws RangeError past `limit` bytes */
export async function readBlob(context: Opener, blob: BlobRef, limit: number): Promise<Buffer> {
  if (blob.size > limit) throw new RangeError(`a blob is larger than ${limit} bytes`);
  const chunks: Buffer[] = [];
  for await (const chunk of (await context.open(blob)) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
