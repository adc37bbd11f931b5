import type { Readable } from "node:stream";
import type { HistoricLetter } from "../bridge/contract.ts";
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

/** Where attachments go: into the blob store, or nowhere (a dry run only measures them). */
export type StoreFile = (body: Readable) => Promise<BlobRef>;

/** Where one letter lies in a source. `key` orders letters of the same time and names the place for people. */
export interface Place {
  readonly key: string;
  readonly offset: number;
  readonly bytes: number;
}

/** Something on disk that holds letters. Reading changes nothing and acknowledges nothing. */
export interface HistorySource {
  /** Name of the kind and of the place, for reports and the mark on every letter. */
  readonly name: string;
  /** Every place with something that should be a letter, in the order of the source. */
  places(signal: AbortSignal): AsyncIterable<Place>;
  /** Throws HistoryFault for what cannot be converted. */
  read(place: Place, store: StoreFile, signal: AbortSignal): Promise<HistoricLetter>;
  /** The bytes as they lie there: evidence for the quarantine. */
  raw(place: Place): Promise<Readable>;
}
