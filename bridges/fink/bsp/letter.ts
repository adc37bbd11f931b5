import type { TrustLevel } from "../../../src/model/message.ts";

/** A BspNachricht as its schema knows it (bundid-fink.md §1.7); texts as they stand on the wire. */
export interface BspLetter<F> {
  readonly version: string;
  /** `fassung`, a date. */
  readonly issue: string;
  readonly product?: string;
  readonly createdAt: Date;
  /** NachrichtenId: chosen by the sender, informational only. May be empty. */
  readonly id: string;
  /** Anwenderkennung: the clerk, for logging over there. */
  readonly operator?: string;
  readonly sender: BspSender;
  readonly recipient: BspParty & { readonly mailbox: string };
  /** NachrichtenId of the letter this one answers, or passes on. */
  readonly answerTo?: string;
  readonly forwardOf?: string;
  /** Mail address for a confirmation that it was read. */
  readonly receiptAddress?: string;
  readonly subject: string;
  readonly category?: string;
  readonly level: TrustLevel;
  readonly case?: BspCase;
  /** Key of table 9004. */
  readonly encoding: string;
  readonly text: string;
  readonly files: readonly F[];
}
export interface BspParty {
  readonly mailbox?: string;
  /** Verfahren */
  readonly procedure?: string;
  /** Dienst */
  readonly service?: string;
  /** Mandant */
  readonly tenant?: string;
  /** Gemeindeschluessel, key of table 36. */
  readonly municipality?: string;
  readonly name?: string;
  readonly address?: string;
}
export interface BspSender extends BspParty {
  readonly email?: string;
  readonly phone?: string;
  readonly link?: string;
}
/** ZuVorgang */
export interface BspCase {
  readonly name?: string;
  readonly id?: string;
  readonly status?: string;
}
/** DataContainer as it arrived. */
export interface ArrivedFile {
  /** base64 as it stands there, white space included. */
  readonly content: string;
  readonly name?: string;
  /** Key of table 9005. */
  readonly type: string;
}
/** DataContainer as it will be sent. */
export interface OutgoingFile {
  readonly name: string;
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  read(): AsyncIterable<Uint8Array>;
}
/** BspQuittung. */
export interface BspReceipt {
  readonly accepted: boolean;
  /** Key of table 9006. */
  readonly status: string;
  readonly hints?: string;
}
export const BSP_NAMESPACE = "http://www.akdb.de/egov/bsp/nachrichten";
