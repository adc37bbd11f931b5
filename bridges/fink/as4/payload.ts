import type { AcceptOptions } from "../../../src/bridge/contract.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";
import type { BlobRef, IncomingMessage, Message, TrustLevel } from "../../../src/model/message.ts";
import type { Route } from "../contract.ts";

/**
 * The seam between the AS4 envelope and what lies in it. The codec knows the payload's schema; the transport knows
 * parties, ids, properties and the order of steps. `profile.payload.form` names the codec that belongs to a profile.
 */
export interface PayloadCodec {
  /** Our letter as payload. Throws DeliveryError permanent when it cannot be expressed. */
  encode(message: Message, route: Route, signal: AbortSignal): Promise<OutgoingPayload>;
  /** A letter of the other side. Throws GatewayError when it cannot be understood: it goes to quarantine then. */
  decode(payload: IncomingPayload, signal: AbortSignal): Promise<DecodedPayload>;
  /** The business acknowledgement ("Quittung") for a letter we took or refused. */
  writeAcknowledgement(result: AcknowledgementResult): Uint8Array;
  /** Throws GatewayError. */
  readAcknowledgement(document: Uint8Array): AcknowledgementResult;
  /** The time at which a letter was read. Throws GatewayError. */
  readReadReceipt(document: Uint8Array): Date;
}

export interface OutgoingPayload {
  readonly document: Uint8Array;
  readonly attachments: readonly PayloadFile[];
  /** Mailbox under which the sender takes answers; default: the address of the message's sender. */
  readonly mailbox?: string;
  /** Values of the message properties that the profile names. */
  readonly level?: TrustLevel;
  readonly legalBasis?: string;
}

export interface PayloadFile {
  readonly name: string;
  readonly mediaType: string;
  readonly blob: BlobRef;
}

export interface IncomingPayload {
  readonly document: Uint8Array;
  /** `href` as the envelope names the part, `cid:` included; the name is absent when the envelope gives none. */
  readonly attachments: readonly (Omit<PayloadFile, "name"> & {
    readonly href: string;
    readonly name?: string;
  })[];
  readonly envelope: IncomingEnvelope;
}

/** The parts of the envelope that were checked against the federation. */
export interface IncomingEnvelope {
  readonly messageId: string;
  readonly sentAt: Date;
  readonly from: Mailbox;
  readonly to: Mailbox;
  readonly level?: string;
  readonly legalBasis?: string;
  /** The letter of ours to that mailbox which this one answers. */
  readonly answered?: Message;
}
export interface Mailbox {
  readonly entityId: string;
  readonly mailbox: string;
}

/** The transport adds source id, original, conversation and what is answered. */
export type DecodedPayload =
  | {
      readonly kind: "letter";
      readonly message: Omit<
        IncomingMessage,
        "sourceId" | "original" | "conversation" | "inReplyTo"
      >;
      readonly options?: AcceptOptions;
    }
  /** Not taken; the other side is told so. */
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly detail: string };

export interface AcknowledgementResult {
  readonly accepted: boolean;
  /** Ours when we write it; what the other side's code means when we read it. Absent: accepted. */
  readonly code?: ErrorCode;
  /** For operators; never content. When read: the code of the other side. */
  readonly detail?: string;
}
