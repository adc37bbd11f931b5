import { checkFileType, findFileType, HEAD_BYTES } from "../../../src/guard/filetype.ts";
import { decodeBase64, sizeOfBase64 } from "./base64.ts";
import type { ArrivedFile } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import type { Profile } from "./profile.ts";

/** Rules for files: names, types, sizes (bundid-fink.md §1.7). Pure. */

// eslint-disable-next-line no-control-regex -- control characters and marks that turn the reading direction
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** An arrived file whose every rule was checked. */
export interface CheckedFile {
  readonly name: string;
  /** Registered media type. */
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  read(): Iterable<Buffer>;
}

/** Checks all files of a letter before one of them is stored. @throws LetterFault 32 (20 for broken base64) */
export function checkFiles(files: readonly ArrivedFile[], profile: Profile): CheckedFile[] {
  const { limits } = profile;
  if (files.length > limits.files)
    throw new LetterFault("32", "DataContainer", `more than ${limits.files} files`);
  const taken = new Set<string>();
  return files.map(({ content, name, type }, index) => {
    const field = `NachrichtenInhalt/DataContainer[${index + 1}]`;
    const size = sizeOfBase64(content);
    if (size === undefined) throw new LetterFault("20", `${field}/Inhalt`, "is not base64");
    if (size > limits.fileBytes)
      throw new LetterFault("32", field, `more than ${limits.fileBytes} bytes (${size})`);
    if (name !== undefined && [...name].length > limits.fileName)
      throw new LetterFault("32", `${field}/FileName`, `longer than ${limits.fileName} characters`);
    const entry = profile.mediaTypes.find((known) => known.type === type);
    if (entry === undefined)
      throw new LetterFault("32", `${field}/FileType`, "is not in table 9005");
    const given = name ?? `Anlage-${index + 1}${entry.extensions[0] ?? ""}`;
    const unique = acceptableName(given, taken, profile);
    taken.add(unique);
    const verdict = checkFileType(
      { name: unique, mediaType: type, head: headOf(content) },
      profile.mediaTypes,
    );
    if (!verdict.ok) throw new LetterFault("32", field, verdict.detail);
    const mediaType = entry.standard ?? entry.type;
    return { name: unique, mediaType, size, read: () => decodeBase64(content) };
  });
}

function headOf(content: string): Buffer {
  const chunks: Buffer[] = [];
  let length = 0;
  for (const chunk of decodeBase64(content)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= HEAD_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, HEAD_BYTES);
}

/**
 * A file name as the receiving mailbox makes it: forbidden characters become the profile's replacement, so that no name
 * is a path; shortened before its ending; two that become equal are numbered.
 */
export function acceptableName(
  given: string,
  taken: ReadonlySet<string>,
  profile: Profile,
): string {
  const { forbiddenInFileName, fileNameReplacement, fileName } = profile.limits;
  const replaced = [
    ...given.normalize("NFC").toWellFormed().replace(INVISIBLE, fileNameReplacement),
  ]
    .map((character) => (forbiddenInFileName.includes(character) ? fileNameReplacement : character))
    .join("")
    .trim()
    .replace(/^\.+/, (dots) => fileNameReplacement.repeat(dots.length));
  const dot = replaced.lastIndexOf(".");
  const ending = dot > 0 && replaced.length - dot <= 12 ? replaced.slice(dot) : "";
  const base = ending === "" ? replaced : replaced.slice(0, dot);
  const candidate = (mark: string) => {
    const room = fileName - [...ending].length - mark.length;
    return [...(base === "" ? "Datei" : base)].slice(0, room).join("") + mark + ending;
  };
  let name = candidate("");
  for (let number = 2; taken.has(name); number += 1) name = candidate(` (${number})`);
  return name;
}

const UNKNOWN_TYPES = ["application/octet-stream", "binary/octet-stream", ""];

/** Name and type of table 9005 for a file of a message. Some Matrix clients do not say what a file is, or drop its ending. */
export function outgoingName(
  name: string,
  mediaType: string,
  taken: ReadonlySet<string>,
  profile: Profile,
): { readonly name: string; readonly type: string } {
  const ending = /\.[^.]*$/.exec(name)?.[0].toLowerCase() ?? "";
  const byEnding = profile.mediaTypes.find(({ extensions }) => extensions.includes(ending));
  const unsaid = UNKNOWN_TYPES.includes(mediaType.toLowerCase());
  const type = unsaid ? (byEnding?.type ?? mediaType) : mediaType;
  const entry = findFileType(profile.mediaTypes, type);
  const complete = /\.[A-Za-z0-9]{1,10}$/.test(name) ? name : name + (entry?.extensions[0] ?? "");
  return { name: acceptableName(complete, taken, profile), type: entry?.type ?? type };
}
