/** Reads what stands before the body of a part, and the Content-Type of the whole. */

/** Header of one part. */
export interface PartHead {
  readonly name: string;
  /** As the sender wrote it, escapes resolved; never a path to use. */
  readonly fileName?: string;
  /** Lower case, without parameters; absent when the part says nothing. */
  readonly mediaType?: string;
}

/** syntax: against the grammar. unfinished: cut off. duplicate, limit, part-size: as they say. */
export type MultipartFault = "syntax" | "unfinished" | "duplicate" | "limit" | "part-size";

export class MultipartError extends Error {
  readonly fault: MultipartFault;
  /** The part at which it happened. */
  readonly part: PartHead | undefined;
  constructor(fault: MultipartFault, message: string, part?: PartHead, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = "MultipartError";
    this.fault = fault;
    this.part = part;
  }
}

interface HeadLimits {
  readonly maxNameBytes: number;
  readonly maxFileNameBytes: number;
}

const MAX_HEADERS = 16;
/** RFC 2046 §5.1.1. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*)$/s;
/** RFC 5987 §3.2.1, UTF-8 only. */
const EXTENDED = /^UTF-8'[A-Za-z0-9-]*'((?:[!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-Fa-f]{2})*)$/i;
// eslint-disable-next-line no-control-regex -- a name with control characters is refused
const CONTROL = /[\u0000-\u001f\u007f]/;
const IDENTITY_ENCODINGS = ["7bit", "8bit", "binary"];

/** The boundary of a `multipart/form-data` Content-Type. @throws MultipartError */
export function boundaryOf(contentType: string | undefined): string {
  const [type, parameters] = splitValue(contentType ?? "");
  const boundary = parameters.get("boundary");
  if (type !== "multipart/form-data" || boundary === undefined || !BOUNDARY.test(boundary))
    throw new MultipartError("syntax", "Content-Type must be multipart/form-data with a boundary");
  return boundary;
}

/** @throws MultipartError */
export function readPartHead(bytes: Buffer, limits: HeadLimits): PartHead {
  const headers = readHeaders(bytes);
  const [kind, parameters] = splitValue(headers.get("content-disposition") ?? "");
  const name = parameters.get("name");
  if (kind !== "form-data" || name === undefined || name === "")
    throw new MultipartError("syntax", "a part has no Content-Disposition: form-data with a name");
  requireShort("field name", name, limits.maxNameBytes);
  const fileName = fileNameOf(parameters);
  if (fileName !== undefined) requireShort("file name", fileName, limits.maxFileNameBytes);
  const encoding = headers.get("content-transfer-encoding")?.toLowerCase();
  if (encoding !== undefined && !IDENTITY_ENCODINGS.includes(encoding))
    throw new MultipartError("syntax", "a part has a Content-Transfer-Encoding (RFC 7578 §4.7)");
  const type = headers.get("content-type");
  return {
    name,
    ...(fileName === undefined ? {} : { fileName }),
    ...(type === undefined ? {} : { mediaType: splitValue(type)[0] }),
  };
}

function requireShort(what: string, text: string, maxBytes: number): void {
  if (CONTROL.test(text))
    throw new MultipartError("syntax", `a ${what} contains control characters`);
  if (Buffer.byteLength(text) > maxBytes)
    throw new MultipartError("limit", `a ${what} exceeds ${maxBytes} bytes`);
}

/**
 * RFC 7578 §4.2 forbids `filename*`, many HTTP libraries write it nevertheless. It is taken when it can mean one thing
 * only: alone, or equal to `filename`.
 */
function fileNameOf(parameters: ReadonlyMap<string, string>): string | undefined {
  const plain = parameters.get("filename");
  const extended = parameters.get("filename*");
  if (extended === undefined) return plain;
  const encoded = EXTENDED.exec(extended)?.[1];
  if (encoded === undefined) throw new MultipartError("syntax", "filename* cannot be read");
  let decoded: string;
  try {
    decoded = decodeURIComponent(encoded);
  } catch (cause) {
    throw new MultipartError("syntax", "filename* is not UTF-8", undefined, cause);
  }
  if (plain !== undefined && plain !== decoded)
    throw new MultipartError("syntax", "filename and filename* name different files");
  return decoded;
}

function readHeaders(bytes: Buffer): ReadonlyMap<string, string> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new MultipartError("syntax", "the headers of a part are not UTF-8", undefined, cause);
  }
  const headers = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || value === undefined || CONTROL.test(value.replaceAll("\t", "")))
      throw new MultipartError("syntax", "a header line of a part is broken");
    if (headers.has(name.toLowerCase()))
      throw new MultipartError("syntax", `header ${name} comes twice in a part`);
    headers.set(name.toLowerCase(), value.trim());
    if (headers.size > MAX_HEADERS)
      throw new MultipartError("limit", `a part has more than ${MAX_HEADERS} headers`);
  }
  return headers;
}

/** `value; a=b; c="d"` → lower-case value and its parameters. A parameter that comes twice is refused. */
function splitValue(header: string): [string, ReadonlyMap<string, string>] {
  const semicolon = header.indexOf(";");
  const value = (semicolon < 0 ? header : header.slice(0, semicolon)).trim().toLowerCase();
  const parameters = new Map<string, string>();
  let rest = semicolon < 0 ? "" : header.slice(semicolon);
  while (rest.trim() !== "") {
    const start = /^[ \t]*;[ \t]*/.exec(rest)?.[0];
    if (start === undefined) throw brokenParameters();
    rest = rest.slice(start.length);
    if (rest === "") break;
    const name = TOKEN.exec(rest)?.[0];
    if (name === undefined || rest[name.length] !== "=") throw brokenParameters();
    const [text, length] = readParameterValue(rest.slice(name.length + 1));
    if (parameters.has(name.toLowerCase()))
      throw new MultipartError("syntax", `parameter ${name} comes twice`);
    parameters.set(name.toLowerCase(), text);
    rest = rest.slice(name.length + 1 + length);
  }
  return [value, parameters];
}

/** A token, or a quoted string whose quoted pairs are resolved (RFC 9110 §5.6.4), and how long it stood there. */
function readParameterValue(rest: string): [string, number] {
  if (!rest.startsWith('"')) {
    const bare = /^[^\s;"]+/.exec(rest)?.[0];
    if (bare === undefined) throw brokenParameters();
    return [bare, bare.length];
  }
  let text = "";
  for (let at = 1; at < rest.length; at += 1) {
    const character = rest.charAt(at);
    if (character === '"') return [text, at + 1];
    if (character === "\\") at += 1;
    text += rest.charAt(at);
  }
  throw brokenParameters();
}

function brokenParameters(): MultipartError {
  return new MultipartError("syntax", "the parameters of a header cannot be read");
}
