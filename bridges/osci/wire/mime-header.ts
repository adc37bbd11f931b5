import { hostile, malformed } from "./errors.ts";

/** Header fields of one message or part. */
const maxFields = 32;
/** RFC 2046 §5.1.1 allows 70 characters. */
const maxBoundaryLength = 70;

const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const control = /[\u0000-\u0008\u000a-\u001f\u007f]/;

export type HeaderFields = ReadonlyMap<string, string>;

/** `value; name=token; name="quoted"`, names in lower case, as in Content-Type. */
export interface ParameterisedValue {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** What a part says about itself. */
export interface PartHeader {
  /** Lower case, without parameters. */
  readonly contentType: string;
  /** Without the angle brackets; may hold blanks and any character of UTF-8. */
  readonly contentId: string;
  /** Lower case, as written; absent where nothing was written. */
  readonly transferEncoding: string | undefined;
  /** Whether the bytes on the wire are base64 (facts §2.2, §8.6). */
  readonly base64: boolean;
  /** As written. Never trusted: real peers write wrong lengths, the boundary decides (facts §2.3). */
  readonly declaredLength: string | undefined;
  readonly fields: HeaderFields;
}

/**
 * Unfolds and reads header lines. Throws when a line has no name, when a field comes twice, or when there are too many.
 */
export function readFields(lines: readonly string[]): HeaderFields {
  const unfolded: string[] = [];
  for (const line of lines) {
    const last = unfolded.length - 1;
    if (!/^[ \t]/.test(line)) unfolded.push(line);
    else if (last < 0) throw malformed("MIME: the first header line is a continuation");
    else unfolded[last] = (unfolded[last] ?? "") + line;
  }
  if (unfolded.length > maxFields) throw hostile("MIME: too many header fields");
  const fields = new Map<string, string>();
  for (const line of unfolded) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).trimEnd();
    if (!fieldName.test(name)) throw malformed("MIME: a header line without a field name");
    if (control.test(line)) throw malformed("MIME: a control character in a header");
    const key = name.toLowerCase();
    if (fields.has(key)) throw malformed(`MIME: header ${key} occurs twice`);
    fields.set(key, line.slice(colon + 1).trim());
  }
  return fields;
}

/** The boundary of the whole message. MIME-Version may be missing but must not be another one (facts §2.3). */
export function readBoundary(fields: HeaderFields): string {
  const version = fields.get("mime-version");
  if (version !== undefined && version !== "1.0") throw malformed("MIME: unknown MIME-Version");
  const contentType = fields.get("content-type");
  if (contentType === undefined) throw malformed("MIME: the message has no Content-Type");
  const { value, parameters } = readParameters(contentType);
  const boundary = parameters.get("boundary");
  if (value !== "multipart/related" || boundary === undefined || boundary === "")
    throw malformed("MIME: the message is not Multipart/Related with a boundary");
  if (boundary.length > maxBoundaryLength) throw hostile("MIME: the boundary is too long");
  return boundary;
}

export function readPartHeader(fields: HeaderFields): PartHeader {
  const { value, parameters } = readParameters(fields.get("content-type") ?? "");
  if (value === "") throw malformed("MIME: a part without Content-Type");
  const charset = parameters.get("charset");
  if (charset !== undefined && charset.toLowerCase() !== "utf-8")
    throw malformed("MIME: a part in another charset than UTF-8");
  const transferEncoding = fields.get("content-transfer-encoding")?.toLowerCase();
  return {
    contentType: value,
    contentId: readContentId(fields.get("content-id")),
    transferEncoding,
    base64: transferEncoding === "base64" || value === "text/base64",
    declaredLength: fields.get("content-length"),
    fields,
  };
}

function readContentId(field: string | undefined): string {
  const id = /^<(.+)>$/u.exec(field ?? "")?.[1];
  if (id === undefined) throw malformed("MIME: a part without Content-ID");
  return id;
}

const parameter =
  /^;[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^;"]*)))?[ \t]*/;

export function readParameters(field: string): ParameterisedValue {
  const end = field.indexOf(";");
  const value = (end === -1 ? field : field.slice(0, end)).trim().toLowerCase();
  const parameters = new Map<string, string>();
  for (let rest = end === -1 ? "" : field.slice(end); rest !== "";) {
    const match = parameter.exec(rest);
    if (match === null) throw malformed("MIME: broken parameters in a Content-Type");
    const [whole, name, quoted, bare] = match;
    if (name !== undefined) {
      const key = name.toLowerCase();
      if (parameters.has(key)) throw malformed("MIME: a parameter of Content-Type occurs twice");
      parameters.set(key, quoted?.replace(/\\(.)/g, "$1") ?? (bare ?? "").trim());
    }
    rest = rest.slice(whole.length);
  }
  return { value, parameters };
}
