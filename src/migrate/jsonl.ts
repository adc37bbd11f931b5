import { createReadStream } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { Readable } from "node:stream";
import type { BridgeDefinition } from "../bridge/contract.ts";
import { decodeUtf8, parseStrictJson, StrictJsonError } from "../guard/strict-json.ts";
import { sanitizeLetterHtml, textOfHtml } from "../matrix/html.ts";
import { GatewayError } from "../model/errors.ts";
import type { Attachment } from "../model/message.ts";
import { lineSchema, MAX_LINE_BYTES, type HistoryLine } from "./form.ts";
import {
  HistoryFault,
  nameOfPlace,
  type HistoricLetter,
  type HistorySource,
  type Place,
  type StoreFile,
} from "./source.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

type CaseKey = NonNullable<BridgeDefinition["caseKey"]>;

/**
 * A JSON Lines file with its attachments in folders beside it (docs/migration.md). `caseKey`: that of the account's
 * bridge, for lines that leave `conversation` out. Throws NOT_FOUND.
 */
export async function openJsonl(file: string, caseKey?: CaseKey): Promise<HistorySource> {
  const known = await stat(file).catch(() => undefined);
  if (!known?.isFile()) throw new GatewayError("NOT_FOUND", `there is no file ${file}`);
  const folder = await realpath(dirname(file));
  return {
    name: nameOfPlace("jsonl", basename(file), join(folder, basename(file))),
    places: (signal) => linesOf(file, signal),
    read: async (place, store) => readLine(await bytesAt(file, place), folder, store, caseKey),
    raw: (place) => Promise.resolve(createReadStream(file, rangeOf(place))),
  };
}

function rangeOf({ offset, bytes }: Place): { start: number; end: number } {
  return { start: offset, end: offset + bytes - 1 };
}

/** Places of the lines, never their text: memory does not grow with the file or with a line. */
async function* linesOf(file: string, signal: AbortSignal): AsyncGenerator<Place> {
  let [position, start, line] = [0, 0, 1];
  let before: number | undefined;
  for await (const chunk of createReadStream(file, { signal }) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) {
      const isBlank = (at > 0 ? chunk[at - 1] : before) === RETURN && position + at - start === 1;
      if (!isBlank) yield* placeOf(line, start, position + at);
      start = position + at + 1;
      line += 1;
    }
    position += chunk.length;
    before = chunk.at(-1);
  }
  yield* placeOf(line, start, position);
}

function* placeOf(line: number, start: number, end: number): Generator<Place> {
  if (end > start) yield { key: `line ${line}`, offset: start, bytes: end - start };
}

async function bytesAt(file: string, { offset, bytes }: Place): Promise<Buffer> {
  if (bytes > MAX_LINE_BYTES)
    throw new HistoryFault("INPUT_HOSTILE", `a line of more than ${MAX_LINE_BYTES} bytes`);
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await handle.read(buffer, 0, bytes, offset);
    if (bytesRead !== bytes) throw new HistoryFault("INPUT_INVALID", "the file became shorter");
    return buffer;
  } finally {
    await handle.close();
  }
}

async function readLine(
  bytes: Buffer,
  folder: string,
  store: StoreFile,
  caseKey: CaseKey | undefined,
): Promise<HistoricLetter> {
  const line = parseLine(bytes);
  const attachments: Attachment[] = [];
  for (const one of line.attachments) attachments.push(await readFile(one, folder, store));
  const { id, direction, answers, receipts, html, case: matter, ...rest } = line;
  const message = {
    ...rest,
    sourceId: id,
    conversation: line.conversation ?? keyOfCase(line, caseKey),
    sentAt: new Date(line.sentAt),
    attachments,
    ...(html === undefined ? {} : await bothForms(html, line.text, bytes, store)),
    ...(matter === undefined ? {} : { case: matter }),
  };
  const [to] = line.to;
  return {
    message: message as HistoricLetter["message"],
    direction,
    mailbox: direction === "sent" ? line.from.address : (to?.address ?? ""),
    ...(answers === undefined ? {} : { answers }),
    receipts: receipts.map(({ kind, at }) => ({ kind, at: new Date(at) })),
  };
}

function keyOfCase(line: HistoryLine, caseKey: CaseKey | undefined): string {
  const key = caseKey?.(line as Parameters<CaseKey>[0]);
  if (key !== undefined) return key;
  const why = caseKey
    ? "`from`, `to` and `case` do not say which case it is"
    : "the bridge of this account cannot tell it from `case`";
  throw new HistoryFault("INPUT_INVALID", `conversation: is missing, and ${why}`);
}

/** The canonical form carries the text beside every HTML. What cleaning takes away stays in the line, which is kept then. */
async function bothForms(
  given: string,
  text: string | undefined,
  line: Buffer,
  store: StoreFile,
): Promise<Pick<HistoricLetter["message"], "html" | "text" | "original">> {
  const html = sanitizeLetterHtml(given);
  const forms = { html, text: text ?? textOfHtml(html) };
  return html === given ? forms : { ...forms, original: await store(Readable.from([line])) };
}

function parseLine(bytes: Buffer): HistoryLine {
  if (bytes.subarray(0, 3).equals(BYTE_ORDER_MARK))
    throw new HistoryFault("INPUT_INVALID", "a byte order mark: save the file without one");
  let value: unknown;
  try {
    value = parseStrictJson(decodeUtf8(bytes));
  } catch (cause) {
    if (!(cause instanceof StrictJsonError)) throw cause;
    throw new HistoryFault("INPUT_INVALID", cause.message, { cause });
  }
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  // Where and what, never the value: reports do not carry content.
  const [first] = parsed.error.issues;
  const where = first?.path.join(".") ?? "";
  throw new HistoryFault("INPUT_INVALID", `${where === "" ? "line" : where}: ${first?.code ?? ""}`);
}

async function readFile(
  { name, mediaType, file, sha256, signed }: HistoryLine["attachments"][number],
  folder: string,
  store: StoreFile,
): Promise<Attachment> {
  const path = await within(folder, file);
  const blob = await store(createReadStream(path)).catch((cause: unknown) => {
    if (!(cause instanceof GatewayError) || cause.code !== "ATTACHMENT_REJECTED") throw cause;
    throw new HistoryFault(cause.code, `attachment ${file}: ${cause.message}`, { cause });
  });
  if (blob.digest !== `sha256:${sha256}`)
    throw new HistoryFault("INPUT_INVALID", `attachment ${file} is not the one that sha256 names`);
  return { name, mediaType, blob, ...(signed === undefined ? {} : { signed }) };
}

/** A line must not reach for other files of this machine, neither by name nor by a link. */
async function within(folder: string, file: string): Promise<string> {
  const path = await realpath(resolve(folder, file)).catch((cause: unknown) => {
    throw new HistoryFault("INPUT_INVALID", `attachment ${file} is missing`, { cause });
  });
  if (!path.startsWith(folder + sep))
    throw new HistoryFault("INPUT_HOSTILE", `attachment ${file} lies outside of the export`);
  const known = await stat(path);
  if (!known.isFile()) throw new HistoryFault("INPUT_INVALID", `attachment ${file} is no file`);
  return path;
}
