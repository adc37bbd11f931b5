/**
 * Reads the little of a mail that a notice needs: subject, date, ids and its text. Tolerant, because nobody says how
 * the mails look; bounded, because anybody can send one.
 */
export interface MailText {
  readonly subject: string;
  readonly messageId?: string;
  readonly date?: Date;
  /** All text parts, HTML reduced to its words. */
  readonly text: string;
}

const MAX_HEADER_BYTES = 65_536;
const MAX_TEXT = 200_000;
const MAX_PARTS = 20;
const MAX_DEPTH = 5;

export function readMailText(bytes: Buffer): MailText {
  const budget = { parts: MAX_PARTS };
  const [headers, body] = splitEntity(bytes);
  const date = new Date(headers.get("date") ?? "");
  const messageId = /<([^<>\s]{1,250})>/.exec(headers.get("message-id") ?? "")?.[1];
  return {
    subject: decodeWords(headers.get("subject") ?? "").slice(0, 1_000),
    ...(messageId === undefined ? {} : { messageId }),
    ...(Number.isNaN(date.getTime()) ? {} : { date }),
    text: readEntity(headers, body, 0, budget).slice(0, MAX_TEXT),
  };
}

type Headers = ReadonlyMap<string, string>;

/** Headers (unfolded, the first of each name) and what follows the empty line. */
function splitEntity(bytes: Buffer): [Headers, Buffer] {
  const head = bytes.subarray(0, MAX_HEADER_BYTES).toString("latin1");
  const end = /\r?\n\r?\n/.exec(head);
  const block = end ? head.slice(0, end.index) : head;
  const headers = new Map<string, string>();
  for (const line of block.replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/)) {
    const [, name, value] = /^([!-9;-~]{1,80}):(.*)$/.exec(line) ?? [];
    if (name !== undefined && !headers.has(name.toLowerCase()))
      headers.set(
        name.toLowerCase(),
        Buffer.from(value ?? "", "latin1")
          .toString("utf8")
          .trim(),
      );
  }
  return [headers, end ? bytes.subarray(end.index + end[0].length) : Buffer.alloc(0)];
}

function readEntity(
  headers: Headers,
  body: Buffer,
  depth: number,
  budget: { parts: number },
): string {
  budget.parts -= 1;
  if (budget.parts < 0) return "";
  const type = headers.get("content-type") ?? "text/plain";
  const boundary = /boundary="?([^";\r\n]{1,70})"?/i.exec(type)?.[1];
  if (/^multipart\//i.test(type) && boundary !== undefined && depth < MAX_DEPTH)
    return splitParts(body, boundary)
      .map((part) => readEntity(...splitEntity(part), depth + 1, budget))
      .filter((text) => text !== "")
      .join("\n");
  if (/^message\/(rfc822|delivery-status)/i.test(type) && depth < MAX_DEPTH)
    return readEntity(...splitEntity(body), depth + 1, budget);
  if (!/^text\//i.test(type)) return "";
  const encoding = headers.get("content-transfer-encoding")?.toLowerCase() ?? "7bit";
  const charset = /charset="?([^";\s]{1,40})"?/i.exec(type)?.[1] ?? "utf-8";
  const text = decodeCharset(decodeTransfer(body.subarray(0, MAX_TEXT * 4), encoding), charset);
  return /^text\/html/i.test(type) ? text.replace(/<[^<>]{0,10000}>/g, " ") : text;
}

function splitParts(body: Buffer, boundary: string): Buffer[] {
  const marker = `--${boundary}`;
  return body
    .toString("latin1")
    .split(marker)
    .slice(1, 1 + MAX_PARTS)
    .filter((part) => !part.startsWith("--"))
    .map((part) => Buffer.from(part.replace(/^[ \t]*\r?\n/, ""), "latin1"));
}

function decodeTransfer(body: Buffer, encoding: string): Buffer {
  if (encoding === "base64") return Buffer.from(body.toString("latin1"), "base64");
  if (encoding === "quoted-printable") return decodeQuoted(body.toString("latin1"));
  return body;
}
function decodeQuoted(text: string): Buffer {
  const plain = text
    .replace(/=[ \t]*\r?\n/g, "")
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return Buffer.from(plain, "latin1");
}
function decodeCharset(bytes: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    // An unknown charset: ASCII words, which is what the patterns look for, survive in latin1.
    return bytes.toString("latin1");
  }
}

/** RFC 2047 encoded words. */
function decodeWords(header: string): string {
  return header
    .replace(/(\?=)\s+(=\?)/g, "$1$2")
    .replace(
      /=\?([^?\s]{1,40})\?([bq])\?([^?\s]*)\?=/gi,
      (_, charset: string, kind: string, text: string) => {
        const bytes =
          kind.toLowerCase() === "b"
            ? Buffer.from(text, "base64")
            : decodeQuoted(text.replaceAll("_", " "));
        return decodeCharset(bytes, charset);
      },
    );
}
