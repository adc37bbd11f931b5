import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { GatewayError, type ErrorCode } from "../model/errors.ts";
import { digestOf } from "../model/id.ts";
import type { BlobRef } from "../model/message.ts";
import { HistoryFault, type HistorySource, type Place } from "./source.ts";

/** Letters of one run: about 150 bytes of memory each for their order. More: move them in parts. */
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
  readonly cases: number;
  /** Of the texts and files. */
  readonly bytes: number;
  readonly first?: Date;
  readonly last?: Date;
  readonly mailboxes: Readonly<Record<string, number>>;
  readonly problemCount: number;
  readonly problems: readonly Problem[];
  /** Over ids and times in the order in which they are moved: the same export gives the same one. */
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
  readonly id: string;
}

/** Reads everything once and changes nothing: no blob, no row. Throws NOT_ALLOWED past MAX_LETTERS. */
export async function surveySource(source: HistorySource, signal: AbortSignal): Promise<Survey> {
  const seen: Seen[] = [];
  const faulty: Problem[] = [];
  const ids = new Set<string>();
  const cases = new Set<string>();
  const mailboxes = new Map<string, number>();
  let bytes = 0;
  for await (const place of source.places(signal)) {
    if (seen.length + faulty.length >= MAX_LETTERS)
      throw new GatewayError("NOT_ALLOWED", `more than ${MAX_LETTERS} letters: move them in parts`);
    try {
      const { message, mailbox } = await source.read(place, measure, signal);
      const id = digestOf(message.sourceId).slice(0, 24);
      if (ids.has(id)) throw new HistoryFault("INPUT_INVALID", "this id stood there before");
      ids.add(id);
      cases.add(digestOf(message.conversation).slice(0, 24));
      mailboxes.set(mailbox, (mailboxes.get(mailbox) ?? 0) + 1);
      bytes += place.bytes + message.attachments.reduce((sum, { blob }) => sum + blob.size, 0);
      seen.push({ place, at: message.sentAt.getTime(), id });
    } catch (error) {
      if (!(error instanceof HistoryFault)) throw error;
      faulty.push({ place, code: error.code, detail: error.message });
    }
  }
  // Stable: letters of the same instant stay as the source has them.
  seen.sort((a, b) => a.at - b.at);
  return { report: reportOf(seen, faulty, cases.size, bytes, mailboxes), ...orderOf(seen), faulty };
}

function orderOf(seen: readonly Seen[]): { order: readonly Place[] } {
  return { order: seen.map(({ place }) => place) };
}

function reportOf(
  seen: readonly Seen[],
  faulty: readonly Problem[],
  cases: number,
  bytes: number,
  mailboxes: ReadonlyMap<string, number>,
): SurveyReport {
  const [first, last] = [seen[0], seen.at(-1)];
  const hash = createHash("sha256");
  for (const { id, at } of seen) hash.update(`${id} ${at}\n`);
  return {
    letters: seen.length,
    ...{ cases, bytes },
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
