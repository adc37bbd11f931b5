import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import type { HistoricLetter, Records } from "../bridge/contract.ts";
import type { ErrorCode } from "../model/errors.ts";
import type { BlobRef } from "../model/message.ts";

export type { HistoricLetter };

/** A letter that cannot be converted: named, with the reason, and with its bytes where they can be read. */
export class HistoryFault extends Error {
  override readonly name = "HistoryFault";
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Codes of a bridge that say something about the letter: it is set aside. Everything else is a fault of ours or of the way
 * there: the run ends, nothing is set aside for it.
 */
export const CONTENT_FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "INPUT_INVALID",
  "INPUT_HOSTILE",
  "LETTER_INVALID",
  "CONTENT_REJECTED",
  "ATTACHMENT_REJECTED",
  "ATTACHMENT_MISSING",
  "SIGNATURE_INVALID",
  "CERTIFICATE_INVALID",
  "RECIPIENT_UNKNOWN",
]);

/** Where attachments go: into the blob store, or nowhere (a dry run only measures them). */
export type StoreFile = (body: Readable) => Promise<BlobRef>;

/** look: nothing may stay of it, no blob and no record. */
export type Purpose = "look" | "move";

/** Where one letter lies in a source. `key` orders letters of the same time and names the place for people. */
export interface Place {
  readonly key: string;
  readonly offset: number;
  readonly bytes: number;
  /** What the source says of the letter without reading it. */
  readonly outline?: Outline;
}
export interface Outline {
  readonly sourceId: string;
  readonly at: Date;
  readonly mailbox: string;
}

/** Something that holds letters of the past. Reading changes nothing there and acknowledges nothing. */
export interface HistorySource {
  /** Name of the kind and of the place, for reports and the mark on every letter; no two places have the same. */
  readonly name: string;
  /** Every place with something that should be a letter, in the order of the source. */
  places(signal: AbortSignal): AsyncIterable<Place>;
  /** Throws HistoryFault for what cannot be converted. Default purpose: move. */
  read(
    place: Place,
    store: StoreFile,
    signal: AbortSignal,
    purpose?: Purpose,
  ): Promise<HistoricLetter>;
  /** The bytes as they lie there: evidence for the quarantine. undefined: there are none to be had. */
  raw(place: Place): Promise<Readable | undefined>;
  close?(): Promise<void>;
}

/** Before 1970 no homeserver takes an event, and a letter from the future is none of the past. Throws HistoryFault. */
export function requirePast(sentAt: Date, now: Date): void {
  if (!(sentAt <= now)) throw new HistoryFault("INPUT_INVALID", "sentAt lies in the future");
  if (sentAt.getTime() < 0) throw new HistoryFault("INPUT_INVALID", "sentAt lies before 1970");
}

/** Two exports of the same base name are two sources. */
export function nameOfPlace(kind: string, base: string, whole: string): string {
  const mark = createHash("sha256").update(whole).digest("hex").slice(0, 8);
  return `${kind}:${base}~${mark}`;
}

/** Records that somebody who only looks may write at most; then the oldest is forgotten. */
const MAX_OVERLAY = 100_000;

/** Reads what there is, and forgets what is written when it goes. */
export function overlayOf(records: Records): Records {
  const own = new Map<string, string | undefined>();
  const put = (key: string, value: string | undefined) => {
    own.delete(key);
    own.set(key, value);
    const [oldest] = own.keys();
    if (own.size > MAX_OVERLAY && oldest !== undefined) own.delete(oldest);
    return Promise.resolve();
  };
  return {
    get: (key) => (own.has(key) ? Promise.resolve(own.get(key)) : records.get(key)),
    put,
    remove: (key) => put(key, undefined),
    list: (prefix, options) => records.list(prefix, options),
  };
}

/** Where there is no database yet. */
export const NO_RECORDS: Records = {
  get: () => Promise.resolve(undefined),
  put: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  list: () => Promise.resolve([]),
};
