import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { GatewayError, type ErrorCode } from "../model/errors.ts";
import { digestOf } from "../model/id.ts";
import type { BlobRef } from "../model/message.ts";
import {
  HistoryFault,
  requirePast,
  type HistoricLetter,
  type HistorySource,
  type Outline,
  type Place,
} from "./source.ts";

/** Letters of one run: about 250 bytes of memory each for their order. More: move them in parts. */
export const MAX_LETTERS = 1_000_000;
/** Problems that are named one by one; the rest is counted. */
const MAX_NAMED = 1_000;

export interface Problem {
  readonly place: Place;
  readonly code: ErrorCode;
  readonly detail: string;
}
export interface SurveyReport {
  readonly letters: number;
  /** Letters that were not read: only their source was asked. The next two are without them. */
  readonly unread: number;
  readonly cases: number;
  /** Of the texts and files. */
  readonly bytes: number;
  readonly first?: Date;
  readonly last?: Date;
  readonly mailboxes: Readonly<Record<string, number>>;
  readonly problemCount: number;
  readonly problems: readonly Problem[];
  /**
   * Over ids, times and contents in the order in which they are moved (not of those unread): the same export gives the
   * same one.
   */
  readonly digest: string;
}
export interface Survey {
  readonly report: SurveyReport;
  /** In the order in which they are moved: by time, then by their place. */
  readonly order: readonly Place[];
  /** What cannot be converted, whole. */
  readonly faulty: readonly Problem[];
}

interface Seen {
  readonly place: Place;
  readonly at: number;
  /** Of the source id, and of the content where it was read. */
  readonly id: string;
  readonly content: string;
}
interface Tally {
  readonly ids: Set<string>;
  readonly cases: Set<string>;
  readonly mailboxes: Map<string, number>;
  unread: number;
  bytes: number;
}
export interface SurveyOptions {
  /** Reads also what the source can tell of without: for a report. Default: false. */
  readonly whole?: boolean;
}

/** Reads everything once and changes nothing: no blob, no row. Throws NOT_ALLOWED past MAX_LETTERS. */
export async function surveySource(
  source: HistorySource,
  signal: AbortSignal,
  options: SurveyOptions = {},
): Promise<Survey> {
  const seen: Seen[] = [];
  const faulty: Problem[] = [];
  const tally: Tally = {
    ...{ ids: new Set(), cases: new Set(), mailboxes: new Map(), unread: 0, bytes: 0 },
  };
  for await (const place of source.places(signal)) {
    if (seen.length + faulty.length >= MAX_LETTERS)
      throw new GatewayError("NOT_ALLOWED", `more than ${MAX_LETTERS} letters: move them in parts`);
    try {
      seen.push(await look(source, place, tally, options, signal));
    } catch (error) {
      if (!(error instanceof HistoryFault)) throw error;
      faulty.push({ place, code: error.code, detail: error.message });
    }
  }
  // Stable: letters of the same instant stay as the source has them.
  seen.sort((a, b) => a.at - b.at);
  return { report: reportOf(seen, faulty, tally), order: seen.map(({ place }) => place), faulty };
}

async function look(
  source: HistorySource,
  place: Place,
  tally: Tally,
  { whole = false }: SurveyOptions,
  signal: AbortSignal,
): Promise<Seen> {
  const { outline } = place;
  if (outline !== undefined && !whole) {
    const { sourceId, at, mailbox } = outline;
    tally.unread += 1;
    return counted(tally, place, { sourceId, at, mailbox, content: "" });
  }
  const letter = await source.read(place, measure, signal, "look");
  const { message, mailbox } = letter;
  const { sourceId, sentAt: at } = message;
  requirePast(at, new Date());
  const seen = counted(tally, place, { sourceId, at, mailbox, content: contentOf(letter) });
  tally.cases.add(shortDigest(message.conversation));
  tally.bytes += place.bytes + message.attachments.reduce((sum, { blob }) => sum + blob.size, 0);
  return seen;
}

function counted(
  { ids, mailboxes }: Tally,
  place: Place,
  { sourceId, at, mailbox, content }: Outline & { readonly content: string },
): Seen {
  const id = shortDigest(sourceId);
  if (ids.has(id)) throw new HistoryFault("INPUT_INVALID", "this id stood there before");
  ids.add(id);
  mailboxes.set(mailbox, (mailboxes.get(mailbox) ?? 0) + 1);
  return { place, at: at.getTime(), id, content };
}

/** What the export says: not where it lies here, which may change between two readings. */
function contentOf({ message, direction, answers = "" }: HistoricLetter): string {
  const { from, to, subject = "", text = "", html = "", attachments } = message;
  const files = attachments.flatMap(({ name, mediaType, blob }) => [name, mediaType, blob.digest]);
  const people = [from, ...to].flatMap(({ address, name = "", role = "" }) => [
    address,
    name,
    role,
  ]);
  const shape = [direction, answers, String(to.length), String(attachments.length)];
  return shortDigest(...shape, ...people, subject, text, html, ...files);
}

function shortDigest(...parts: readonly string[]): string {
  return digestOf(...parts).slice(0, 24);
}

function reportOf(
  seen: readonly Seen[],
  faulty: readonly Problem[],
  { cases, bytes, mailboxes, unread }: Tally,
): SurveyReport {
  const [first, last] = [seen[0], seen.at(-1)];
  const hash = createHash("sha256");
  for (const { id, at, content } of seen) hash.update(`${id} ${at} ${content}\n`);
  return {
    letters: seen.length,
    ...{ unread, cases: cases.size, bytes },
    ...(first && last ? { first: new Date(first.at), last: new Date(last.at) } : {}),
    mailboxes: Object.fromEntries([...mailboxes].sort(([a], [b]) => (a < b ? -1 : 1))),
    problemCount: faulty.length,
    problems: faulty.slice(0, MAX_NAMED),
    digest: hash.digest("hex"),
  };
}

async function measure(body: Readable): Promise<BlobRef> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${hash.digest("hex")}`, size };
}
