import type { Readable } from "node:stream";
import type { BlobRef, IncomingMessage } from "../model/message.ts";
import type { Receipt } from "../model/receipt.ts";
import type { Records } from "./contract.ts";

/** Letters of the past: what lies in an old mailbox, and exports of it on disk. Nothing here acknowledges anything. */

/**
 * A letter of the past. The same source id and conversation as live traffic gives: a letter that comes again is known, a
 * later one finds its room.
 */
export interface HistoricLetter {
  /** `inReplyTo` only when the bridge knows our id of the answered letter; else `answers`. */
  readonly message: IncomingMessage;
  /** sent: written by the holder of the mailbox; `from` is then our side of the conversation. */
  readonly direction: "received" | "sent";
  /** Source id of the letter that it answers. */
  readonly answers?: string;
  /** What happened to it then. */
  readonly receipts?: readonly Receipt[];
  /** Which mailbox of the account it belongs to. */
  readonly mailbox: string;
  /**
   * Called with our id once the letter is stored (or was known), before it counts as moved: what a later letter of its
   * case has to know is written down here. Must be safe to repeat.
   */
  remember?(id: string): Promise<void>;
}

/** What lies in an old mailbox and was fetched there before: the running account will never be given it. */
export interface History {
  /** Goes on at `cursor`. The order is free; one that changed there meanwhile may come a second time. */
  list(cursor: string | undefined, signal: AbortSignal): AsyncIterable<HistoryEntry>;
  /**
   * One of them, whole. Throws GatewayError NOT_FOUND when it is not given out any more, and as `Archive.read` for what
   * cannot become a letter. Anything else says nothing about the letter.
   */
  read(id: string, signal: AbortSignal): Promise<HistoricLetter>;
  /** Its bytes as they came, as evidence. Throws as `read`. */
  raw(id: string, signal: AbortSignal): Promise<Readable>;
}
export interface HistoryEntry {
  /** Its source id. */
  readonly id: string;
  /** When it was sent: they are moved in this order. */
  readonly at: Date;
  readonly mailbox: string;
  /** Where to go on after this one. */
  readonly cursor: string;
}

/** Reads exports on disk in the format of this bridge, one file a letter. Changes nothing there, reaches nothing. */
export interface Archive<C> {
  /** By its path below the export, with "/": may it be a letter? Everything else is left alone. */
  isLetter(path: string): boolean;
  /** Throws GatewayError INPUT_INVALID or INPUT_HOSTILE for what cannot become a letter. */
  read(file: ArchiveFile, context: ArchiveContext<C>): Promise<HistoricLetter>;
}
export interface ArchiveFile {
  readonly path: string;
  /** Bytes; at most 256 MB, checked before `read`. */
  readonly bytes: Buffer;
}
export interface ArchiveContext<C> {
  readonly account: string;
  readonly config: C;
  readonly now: Date;
  readonly signal: AbortSignal;
  /** Those of the account. While somebody only looks, what is written is forgotten afterwards. */
  readonly records: Records;
  store(name: string, body: Readable): Promise<BlobRef>;
  /** A file in the same folder; undefined: there is none. Throws GatewayError INPUT_HOSTILE above 4 MB. */
  beside(name: string): Promise<Buffer | undefined>;
}
