/** Is a file what its media type and its name say it is? Looked at: the first bytes, nothing is unpacked. */

export interface FileTypeEntry {
  /** The name on the wire. */
  readonly type: string;
  /** The registered name, where the wire uses another one. */
  readonly standard?: string | undefined;
  /** Further names under which senders know it. */
  readonly aliases?: readonly string[] | undefined;
  /** Lower case, with dot. */
  readonly extensions: readonly string[];
}
export type FileTypeTable = readonly FileTypeEntry[];

/** type: not on the list. extension: the name does not fit the type. content: the bytes do not. */
export type FileTypeVerdict =
  | { readonly ok: true; readonly entry: FileTypeEntry }
  | {
      readonly ok: false;
      readonly reason: "type" | "extension" | "content";
      readonly detail: string;
    };

/** How many bytes of a file the check wants to see (fewer when the file is shorter). */
export const HEAD_BYTES = 1_024;

const SIGNATURES: readonly { type: string; test: (head: Buffer) => boolean }[] = [
  { type: "application/pdf", test: (head) => head.includes("%PDF-") },
  { type: "image/png", test: startsWith(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a) },
  { type: "image/jpeg", test: startsWith(0xff, 0xd8, 0xff) },
  { type: "image/gif", test: (head) => /^GIF8[79]a/.test(head.toString("latin1", 0, 6)) },
  { type: "image/tiff", test: (head) => isTiff(head) },
  { type: "image/bmp", test: startsWith(0x42, 0x4d) },
  { type: "text/rtf", test: (head) => head.toString("latin1", 0, 5) === "{\\rtf" },
];
const KNOWN_BINARY: readonly ((head: Buffer) => boolean)[] = [
  startsWith(0x50, 0x4b, 0x03, 0x04),
  startsWith(0x4d, 0x5a),
  startsWith(0x7f, 0x45, 0x4c, 0x46),
  startsWith(0xd0, 0xcf, 0x11, 0xe0),
  startsWith(0x1f, 0x8b),
];

/** Finds the entry for a media type by wire name, standard name or alias. Parameters (`; charset=`) are ignored. */
export function findFileType(table: FileTypeTable, mediaType: string): FileTypeEntry | undefined {
  const wanted = mediaType.split(";")[0]?.trim().toLowerCase() ?? "";
  return table.find(
    ({ type, standard, aliases }) =>
      type === wanted || standard === wanted || (aliases?.includes(wanted) ?? false),
  );
}

/** `head`: the first HEAD_BYTES of the file. */
export function checkFileType(
  file: { readonly name: string; readonly mediaType: string; readonly head: Buffer },
  table: FileTypeTable,
): FileTypeVerdict {
  const entry = findFileType(table, file.mediaType);
  if (entry === undefined)
    return { ok: false, reason: "type", detail: `media type ${file.mediaType} is not allowed` };
  const extension = /\.[^.]*$/.exec(file.name)?.[0].toLowerCase() ?? "";
  if (!entry.extensions.includes(extension)) {
    const detail = `a file of type ${entry.type} must end in ${entry.extensions.join(" or ")}`;
    return { ok: false, reason: "extension", detail };
  }
  if (!fits(entry.type, file.head))
    return { ok: false, reason: "content", detail: `the content is not ${entry.type}` };
  return { ok: true, entry };
}

function fits(type: string, head: Buffer): boolean {
  if (head.length === 0) return true;
  const signature = SIGNATURES.find((known) => known.type === type);
  if (signature !== undefined) return signature.test(head);
  if (SIGNATURES.some(({ type: other, test }) => other !== "image/bmp" && test(head))) return false;
  if (KNOWN_BINARY.some((test) => test(head))) return false;
  if (type === "text/calendar") return /^\uFEFF?\s*BEGIN:VCALENDAR/i.test(asText(head));
  if (type === "image/svg+xml") return /<svg[\s>:]|<!--|<\?xml/i.test(asText(head));
  if (type.startsWith("text/")) return isUtf16(head) || !head.includes(0);
  return true;
}

function asText(head: Buffer): string {
  return isUtf16(head) ? head.toString("utf16le") : head.toString("utf8");
}
function isUtf16(head: Buffer): boolean {
  const mark = head.length >= 2 ? head.readUInt16BE(0) : 0;
  return mark === 0xfffe || mark === 0xfeff;
}
function isTiff(head: Buffer): boolean {
  return startsWith(0x49, 0x49, 0x2a, 0x00)(head) || startsWith(0x4d, 0x4d, 0x00, 0x2a)(head);
}
function startsWith(...bytes: readonly number[]): (head: Buffer) => boolean {
  const expected = Buffer.from(bytes);
  return (head) => head.subarray(0, expected.length).equals(expected);
}
